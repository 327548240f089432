// The day's requests: how many there are, who has used how many, and when the day turns.

import { ask } from "./api.js";
import { countdown, moment, now } from "./clock.js";
import { attempt, button, byId, element, stranger, submit } from "./dom.js";
import { Feed } from "./keyed_list.js";

/** The end of the day that is shown; none once it has come. */
let turn = null;

const set = (body) => attempt(byId("quota-error"), () => ask("POST", "/sandbox/quota", body));

const addresses = new Feed(byId("addresses"), "email", ({ email, used, left, limit }) => {
  const count = limit === null ? `${used} used` : `${used} of ${limit} used`;
  const made = element("li", "", element("div", "line", stranger(email), element("span", left === 0 ? "bad" : "", count)));
  if (limit === null) return made;
  const meter = element("meter", "");
  meter.max = Math.max(limit, 1);
  // A meter that is full of what is left: it turns red where little is.
  meter.low = limit / 5;
  meter.high = meter.optimum = limit;
  meter.value = left;
  meter.setAttribute("aria-label", `${left} of ${limit} requests left for ${email}`);
  const spend = button("Use up", () => set({ email, used: limit }));
  spend.setAttribute("aria-label", `Use up the day's requests of ${email}`);
  const renew = button("Back to 0", () => set({ email, used: 0 }));
  renew.setAttribute("aria-label", `Let ${email} begin the day anew`);
  const note = left === 0 ? "Spent: from now on the answer is error 17." : `${left} left today.`;
  made.append(meter, element("div", "line", element("span", "note", note), element("span", "buttons", spend, renew)));
  return made;
});

export function showQuota(told) {
  const { limit, nextTurn } = told;
  turn = nextTurn > now() ? nextTurn : null;
  byId("limit-is").textContent = limit === null ? "No daily limit: requests are only counted." : `${limit} requests a day for each address.`;
  byId("turn").replaceChildren("The day turns at ", moment(nextTurn), " (", countdown(nextTurn), ").");
  addresses.replace(told.addresses.map((it) => ({ ...it, limit })));
  byId("unlimited").disabled = limit === null;
}

/** Whether the day that is shown has ended; told once. */
export function hasTurned() {
  if (turn === null || now() < turn) return false;
  turn = null;
  return true;
}

export function prepareQuota() {
  submit("limits", () => {
    const limit = byId("limit").value.trim();
    // As it was typed: what is no number, the sandbox says.
    return set({ limit: /^\d+$/.test(limit) ? Number(limit) : limit });
  });
  byId("unlimited").addEventListener("click", () => set({ limit: "off" }));
}
