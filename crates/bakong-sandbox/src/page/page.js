"use strict";
// What the page does. Texts are set as texts, never as HTML: a code's is a stranger's.

const KEPT = 100;
const byId = (id) => document.getElementById(id);

// Presets of the fault switches, by what people call them.
const LISTS = ["check_transaction_by_md5_list", "check_transaction_by_hash_list"];
const SWITCHES = [
  ["Outage: 503", { answer: { status: 503, html: "<h1>503 Service Unavailable</h1>" } }],
  ["Token refused: 401", { answer: "unauthorized" }],
  ["Outside Cambodia: 403", { answer: "forbidden" }],
  ["Too many requests: 429", { answer: "too_many_requests", retryAfter: 30 }],
  ["Quota spent: 17", { answer: "quota_exhausted" }],
  ["Connection cut", { answer: "cut" }],
  ["3 seconds late", { delayMs: 3000 }],
  ["A third of all requests lost", { answer: "cut", percent: 33 }],
  ["Lists refused", { answer: "forbidden", on: LISTS }],
  ["Odd times and amounts", { floatTimes: true, textAmounts: true, withoutErrorCode: true }],
];

/** An element with texts and elements in it. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return made;
}

function button(text, action) {
  const made = element("button", "", text);
  made.type = "button";
  made.addEventListener("click", action);
  return made;
}

/** Asks the sandbox; what it refuses is thrown with its reason. */
async function ask(method, path, body) {
  const options = { method, headers: {} };
  if (method === "POST") {
    options.headers["Content-Type"] = "application/json";
    options.body = typeof body === "string" ? body : JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("the sandbox does not answer");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(`${told.error.what}. ${told.error.help}.`);
  return told;
}

/** Does something and shows what goes wrong. */
async function attempt(place, action) {
  place.textContent = "";
  place.className = "";
  try {
    await action();
  } catch (error) {
    place.textContent = error.message;
    place.className = "bad";
  }
}

// The clock: shown by this machine's, moved by as much as the sandbox's is ahead.
let clock = { now: 0, at: 0, mode: "running" };
const sandboxNow = () => (clock.mode === "frozen" ? clock.now : clock.now + Date.now() - clock.at);
const time = (millis) => {
  const date = new Date(millis);
  return Number.isNaN(date.getTime()) ? `${millis} ms` : date.toISOString().replace("T", " ").slice(0, 19);
};

function showClock(told) {
  if (told) clock = { ...told, at: Date.now() };
  byId("now").textContent = `${time(sandboxNow())} UTC`;
  byId("mode").textContent = clock.mode === "frozen" ? "stands still" : "";
  byId("freeze").textContent = clock.mode === "frozen" ? "Go on" : "Stop";
}

function showQuota(quota) {
  const limit = quota.limit === null ? "no daily limit" : `${quota.limit} requests a day`;
  const used = quota.addresses.map((it) => `${it.email} used ${it.used}`).join(", ");
  byId("quota").textContent = `Quota: ${limit}${used ? `; ${used}` : ""}. The day turns at ${time(quota.nextTurn)} UTC.`;
}

// Lists of things with a key: the newest first, each once.
const lists = {};
function show(name, key, items, render) {
  const shown = (lists[name] ??= new Map());
  const list = byId(name);
  for (const item of items) {
    const made = render(item);
    const name = String(item[key]);
    made.dataset.key = name;
    const old = shown.get(name);
    if (old) old.replaceWith(made);
    else list.prepend(made);
    shown.set(name, made);
  }
  while (list.children.length > KEPT) {
    shown.delete(list.lastChild.dataset.key);
    list.lastChild.remove();
  }
}
function clear(name) {
  lists[name] = new Map();
  byId(name).replaceChildren();
}
function replace(name, key, items, render) {
  clear(name);
  show(name, key, [...items].reverse(), render);
}

const money = (it) => `${it.amount} ${it.currency}`;
const STATUS = { transferred: "good", failed: "bad", refused: "bad", scheduled: "note" };

function payment(it) {
  const line = element("li", "", element("strong", "", money(it)), ` ${it.from} → ${it.to} `);
  line.append(element("span", STATUS[it.status] ?? "", it.status));
  if (it.reason) line.append(element("div", "bad", it.reason.message));
  if (it.description) line.append(element("div", "note", it.description));
  line.append(element("div", "note", `${time(it.createdAt)} · hash ${it.shortHash} · MD5 `, element("code", "", it.md5)));
  return line;
}

function openCode(it) {
  const what = it.khqr ? `${it.khqr.merchantName}, ${money(it.khqr)}` : "MD5";
  const line = element("li", "", what, " ", element("code", "", it.md5));
  line.append(element("div", "note", `asked ${it.checks} times, last at ${time(it.lastAsked)}`));
  if (it.qr) {
    line.append(button("Take to the phone", () => {
      byId("qr").value = it.qr;
      read();
    }));
  }
  return line;
}

function mail(it) {
  return element("li", "", `to ${it.email}: `, element("code", "", it.code), element("div", "note", time(it.sentAt)));
}

function request(it) {
  const good = it.status === 200 && it.responseCode === 0;
  const codes = it.errorCode === null ? "" : ` errorCode ${it.errorCode}`;
  const status = it.status === null ? "no answer" : it.status;
  const summary = element("summary", "", element("span", good ? "good" : "bad", `${status}${codes} `), `${it.method} ${it.path}`);
  if (it.fault !== null) summary.append(element("span", "bad", ` struck by fault ${it.fault}`));
  const details = element("details", "", summary, element("div", "note", `${time(it.at)} · ${it.hasToken ? "with a token" : "without a token"}`));
  details.append(element("pre", "", it.request || "(no body)"), element("pre", "", it.answer || "(no body)"));
  return element("li", "", details);
}

function fault(it) {
  return element("li", "", element("code", "", JSON.stringify(it.rule)), " ", button("Take back", () => removeFault(it.number)));
}

/** The number of the fault that a switch has put in, by the switch's place. */
const switched = new Map();

async function removeFault(number) {
  // It may be used up by now.
  await ask("DELETE", `/sandbox/faults?number=${number}`).catch(() => {});
  await refreshFaults();
}

function showFaults({ faults }) {
  replace("faults", "number", faults, fault);
  const numbers = new Set(faults.map((it) => it.number));
  for (const [place, number] of switched) {
    if (!numbers.has(number)) switched.delete(place);
  }
  byId("switches").querySelectorAll("input").forEach((box, place) => {
    box.checked = switched.has(place);
  });
}

function makeSwitches() {
  SWITCHES.forEach(([name, rule], place) => {
    const box = element("input");
    box.type = "checkbox";
    box.addEventListener("change", () => attempt(byId("rule-error"), async () => {
      if (box.checked) {
        const added = await ask("POST", "/sandbox/faults", { ...rule, times: "always" });
        switched.set(place, added.faults[0].number);
        await refreshFaults();
      } else {
        await removeFault(switched.get(place));
      }
    }));
    byId("switches").append(element("label", "", box, ` ${name}`));
  });
}

const refreshFaults = async () => showFaults(await ask("GET", "/sandbox/faults"));

async function refreshCodes() {
  const [codes, quota] = await Promise.all([ask("GET", "/sandbox/codes"), ask("GET", "/sandbox/quota")]);
  replace("codes", "md5", codes.codes, openCode);
  showQuota(quota);
}

// After many requests at once, one look is enough.
let isDue = false;
function refreshSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    // If it does not answer, the events say so.
    refreshCodes().catch(() => {});
  }, 300);
}

async function refreshAll() {
  const paths = ["payments", "mailbox", "requests", "clock"].map((it) => ask("GET", `/sandbox/${it}`));
  const [payments, mails, requests, told] = await Promise.all(paths);
  replace("payments", "hash", payments.payments, payment);
  replace("mails", "code", mails.mails, mail);
  replace("requests", "number", requests.requests, request);
  showClock(told);
  await refreshFaults();
  await refreshCodes();
}

// The phone.
let seen = null;

function read() {
  return attempt(byId("paid"), async () => {
    byId("pay").hidden = true;
    const qr = byId("qr").value.trim();
    const told = await ask("POST", "/sandbox/scan", { qr });
    seen = { qr, khqr: told.khqr };
    const facts = [
      ["To", `${told.khqr.merchantName}, ${told.khqr.merchantCity ?? ""}`],
      ["Account", told.khqr.to],
      ["Amount", told.khqr.amount === null ? `to be typed in, ${told.khqr.currency}` : money(told.khqr)],
      ["Bill", told.khqr.billNumber],
      ["Expires", told.khqr.expiresAt === null ? null : `${time(told.khqr.expiresAt)} UTC`],
    ];
    const rows = facts.filter(([, value]) => value !== null);
    byId("seen").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
    byId("unpayable").textContent = told.payable ? "" : told.reason.message;
    byId("amount").value = told.khqr.amount ?? "";
    byId("pay").hidden = false;
  });
}

function pay() {
  const note = byId("paid");
  return attempt(note, async () => {
    const order = { qr: seen.qr, from: byId("from").value, delayMs: Number(byId("delay").value) };
    const amount = byId("amount").value.trim();
    if (amount && amount !== seen.khqr.amount) order.amount = amount;
    if (byId("description").value) order.description = byId("description").value;
    for (const name of ["again", "late", "failing"]) order[name] = byId(name).checked;
    const told = await ask("POST", "/sandbox/pay", order);
    const made = told.payments[0];
    note.textContent = `${made.status}: ${money(made)} to ${made.to}`;
    note.className = STATUS[made.status] ?? "";
  });
}

/** Scans until a code is seen; says what is in the way where that cannot be. */
async function scan() {
  const note = byId("camera-note");
  const video = byId("video");
  let stream;
  try {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    note.textContent = "Hold the code before the camera.";
    for (let look = 0; look < 300; look += 1) {
      const [found] = await detector.detect(video);
      if (found) {
        byId("qr").value = found.rawValue;
        note.textContent = "";
        await read();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    note.textContent = "No code was seen in a minute.";
  } catch (error) {
    note.textContent = `The camera cannot be used: ${error.message}. Paste the text.`;
  } finally {
    stream?.getTracks().forEach((track) => track.stop());
    video.hidden = true;
  }
}

async function prepareCamera() {
  const note = byId("camera-note");
  let why = "";
  if (!window.isSecureContext || !navigator.mediaDevices) {
    why = "The camera works on this machine's own address only. Paste the text.";
  } else if (!("BarcodeDetector" in window)) {
    why = "This browser cannot read codes by camera. Paste the text.";
  } else {
    const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
    if (!formats.includes("qr_code")) why = "This browser reads no QR codes by camera. Paste the text.";
  }
  note.textContent = why;
  byId("camera").disabled = why !== "";
}

function submit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

function listen() {
  const live = byId("live");
  const events = new EventSource("/sandbox/events");
  const on = (name, action) => events.addEventListener(name, (event) => action(JSON.parse(event.data)));
  events.addEventListener("open", () => attempt(live, async () => {
    await refreshAll();
    live.textContent = "live";
    live.className = "good";
  }));
  events.addEventListener("error", () => {
    live.textContent = "the sandbox does not answer; trying again";
    live.className = "bad";
  });
  on("payment", (it) => {
    show("payments", "hash", [it], payment);
    refreshSoon();
  });
  on("request", (it) => {
    show("requests", "number", [it], request);
    refreshSoon();
  });
  on("mail", (it) => show("mails", "code", [it], mail));
  on("fault", showFaults);
  on("clock", (told) => {
    showClock(told);
    refreshSoon();
  });
  on("reset", () => refreshAll());
}

byId("base-url").textContent = location.origin;
makeSwitches();
prepareCamera();
submit("scan", read);
submit("pay", pay);
submit("rule", () => attempt(byId("rule-error"), async () => {
  await ask("POST", "/sandbox/faults", byId("rule-text").value);
}));
byId("camera").addEventListener("click", scan);
byId("clock").addEventListener("click", (event) => {
  const advanceMs = Number(event.target.dataset.advance);
  if (advanceMs) attempt(byId("paid"), () => ask("POST", "/sandbox/clock", { advanceMs }));
});
byId("freeze").addEventListener("click", () => {
  const mode = clock.mode === "frozen" ? "running" : "frozen";
  attempt(byId("paid"), () => ask("POST", "/sandbox/clock", { mode }));
});
byId("reset").addEventListener("click", () => {
  if (confirm("Forget payments, registrations, mails and faults?")) {
    attempt(byId("paid"), () => ask("POST", "/sandbox/reset", {}));
  }
});
setInterval(() => showClock(), 1000);
listen();
