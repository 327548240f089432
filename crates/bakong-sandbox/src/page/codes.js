// The list of open codes: codes that the sandbox knows and that nobody has paid.

import { send } from "./api.js";
import { countdown, timeElement } from "./clock.js";
import { attempt, button, byId, element, showMessage, untrusted } from "./dom.js";
import { KeyedList } from "./keyed_list.js";
import { formatAmount } from "./payments.js";
import { loadCode, payerAccount } from "./phone.js";

const note = byId("codes-note");

const pay = ({ qr, khqr }) => attempt(note, async () => {
  await send("POST", "/sandbox/pay", { qr, from: payerAccount() });
  showMessage(note, `Paid: ${formatAmount(khqr)} to ${khqr.merchantName}.`, "good");
});

function actions(code, shop) {
  const payButton = button("Pay", () => pay(code), "small main");
  payButton.setAttribute("aria-label", `Pay ${formatAmount(code.khqr)} to ${shop}`);
  const phoneButton = button("Open on phone", () => loadCode(code.qr));
  phoneButton.setAttribute("aria-label", `Open ${formatAmount(code.khqr)} to ${shop} on the phone`);
  return element("div", "buttons", payButton, phoneButton);
}

export const codes = new KeyedList(byId("codes"), "md5", (code) => {
  const item = element("li", "");
  const { khqr } = code;
  if (khqr) {
    const shop = khqr.merchantName ?? khqr.to;
    const expiry = khqr.expiresAt === null ? "" : countdown(khqr.expiresAt);
    item.append(element("div", "line", element("strong", "", formatAmount(khqr)), expiry));
    item.append(element("div", "", "to ", untrusted(shop), ", ", untrusted(khqr.to)), actions(code, shop));
  } else {
    item.append(element("div", "", "Only the MD5 of this code is known. To pay it, paste its text above."));
  }
  const times = code.checks === 1 ? "once" : `${code.checks} times`;
  const checks = code.checks === 0 ? ["not checked yet"] : [`checked ${times}, last at `, timeElement(code.lastAsked)];
  item.append(element("div", "note", element("code", "", code.md5), element("br"), ...checks));
  return item;
});
