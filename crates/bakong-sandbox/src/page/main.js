// Connects the parts of the page.

import { send, throttle } from "./api.js";
import { setUpClock, showClock } from "./clock.js";
import { codes } from "./codes.js";
import { attempt, byId, copyOnClick, showMessage } from "./dom.js";
import { listen } from "./event_stream.js";
import { setUpFaults, showFaults } from "./faults.js";
import { payments } from "./payments.js";
import { setUpPhone } from "./phone.js";
import { hasReset, setUpQuota, showQuota } from "./quota.js";
import { hasPaidCheck, putRequest, setUpRequests, showRequests } from "./requests.js";
import { mails, setUpTokens, showKey } from "./tokens.js";

const RESOURCES = ["payments", "mailbox", "requests?limit=200", "clock", "faults", "codes", "quota", "state"];

const readAll = () => Promise.all(RESOURCES.map((name) => send("GET", `/sandbox/${name}`)));

let isFirstLoad = true;

/** Shows problems of the state file, and drops the issued token when the signing key changed. */
function showState({ keyId, loadWarning, saveError }) {
  showKey(keyId);
  const warnings = [];
  if (saveError) warnings.push(`Warning: ${saveError}. The sandbox retries every second. Changes made meanwhile are lost if the sandbox stops.`);
  if (loadWarning) warnings.push(`Warning: ${loadWarning}.`);
  const banner = byId("file-warning");
  const text = warnings.join(" ");
  // Screen readers announce every assignment, even of an unchanged text.
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !text;
}

function showAll([paid, mailbox, log, clock, faults, open, quota, state]) {
  // The clock comes first, because the other parts format times with it.
  showClock(clock);
  payments.replace(paid.payments);
  mails.replace(mailbox.mails);
  showRequests(log.requests);
  showFaults(faults);
  codes.replace(open.codes);
  showQuota(quota);
  showState(state);
  // The first steps end with a check that finds a payment.
  if (isFirstLoad) byId("first-steps").open = !hasPaidCheck(log.requests);
  isFirstLoad = false;
}

const refreshCodes = throttle(async () => {
  const [open, quota, state] = await Promise.all(["codes", "quota", "state"].map((name) => send("GET", `/sandbox/${name}`)));
  codes.replace(open.codes);
  showQuota(quota);
  showState(state);
});

const handlers = {
  payment(payment) {
    payments.put(payment);
    refreshCodes();
  },
  request(request) {
    putRequest(request);
    refreshCodes();
  },
  mail: (mail) => mails.put(mail),
  fault: showFaults,
  quota(quota) {
    showQuota(quota);
    // A refresh that is already running may return an older quota, so another one follows.
    refreshCodes();
  },
  code: refreshCodes,
  clock(clock) {
    showClock(clock);
    refreshCodes();
  },
};

const CONNECTION = {
  live: ["Live", "good"],
  lost: ["The sandbox does not respond. This page may be out of date. Check that the sandbox is still running in its terminal; this page reconnects automatically.", "bad"],
  crowded: ["Too many pages are connected to the sandbox. Close some of them. This page updates every 2 seconds.", "bad"],
};

function showConnection(state) {
  const [text, kind] = CONNECTION[state];
  const status = byId("connection");
  if (status.textContent === text) return;
  showMessage(status, text, kind);
  document.body.classList.toggle("offline", state === "lost");
}

byId("base-url").textContent = location.origin;
copyOnClick(byId("copy-url"), () => location.origin);
setUpClock(() => hasReset() && refreshCodes());
setUpFaults();
setUpQuota();
setUpRequests();
setUpTokens();
byId("reset").addEventListener("click", () => {
  if (!confirm("Delete all payments, accounts, addresses, e-mails, faults and requests? All tokens become invalid. The clock and the daily limit do not change.")) return;
  attempt(byId("reset-error"), () => send("POST", "/sandbox/reset", {}));
});
listen({ readAll, showAll, handlers, showConnection });
setUpPhone();
