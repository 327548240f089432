// Requests to the sandbox's control API. The page sends only requests that programs can send too.

/** An error response, with the sandbox's own text: what is wrong, where, and what to do. */
class ApiError extends Error {
  constructor(error) {
    const path = error.where.replace(/^(body|query)\.?/, "");
    const isField = error.where.startsWith("body.");
    super(`${isField ? `${path}: ${error.what}.` : sentence(error.what)} ${sentence(error.help)}`);
    this.details = error;
  }
}

/** Capitalizes a sentence and ends it with a full stop. */
function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** Sends a request and returns the JSON response. Sends a string body unchanged. Throws on an error response. */
export async function send(method, path, body) {
  const options = { method };
  if (method === "POST") {
    options.headers = { "Content-Type": "application/json" };
    options.body = typeof body === "string" ? body : JSON.stringify(body ?? {});
  }
  let response, json;
  try {
    response = await fetch(path, options);
    json = await response.json();
  } catch {
    // No response, or a response that the sandbox did not send.
  }
  if (json && response.ok) return json;
  if (json?.error) throw new ApiError(json.error);
  throw new Error("The sandbox does not respond. Check that it is still running in its terminal.");
}

/** Returns the texts of the QR codes in a JPEG picture, or an empty array if it has none. */
export async function sendPicture(picture) {
  const response = await fetch("/sandbox/picture", {
    method: "POST",
    headers: { "Content-Type": "image/jpeg" },
    body: picture,
  });
  const json = await response.json();
  if (response.ok) return json.codes;
  // The picture was read, and has no code.
  if (response.status === 422) return [];
  throw new ApiError(json.error);
}

/**
 * Wraps `refresh` so that calls within 250 ms run it once. Never runs it twice at the same time, so the
 * newest response is shown last.
 */
export function throttle(refresh) {
  let isDue = false;
  let isRunning = false;
  return async function call() {
    isDue = true;
    if (isRunning) return;
    isRunning = true;
    while (isDue) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      isDue = false;
      // The event stream reports a lost connection.
      await refresh().catch(() => {});
    }
    isRunning = false;
  };
}
