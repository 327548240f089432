// The list of payments: transferred, scheduled, failed and refused.

import { countdown, timeElement } from "./clock.js";
import { byId, definitions, element, untrusted } from "./dom.js";
import { KeyedList } from "./keyed_list.js";

/** Formats an amount, US dollars with two decimals. The API sends amounts as strings, so no digit is lost. */
export function formatAmount({ amount, currency }) {
  const [whole, cents = ""] = amount.split(".");
  return currency === "USD" ? `${whole}.${cents.padEnd(2, "0")} USD` : `${amount} ${currency}`;
}

export const STATUS_CLASS = { transferred: "good", failed: "bad", refused: "bad", scheduled: "wait" };

export const payments = new KeyedList(byId("payments"), "hash", (payment) => {
  const status = element("span", `chip ${STATUS_CLASS[payment.status] ?? ""}`, payment.status);
  const head = element("div", "line", element("strong", "", formatAmount(payment)), status);
  const item = element("li", "", head, element("div", "", untrusted(payment.from), " → ", untrusted(payment.to)));
  if (payment.description) item.append(element("div", "note", "“", untrusted(payment.description), "”"));
  if (payment.reason) item.append(element("div", "bad", payment.reason.message));
  const time = timeElement(payment.createdAt);
  const when = payment.status === "scheduled" ? ["due ", time, ", ", countdown(payment.createdAt)] : [time];
  const bill = payment.billNumber && [" · bill ", untrusted(payment.billNumber)];
  const identifiers = element("dl", "", ...definitions([
    ["MD5", element("code", "", payment.md5)],
    ["Hash", element("code", "", payment.hash)],
    ["Short hash", element("code", "", payment.shortHash)],
    ["External reference", element("code", "", payment.externalRef)],
    ["Instruction reference", payment.instructionRef && untrusted(payment.instructionRef)],
  ]));
  if (bill) when.push(...bill);
  item.append(element("details", "", element("summary", "note", ...when, " · MD5, hash and references"), identifiers));
  return item;
});
