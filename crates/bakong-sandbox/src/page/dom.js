// Helpers for the document. Text is inserted as text, never as HTML, because codes contain text from strangers.

export const byId = (id) => document.getElementById(id);

/** Creates an element with strings and nodes as children. */
export function element(name, className, ...children) {
  const created = document.createElement(name);
  if (className) created.className = className;
  created.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return created;
}

/** Wraps untrusted text so that its writing direction does not affect the text around it. */
export const untrusted = (text) => element("bdi", "", text);

export function button(text, onClick, className = "small") {
  const created = element("button", className, text);
  created.type = "button";
  created.addEventListener("click", onClick);
  return created;
}

/** Creates the terms and values of a `dl`. Omits pairs without a value. */
export function definitions(pairs) {
  const present = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return present.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]);
}

/** Shows a message in `target`. `kind` is `good`, `bad`, `wait`, `note` or empty. */
export function showMessage(target, text, kind = "") {
  target.textContent = text;
  target.className = `message ${kind}`;
}

/** Runs `action`, and shows its error in `target`. */
export async function attempt(target, action) {
  showMessage(target, "");
  try {
    await action();
  } catch (error) {
    showMessage(target, error.message, "bad");
  }
}

/** Runs `action` when a form is submitted, by its button or with Enter. */
export function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

/** Copies a string. Returns false when the browser does not allow it. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS, for example on a phone in the same network, `navigator.clipboard` is missing.
    const field = element("textarea", "offscreen", text);
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    return isCopied;
  }
}

/** Makes a button copy the result of `text()`. The button shows the outcome for two seconds. */
export function copyOnClick(target, text) {
  const label = target.textContent;
  target.addEventListener("click", async () => {
    target.textContent = (await copy(text())) ? "Copied" : "Cannot copy: select the text";
    setTimeout(() => {
      target.textContent = label;
    }, 2000);
  });
  return target;
}

export function copyButton(text, accessibleName) {
  const created = copyOnClick(button("Copy", () => {}), () => text);
  created.setAttribute("aria-label", accessibleName);
  return created;
}
