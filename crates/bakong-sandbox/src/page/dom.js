// Small tools for the page. Texts are set as texts, never as HTML: a code's is a stranger's.

export const byId = (id) => document.getElementById(id);

/** An element with texts and elements in it. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

/** A text that somebody else wrote: its writing direction stays in it. */
export const stranger = (text) => element("bdi", "", text);

export function button(text, action, className = "small") {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

/** Names and values, those without a value left out. */
export function facts(pairs) {
  const told = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return told.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]);
}

/** Says something in a place for messages: `good`, `bad` or neither. */
export function say(place, text, className = "") {
  place.textContent = text;
  place.className = `message ${className}`;
}

/** Does something, and says in `place` what goes wrong. */
export async function attempt(place, action) {
  say(place, "");
  try {
    await action();
  } catch (error) {
    say(place, error.message, "bad");
  }
}

/** Runs `action` when a form is sent, by button or by Enter. */
export function submit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

/** Copies a text; false where the browser does not let the page. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https, as from a phone in the same network, there is only the old way.
    const field = element("textarea", "aside", text);
    document.body.append(field);
    field.select();
    const isDone = document.execCommand("copy");
    field.remove();
    return isDone;
  }
}

/** Lets a button copy a text, and say so on itself for a moment. */
export function copies(made, text) {
  const label = made.textContent;
  made.addEventListener("click", async () => {
    made.textContent = (await copy(text())) ? "Copied" : "Cannot copy: mark it by hand";
    setTimeout(() => {
      made.textContent = label;
    }, 2000);
  });
  return made;
}

export function copyButton(label, text, name) {
  const made = copies(button(label, () => {}), () => text);
  made.setAttribute("aria-label", name);
  return made;
}
