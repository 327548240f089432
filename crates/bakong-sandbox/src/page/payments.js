// What was paid, or will be, or was not.

import { countdown, moment } from "./clock.js";
import { byId, element, facts, stranger } from "./dom.js";
import { Feed } from "./keyed_list.js";

/** An amount as people write it, dollars with both their decimals. It is a text all the way. */
export function money({ amount, currency }) {
  const [whole, cents = ""] = amount.split(".");
  return currency === "USD" ? `${whole}.${cents.padEnd(2, "0")} USD` : `${amount} ${currency}`;
}

export const STATUS = { transferred: "good", failed: "bad", refused: "bad", scheduled: "wait" };

export const payments = new Feed(byId("payments"), "hash", (it) => {
  const head = element("div", "line", element("strong", "", money(it)), element("span", `chip ${STATUS[it.status] ?? ""}`, it.status));
  const made = element("li", "", head, element("div", "", stranger(it.from), " → ", stranger(it.to)));
  if (it.description) made.append(element("div", "note", "“", stranger(it.description), "”"));
  if (it.reason) made.append(element("div", "bad", it.reason.message));
  const when = it.status === "scheduled" ? ["due ", moment(it.createdAt), ", ", countdown(it.createdAt)] : [moment(it.createdAt)];
  const handles = element("dl", "", ...facts([
    ["MD5", element("code", "", it.md5)],
    ["Hash", element("code", "", it.hash)],
    ["Short hash", element("code", "", it.shortHash)],
    ["Reference", element("code", "", it.externalRef)],
    ["Instruction", it.instructionRef && stranger(it.instructionRef)],
  ]));
  made.append(element("details", "", element("summary", "note", ...when, " · how to look it up"), handles));
  return made;
});
