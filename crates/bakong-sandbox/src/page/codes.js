// The codes that a shop is showing at the moment, as far as the sandbox was told.

import { ask } from "./api.js";
import { countdown, moment } from "./clock.js";
import { attempt, button, byId, element, say, stranger } from "./dom.js";
import { Feed } from "./keyed_list.js";
import { money } from "./payments.js";
import { payer, take } from "./phone.js";

const note = byId("codes-note");

const pay = (it) => attempt(note, async () => {
  await ask("POST", "/sandbox/pay", { qr: it.qr, from: payer() });
  say(note, `Paid: ${money(it.khqr)} to ${it.khqr.merchantName}.`, "good");
});

function actions(it, shop) {
  const one = button("Pay", () => pay(it), "small main");
  one.setAttribute("aria-label", `Pay ${money(it.khqr)} to ${shop}`);
  const other = button("On the phone …", () => take(it.qr));
  other.setAttribute("aria-label", `Take ${money(it.khqr)} to ${shop} to the phone`);
  return element("div", "buttons", one, other);
}

export const codes = new Feed(byId("codes"), "md5", (it) => {
  const made = element("li", "");
  const { khqr } = it;
  if (khqr) {
    const shop = khqr.merchantName ?? khqr.to;
    const left = khqr.expiresAt === null ? "" : countdown(khqr.expiresAt);
    made.append(element("div", "line", element("strong", "", money(khqr)), left));
    made.append(element("div", "", "to ", stranger(shop), ", ", stranger(khqr.to)), actions(it, shop));
  } else {
    made.append(element("div", "", "A code of which only the MD5 is known. To pay it, paste its text above."));
  }
  const times = it.checks === 1 ? "once" : `${it.checks} times`;
  const asked = it.checks === 0 ? ["not asked about yet"] : [`asked about ${times}, last at `, moment(it.lastAsked)];
  made.append(element("div", "note", element("code", "", it.md5), element("br"), ...asked));
  return made;
});

