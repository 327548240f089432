// What the page asks of the sandbox: the same as any program can.

/** A refusal with the sandbox's own reason: what, where and what to do. */
class Refusal extends Error {
  constructor(told) {
    const place = told.where.replace(/^(body|query)\.?/, "");
    const isField = told.where.startsWith("body.");
    super(`${isField ? `${place}: ${told.what}.` : sentence(told.what)} ${sentence(told.help)}`);
    this.told = told;
  }
}

/** With a capital letter and a full stop. */
function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** Asks the sandbox; what it refuses is thrown with its reason. A body that is a text goes as it stands. */
export async function ask(method, path, body) {
  const options = { method };
  if (method === "POST") {
    options.headers = { "Content-Type": "application/json" };
    options.body = typeof body === "string" ? body : JSON.stringify(body ?? {});
  }
  let answer, told;
  try {
    answer = await fetch(path, options);
    told = await answer.json();
  } catch {
    // Nothing, or nothing of the sandbox's.
  }
  if (told && answer.ok) return told;
  if (told?.error) throw new Refusal(told.error);
  throw new Error("The sandbox does not answer. Look whether it still runs in its terminal.");
}

/** A look that is taken soon, and once for many calls; never two at a time, so that the last one counts. */
export function soon(look) {
  let isDue = false;
  let isBusy = false;
  return async function call() {
    isDue = true;
    if (isBusy) return;
    isBusy = true;
    while (isDue) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      isDue = false;
      // If it does not answer, the stream says so.
      await look().catch(() => {});
    }
    isBusy = false;
  };
}
