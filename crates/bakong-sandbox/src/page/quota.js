// The daily quota: the limit, the use of each address, and the time of the next reset.

import { send } from "./api.js";
import { countdown, now, timeElement } from "./clock.js";
import { attempt, button, byId, element, onSubmit, untrusted } from "./dom.js";
import { KeyedList } from "./keyed_list.js";

/** The end of the day shown, or null once that moment has passed. */
let resetAt = null;

const change = (body) => attempt(byId("quota-error"), () => send("POST", "/sandbox/quota", body));

/** Creates a bar that fills with use: green, yellow from 80 %, red at the limit. */
function usageMeter(email, used, limit) {
  const meter = element("meter", "");
  meter.max = Math.max(limit, 1);
  meter.optimum = 0;
  meter.low = limit * 0.8;
  meter.high = limit - 0.5;
  meter.value = Math.min(used, limit);
  meter.setAttribute("aria-label", `${used} of ${limit} requests used by ${email}`);
  return meter;
}

const addresses = new KeyedList(byId("addresses"), "email", ({ email, used, left, limit }) => {
  const usage = limit === null ? `${used} used` : `${used} of ${limit} used`;
  const item = element("li", "", element("div", "line", untrusted(email), element("span", left === 0 ? "bad" : "", usage)));
  if (limit === null) return item;
  const useUp = button("Use up", () => change({ email, used: limit }));
  useUp.setAttribute("aria-label", `Use up the quota of ${email}`);
  const reset = button("Reset to 0", () => change({ email, used: 0 }));
  reset.setAttribute("aria-label", `Reset the quota of ${email} to 0`);
  const note = left === 0 ? "Used up: further requests get error 17." : `${left} left today.`;
  const actions = element("div", "line", element("span", "note", note), element("span", "buttons", useUp, reset));
  item.append(usageMeter(email, used, limit), actions);
  return item;
});

export function showQuota(quota) {
  const { limit, nextReset } = quota;
  resetAt = nextReset > now() ? nextReset : null;
  byId("current-limit").textContent = limit === null ? "No daily limit. The sandbox only counts requests." : `${limit} requests per day and address.`;
  byId("quota-reset").replaceChildren("The day ends at ", timeElement(nextReset), " (", countdown(nextReset), ").");
  addresses.replace(quota.addresses.map((address) => ({ ...address, limit })));
  byId("unlimited").disabled = limit === null;
}

/** Returns whether the day shown has ended. Returns true once for each day. */
export function hasReset() {
  if (resetAt === null || now() < resetAt) return false;
  resetAt = null;
  return true;
}

export function setUpQuota() {
  onSubmit("limits", () => {
    const limit = byId("limit").value.trim();
    // Text that is not a number goes to the sandbox, which explains the error.
    return change({ limit: /^\d+$/.test(limit) ? Number(limit) : limit });
  });
  byId("unlimited").addEventListener("click", () => change({ limit: "off" }));
}
