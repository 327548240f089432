// The page's parts, put together.

import { ask, soon } from "./api.js";
import { prepareClock, showClock } from "./clock.js";
import { codes } from "./codes.js";
import { attempt, byId, copies, say } from "./dom.js";
import { prepareFaults, showFaults } from "./faults.js";
import { payments } from "./payments.js";
import { preparePhone } from "./phone.js";
import { hasTurned, prepareQuota, showQuota } from "./quota.js";
import { prepareRequests, putRequest, showRequests } from "./requests.js";
import { listen } from "./event_stream.js";
import { mails, prepareTokens, showKey } from "./tokens.js";

const NAMES = ["payments", "mailbox", "requests?limit=200", "clock", "faults", "codes", "quota", "state"];

const read = () => Promise.all(NAMES.map((it) => ask("GET", `/sandbox/${it}`)));

let isFirst = true;

/** Whether its tokens are good still, and what is wrong with its file. */
function showState({ keyId, loadWarning, saveError }) {
  showKey(keyId);
  const warnings = [];
  if (saveError) warnings.push(`Warning: ${saveError}. It is tried again every second; what happens meanwhile is gone if the sandbox ends.`);
  if (loadWarning) warnings.push(`Warning: ${loadWarning}.`);
  const place = byId("file-warning");
  const text = warnings.join(" ");
  // Said aloud only where it is new.
  if (place.textContent !== text) place.textContent = text;
  place.hidden = !text;
}

function show([paid, mailbox, asked, clock, faults, open, quota, state]) {
  // First the clock, by which times are written.
  showClock(clock);
  payments.replace(paid.payments);
  mails.replace(mailbox.mails);
  showRequests(asked.requests);
  showFaults(faults);
  codes.replace(open.codes);
  showQuota(quota);
  showState(state);
  // Whoever finds nothing here is here for the first time.
  if (isFirst) byId("start").open = asked.requests.length + paid.payments.length === 0;
  isFirst = false;
}

const lookAtCodes = soon(async () => {
  const [open, quota, state] = await Promise.all(["codes", "quota", "state"].map((it) => ask("GET", `/sandbox/${it}`)));
  codes.replace(open.codes);
  showQuota(quota);
  showState(state);
});

const on = {
  payment(it) {
    payments.put(it);
    lookAtCodes();
  },
  request(it) {
    putRequest(it);
    lookAtCodes();
  },
  mail: (it) => mails.put(it),
  fault: showFaults,
  quota(it) {
    showQuota(it);
    // In case one is under way that is older.
    lookAtCodes();
  },
  code: lookAtCodes,
  clock(it) {
    showClock(it);
    lookAtCodes();
  },
};

const LIVE = {
  live: ["Live", "good"],
  lost: ["The sandbox does not answer, and what stands here may be old. Look whether it still runs in its terminal; this page comes back by itself.", "bad"],
  crowded: ["Too many pages listen to the sandbox. Close some; this one looks again every 2 seconds.", "bad"],
};

function tell(state) {
  const [text, kind] = LIVE[state];
  const live = byId("live");
  if (live.textContent === text) return;
  say(live, text, kind);
  document.body.classList.toggle("lost", state === "lost");
}

byId("base-url").textContent = location.origin;
copies(byId("copy-url"), () => location.origin);
prepareClock(() => hasTurned() && lookAtCodes());
prepareFaults();
prepareQuota();
prepareRequests();
prepareTokens();
byId("reset").addEventListener("click", () => {
  if (!confirm("Forget payments, accounts, addresses, mails, faults and requests? Every token becomes worthless. The clock and the daily limit stay.")) return;
  attempt(byId("reset-error"), () => ask("POST", "/sandbox/reset", {}));
});
listen({ read, show, on, tell });
preparePhone();
