// A customer's banking app: reads a code, shows its details, and pays it.

import { send } from "./api.js";
import { setUpCamera } from "./camera.js";
import { clockOffset, countdown } from "./clock.js";
import { attempt, byId, definitions, element, onSubmit, showMessage, untrusted } from "./dom.js";
import { exampleCode } from "./example.js";
import { STATUS_CLASS, formatAmount } from "./payments.js";

/** The title that a banking app shows for each reason, and what to do on this page. */
const REFUSALS = {
  Expired: ["This code has expired.", "Generate a new one. To test a late payment, select “Pay even if the code has expired” below."],
  AlreadyPaid: ["This code was already paid.", "Generate a new one. To test a second payment, select “Pay even if the code was already paid” below."],
  CrcMismatch: ["This code is damaged.", "Its checksum does not match its text. Copy the whole text again."],
  AmountRequired: ["Enter an amount.", "This code does not specify one."],
  AmountZero: ["The amount is zero.", "Enter the amount to pay."],
};
const OTHER_REFUSAL = ["This code cannot be paid.", "Compare the text with the output of your program."];

/** The last code read: `{ qr, khqr }`. */
let current = null;

export const payerAccount = () => byId("from").value.trim();

function showRefusal(reason) {
  const [title, help] = REFUSALS[reason.kind] ?? OTHER_REFUSAL;
  const isCausedByClock = reason.kind === "Expired" && clockOffset().endsWith("ahead");
  const clock = isCausedByClock ? ` The sandbox's clock is ${clockOffset()}: click “Real time” to reset it.` : "";
  const sdkCode = reason.sdkCode ? ` (error ${reason.sdkCode} of NBC's SDK)` : "";
  byId("refusal").replaceChildren(
    element("strong", "", title), element("p", "", help + clock),
    element("p", "note", `${reason.message}${sdkCode}`),
  );
  byId("refusal").hidden = false;
  byId("refusal").scrollIntoView({ block: "nearest" });
  // The help refers to an option in this section, so the section is opened.
  if (reason.kind === "Expired" || reason.kind === "AlreadyPaid") byId("payment-options").open = true;
}

/** Runs `action`, and shows the reason when the sandbox refuses a code. */
function withRefusal(action) {
  byId("refusal").hidden = true;
  return attempt(byId("payment-result"), async () => {
    try {
      await action();
    } catch (error) {
      const reason = error.details?.reason;
      if (!reason) throw error;
      showRefusal(reason);
    }
  });
}

function showCode(khqr) {
  const city = khqr.merchantCity ? [", ", untrusted(khqr.merchantCity)] : [];
  byId("requested-amount").textContent = khqr.amount === null ? `Any amount in ${khqr.currency}` : formatAmount(khqr);
  byId("code-details").replaceChildren(...definitions([
    ["To", element("span", "", untrusted(khqr.merchantName), ...city)],
    ["Account", untrusted(khqr.to)],
    ["Bill number", khqr.billNumber && untrusted(khqr.billNumber)],
    ["Store", khqr.storeLabel && untrusted(khqr.storeLabel)],
    ["Expiry", khqr.expiresAt === null ? "never" : countdown(khqr.expiresAt)],
    ["MD5", element("code", "", khqr.md5)],
  ]));
  byId("amount").value = khqr.amount ?? "";
  byId("currency").textContent = khqr.currency ?? "";
}

/** Reads the code in the text field. With `dryRun`, the sandbox does not remember the code. */
function readCode({ dryRun = false } = {}) {
  byId("pay").hidden = true;
  current = null;
  for (const name of ["again", "late", "failing", "twice"]) byId(name).checked = false;
  return withRefusal(async () => {
    const qr = byId("qr").value.trim();
    const { khqr, reason } = await send("POST", "/sandbox/scan", { qr, dryRun });
    current = { qr, khqr };
    showCode(khqr);
    byId("pay").hidden = false;
    if (reason) showRefusal(reason);
  });
}

/** Puts a code into the text field and reads it, like a scan. */
export async function loadCode(qr, options) {
  byId("qr").value = qr;
  await readCode(options);
  byId("phone").scrollIntoView();
  byId(current ? "send" : "qr").focus({ preventScroll: true });
}

function resultText(payments) {
  const [first] = payments;
  const amount = payments.length === 1 ? formatAmount(first) : `${payments.length} times ${formatAmount(first)}`;
  const summary = `${amount} to ${current.khqr.merchantName ?? first.to}`;
  switch (first.status) {
    case "transferred": return `Paid: ${summary}. The next check by your program finds it.`;
    case "failed": return `Failed: ${summary}. The next check by your program gets error 3.`;
    case "scheduled": return `Scheduled: ${summary}. The transfer happens when the sandbox's clock reaches its time.`;
    default: return `${first.status}: ${summary}.`;
  }
}

function pay() {
  return withRefusal(async () => {
    const order = { qr: current.qr, from: payerAccount(), delayMs: Number(byId("delay").value) };
    const amount = byId("amount").value.trim();
    if (amount && amount !== current.khqr.amount) order.amount = amount;
    if (byId("description").value) order.description = byId("description").value;
    for (const name of ["again", "late", "failing"]) order[name] = byId(name).checked;
    if (byId("twice").checked) order.times = 2;
    const { payments } = await send("POST", "/sandbox/pay", order);
    showMessage(byId("payment-result"), resultText(payments), STATUS_CLASS[payments[0].status]);
  });
}

export function setUpPhone() {
  onSubmit("scan", () => readCode());
  onSubmit("pay", pay);
  // Read a pasted code without a click.
  byId("qr").addEventListener("paste", () => setTimeout(readCode));
  byId("example").addEventListener("click", () => loadCode(exampleCode()));
  setUpCamera(loadCode);
  const linkedCode = new URLSearchParams(location.search).get("code");
  // A link can come from a stranger and must not change the sandbox.
  if (linkedCode) loadCode(linkedCode, { dryRun: true });
}
