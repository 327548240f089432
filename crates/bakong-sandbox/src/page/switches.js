// The fault switches: predefined rules with names. A switch stays on until it is turned off, unless its rule
// has `times`.

const LISTS = ["check_transaction_by_md5_list", "check_transaction_by_hash_list"];
const page = (status, title) => ({ status, html: `<html><body><h1>${status} ${title}</h1></body></html>` });

/** Groups of switches: a title, then names and rules. */
export const SWITCHES = [
  ["Bakong is down", [
    ["503 with an HTML page", { answer: page(503, "Service Unavailable") }],
    ["500 with an HTML page", { answer: page(500, "Internal Server Error") }],
    ["Connection closed without a response", { answer: "cut" }],
    ["No response, connection stays open", { answer: "hang" }],
    ["Connection closed for a third of requests", { answer: "cut", percent: 33 }],
  ]],
  ["Bakong rejects requests", [
    ["401, token rejected", { answer: "unauthorized" }],
    ["All tokens expire at the next request", { answer: "tokens_expire", times: 1 }],
    ["403 with an HTML page, as outside Cambodia", { answer: "forbidden" }],
    ["403 for list checks only", { answer: "forbidden", on: LISTS }],
    ["429 with Retry-After: 30", { answer: "too_many_requests", retryAfter: 30 }],
    ["Error 17, daily quota used up", { answer: "quota_exhausted" }],
  ]],
  ["Slow or incomplete responses", [
    ["3 seconds late", { delayMs: 3000 }],
    ["One byte every 20 ms", { dripMs: 20 }],
    ["Cut off after 20 bytes", { truncateTo: 20 }],
  ]],
  ["Unusual formats, as in production", [
    ["Timestamps with decimals", { floatTimes: true }],
    ["Amounts as strings", { textAmounts: true }],
    ["Success without errorCode", { withoutErrorCode: true }],
  ]],
].map(([title, switches]) => [title, switches.map(([name, rule]) => ({ name, rule: { times: "always", ...rule } }))]);

/** Serializes a rule with sorted keys. */
function canonicalJson(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join()}}`;
}

export const isSameRule = (one, other) => canonicalJson(one) === canonicalJson(other);
