// The fault switches: rules by what people call them. Each stays on until it is switched off, and one that
// says `times` until it has struck so often.

const LISTS = ["check_transaction_by_md5_list", "check_transaction_by_hash_list"];
const page = (status, title) => ({ status, html: `<html><body><h1>${status} ${title}</h1></body></html>` });

/** Groups of names and rules. */
export const SWITCHES = [
  ["Bakong is down", [
    ["503, a page of HTML", { answer: page(503, "Service Unavailable") }],
    ["500, a page of HTML", { answer: page(500, "Internal Server Error") }],
    ["The connection is cut", { answer: "cut" }],
    ["No answer at all", { answer: "hang" }],
    ["A third of the requests is cut", { answer: "cut", percent: 33 }],
  ]],
  ["Bakong refuses", [
    ["401, the token is refused", { answer: "unauthorized" }],
    ["All tokens expire at the next request", { answer: "tokens_expire", times: 1 }],
    ["403, a page of HTML: outside Cambodia", { answer: "forbidden" }],
    ["403 to lists only", { answer: "forbidden", on: LISTS }],
    ["429, come back in 30 s (Retry-After)", { answer: "too_many_requests", retryAfter: 30 }],
    ["Error 17, the day's requests are spent", { answer: "quota_exhausted" }],
  ]],
  ["Answers come badly", [
    ["3 seconds late", { delayMs: 3000 }],
    ["Byte by byte, 20 ms each", { dripMs: 20 }],
    ["Cut after 20 bytes", { truncateTo: 20 }],
  ]],
  ["Answers look odd, as real ones do", [
    ["Times with decimals", { floatTimes: true }],
    ["Amounts as texts", { textAmounts: true }],
    ["Successes without errorCode", { withoutErrorCode: true }],
  ]],
].map(([title, switches]) => [title, switches.map(([name, rule]) => ({ name, rule: { times: "always", ...rule } }))]);

/** A rule's text, the same for the same rule in whatever order. */
function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join()}}`;
}

/** Whether two rules, as the sandbox tells them, are the same. */
export const isSame = (one, other) => canonical(one) === canonical(other);
