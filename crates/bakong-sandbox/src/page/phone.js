// A customer with a bank's app: what they see of a code, and how they pay it.

import { ask } from "./api.js";
import { prepareCamera } from "./camera.js";
import { countdown, distance } from "./clock.js";
import { attempt, byId, element, facts, say, stranger, submit } from "./dom.js";
import { example } from "./example.js";
import { STATUS, money } from "./payments.js";

/** What a bank's app says to its customer, and what can be done about it here. */
const REFUSALS = {
  Expired: ["This code has expired.", "Ask the shop for a new one. To try a payment that comes too late, choose “though it has expired” below."],
  AlreadyPaid: ["This code was paid before.", "Ask the shop for a new one. To try a second payment, choose “though it was paid” below."],
  CrcMismatch: ["This code is damaged.", "Its checksum is not that of its text. Copy the whole text again, without spaces before or after."],
  AmountRequired: ["How much?", "This code says no amount. Type one in."],
  AmountZero: ["The amount is zero.", "Type in what is to be paid."],
};
const OTHERWISE = ["This code cannot be paid.", "Compare the text with what your program made."];

/** The code that was read last. */
let seen = null;

export const payer = () => byId("from").value.trim();

function refuse(reason) {
  const [title, help] = REFUSALS[reason.kind] ?? OTHERWISE;
  const isByClock = reason.kind === "Expired" && distance().endsWith("ahead");
  const clock = isByClock ? ` The sandbox's clock is ${distance()}: “Now” puts it back.` : "";
  const official = reason.sdkCode ? ` (error ${reason.sdkCode} of NBC's SDK)` : "";
  byId("refusal").replaceChildren(
    element("strong", "", title), element("p", "", help + clock),
    element("p", "note", `${reason.message}${official}`),
  );
  byId("refusal").hidden = false;
  byId("refusal").scrollIntoView({ block: "nearest" });
  // Where the way around it is.
  if (reason.kind === "Expired" || reason.kind === "AlreadyPaid") byId("differently").open = true;
}

/** Runs `action`, and shows a refusal as a bank's app would. */
function asBank(action) {
  byId("refusal").hidden = true;
  return attempt(byId("paid"), async () => {
    try {
      await action();
    } catch (error) {
      const reason = error.told?.reason;
      if (!reason) throw error;
      refuse(reason);
    }
  });
}

function show(khqr) {
  const place = khqr.merchantCity ? [", ", stranger(khqr.merchantCity)] : [];
  byId("asked").textContent = khqr.amount === null ? `Any amount in ${khqr.currency}` : money(khqr);
  byId("seen").replaceChildren(...facts([
    ["To", element("span", "", stranger(khqr.merchantName), ...place)],
    ["Account", stranger(khqr.to)],
    ["Bill", khqr.billNumber && stranger(khqr.billNumber)],
    ["Store", khqr.storeLabel && stranger(khqr.storeLabel)],
    ["Expiry", khqr.expiresAt === null ? "never" : countdown(khqr.expiresAt)],
  ]));
  byId("amount").value = khqr.amount ?? "";
  byId("currency").textContent = khqr.currency ?? "";
}

/** Reads the code whose text stands in the field; `dryRun` lets the sandbox take no note of it. */
function read({ dryRun = false } = {}) {
  byId("pay").hidden = true;
  seen = null;
  for (const name of ["again", "late", "failing", "twice"]) byId(name).checked = false;
  return asBank(async () => {
    const qr = byId("qr").value.trim();
    const { khqr, reason } = await ask("POST", "/sandbox/scan", { qr, dryRun });
    seen = { qr, khqr };
    show(khqr);
    byId("pay").hidden = false;
    if (reason) refuse(reason);
  });
}

/** Takes a code to the phone, as if it had been scanned. */
export async function take(qr, options) {
  byId("qr").value = qr;
  await read(options);
  byId("phone").scrollIntoView();
  byId(seen ? "send" : "qr").focus({ preventScroll: true });
}

function told(made) {
  const [first] = made;
  const what = made.length === 1 ? money(first) : `${made.length} times ${money(first)}`;
  const to = `${what} to ${seen.khqr.merchantName ?? first.to}`;
  switch (first.status) {
    case "transferred": return `Paid: ${to}. Your program is told at its next check.`;
    case "failed": return `Failed: ${to}. Your program is told error 3 at its next check.`;
    case "scheduled": return `Scheduled: ${to}. It comes at its time on the sandbox's clock, which you can move.`;
    default: return `${first.status}: ${to}.`;
  }
}

function pay() {
  return asBank(async () => {
    const order = { qr: seen.qr, from: payer(), delayMs: Number(byId("delay").value) };
    const amount = byId("amount").value.trim();
    if (amount && amount !== seen.khqr.amount) order.amount = amount;
    if (byId("description").value) order.description = byId("description").value;
    for (const name of ["again", "late", "failing"]) order[name] = byId(name).checked;
    if (byId("twice").checked) order.times = 2;
    const { payments } = await ask("POST", "/sandbox/pay", order);
    say(byId("paid"), told(payments), STATUS[payments[0].status]);
  });
}

export function preparePhone() {
  submit("scan", () => read());
  submit("pay", pay);
  // What was pasted is read at once.
  byId("qr").addEventListener("paste", () => setTimeout(read));
  byId("example").addEventListener("click", () => take(example()));
  prepareCamera(take);
  const linked = new URLSearchParams(location.search).get("code");
  // Nobody here has done anything, and the link may be a stranger's: it is looked at only.
  if (linked) take(linked, { dryRun: true });
}
