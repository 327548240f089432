"use strict";
// Uses the sandbox's page as a person does, on a screen as narrow as a phone's, and looks what happens.

const assert = require("node:assert");
const { createHash } = require("node:crypto");
const { Browser } = require("./devtools.js");

const [base] = process.argv.slice(2);
const token = process.env.SANDBOX_TOKEN;

const field = (tag, value) => `${tag}${String(Buffer.byteLength(value)).padStart(2, "0")}${value}`;

function crc(text) {
  let crc = 0xffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc.toString(16).toUpperCase().padStart(4, "0");
}

/** A code of a shop; dynamic where there is an amount. */
function khqr(name, amount) {
  const now = Date.now();
  let text = field("00", "01") + field("01", amount ? "12" : "11") + field("29", field("00", "sokha@devb"));
  text += field("52", "5999") + field("53", "840");
  if (amount) text += field("54", amount);
  text += field("58", "KH") + field("59", name) + field("60", "Phnom Penh");
  if (amount) text += field("99", field("00", String(now)) + field("01", String(now + 600_000)));
  text += "6304";
  return text + crc(text);
}

const md5 = (text) => createHash("md5").update(text).digest("hex");

async function call(path, body, headers = {}) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  options.headers = { "content-type": "application/json", "user-agent": "shop/1", ...headers };
  return fetch(base + path, options);
}

const check = async (code) => {
  const answer = await call("/v1/check_transaction_by_md5", { md5: md5(code) }, { authorization: `Bearer ${token}` });
  return answer.json();
};

const steps = [];
const step = (name, action) => steps.push([name, action]);
let page;
const complaints = [];

// Of the page: set a field, press a button, read a text.
const set = (id, value) => page.evaluate(`document.getElementById(${JSON.stringify(id)}).value = ${JSON.stringify(value)}`);
const press = (selector) => page.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`);
const holds = (id, text) => page.until(`document.getElementById(${JSON.stringify(id)}).textContent.includes(${JSON.stringify(text)})`);
const lacks = (id, text) => page.until(`!document.getElementById(${JSON.stringify(id)}).textContent.includes(${JSON.stringify(text)})`);
const shown = (id) => page.until(`!document.getElementById(${JSON.stringify(id)}).hidden`);

async function read(code) {
  await set("qr", code);
  await press("#scan button[type=submit]");
}

step("the page opens, is live, and fits a phone", async () => {
  await page.send("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  await page.send("Page.navigate", { url: `${base}/` });
  await page.until("document.readyState === 'complete' && !!document.getElementById('live')");
  await page.until("document.getElementById('live').textContent === 'live'");
  assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 390);
  assert.equal(await page.evaluate("document.getElementById('base-url').textContent"), base);
});

step("a code that a shop asks about is open, and is paid on the phone", async () => {
  const code = khqr("Sokha Coffee", "1.50");
  assert.equal((await check(code)).errorCode, 1);
  await holds("codes", md5(code));
  await holds("requests", "/v1/check_transaction_by_md5");
  await read(code);
  await shown("pay");
  await holds("seen", "Sokha Coffee");
  await holds("seen", "1.50 USD");
  await set("description", "two iced lattes");
  await press("#pay button[type=submit]");
  await holds("paid", "transferred: 1.50 USD");
  await holds("payments", "two iced lattes");
  await lacks("codes", md5(code));
  assert.equal((await check(code)).data.description, "two iced lattes");
  await press("#pay button[type=submit]");
  await holds("paid", "paid before");
});

step("a code that was made a link to is taken over by a tap", async () => {
  const code = khqr("Linked Shop", "2.00");
  assert.equal((await call("/v1/generate_deeplink_by_qr", { qr: code })).status, 200);
  await check(code);
  await holds("codes", "Linked Shop");
  await press("#codes button");
  await holds("seen", "Linked Shop");
});

step("what is no code, and what a stranger wrote into one, does no harm", async () => {
  await read("hello");
  await page.until("document.getElementById('paid').className === 'bad'");
  await page.until("document.getElementById('pay').hidden");
  const evil = "<img src=x onerror=xs()>";
  const code = khqr(evil, "3.00");
  await read(code);
  await holds("seen", evil);
  await set("description", `${evil}<script>xs()</script>`);
  await press("#pay button[type=submit]");
  await holds("payments", `${evil}<script>`);
  await call("/v1/verify", { code: `${evil}` });
  await holds("requests", "onerror");
  assert.equal(await page.evaluate("document.querySelectorAll('main img, main script').length"), 0);
});

step("a static code takes the amount that is typed in, another day", async () => {
  const code = khqr("Tea Stall");
  await read(code);
  await holds("seen", "to be typed in");
  await set("description", "");
  await set("amount", "0.75");
  await set("delay", "60000");
  await press("#pay button[type=submit]");
  await holds("paid", "scheduled: 0.75 USD");
  await press("#clock [data-advance='86400000']");
  // Nobody asked; the event comes by itself.
  await page.until("!document.getElementById('payments').textContent.includes('scheduled')");
  await set("delay", "0");
});

step("the clock stands still and goes on", async () => {
  await press("#freeze");
  await holds("mode", "stands still");
  assert.equal((await (await call("/sandbox/clock")).json()).mode, "frozen");
  await press("#freeze");
  await lacks("mode", "stands still");
});

step("mails come in", async () => {
  await call("/v1/request_token", { email: "new@example.com", organization: "a", project: "b" });
  await holds("mails", "new@example.com");
  const code = await page.evaluate("document.querySelector('#mails code').textContent");
  assert.equal((await call("/v1/verify", { code })).status, 200);
  await page.until("document.getElementById('requests').textContent.includes('[redacted]')");
});

step("a fault is switched on and off, and a rule is added", async () => {
  const code = khqr("Sokha Coffee", "9.00");
  await press("#switches label:nth-child(1) input");
  await holds("faults", "503");
  assert.equal((await call("/v1/check_transaction_by_md5", { md5: md5(code) })).status, 503);
  await holds("requests", "struck by fault");
  await press("#switches label:nth-child(1) input");
  await lacks("faults", "503");
  assert.equal((await check(code)).errorCode, 1);
  await set("rule-text", '{"answer":"explode"}');
  await press("#rule button");
  await holds("rule-error", "there is no answer `explode`");
  await set("rule-text", '{"answer":"forbidden"}');
  await press("#rule button");
  await holds("faults", "forbidden");
  assert.equal((await call("/v1/verify", {})).status, 403);
  // Used up.
  await lacks("faults", "forbidden");
});

step("without a camera it says so", async () => {
  const can = await page.evaluate("'BarcodeDetector' in window && BarcodeDetector.getSupportedFormats().then((it) => it.includes('qr_code'))");
  if (can) {
    await press("#camera");
    await holds("camera-note", "Paste the text");
  } else {
    await holds("camera-note", "Paste the text");
    assert.equal(await page.evaluate("document.getElementById('camera').disabled"), true);
  }
});

step("everything can be forgotten", async () => {
  page.on((method) => {
    if (method === "Page.javascriptDialogOpening") page.send("Page.handleJavaScriptDialog", { accept: true });
  });
  // The browser answers only when the question is.
  page.evaluate("document.getElementById('reset').click()").catch(() => {});
  await page.until("document.getElementById('payments').children.length === 0");
});

async function main() {
  page = await Browser.open(process.env.CHROMIUM, process.env.CHROMIUM_PROFILE);
  page.on((method, params) => {
    if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    // A refusal of the sandbox is logged as an error of the network, and is none of the page.
    if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !params.request.url.startsWith(base) && !params.request.url.startsWith("data:")) {
      complaints.push(`it asks for ${params.request.url}`);
    }
  });
  for (const [name, action] of steps) {
    try {
      await action();
    } catch (error) {
      const text = await page.evaluate("document.body.innerText").catch(() => "");
      throw new Error(`${name}: ${error.message}\nThe page says:\n${text.slice(0, 4000)}`);
    }
    console.log(`ok: ${name}`);
  }
  assert.deepEqual(complaints, []);
}

main().then(
  () => {
    page.close();
    process.exit(0);
  },
  (error) => {
    console.error(`page: ${error.message}\n${complaints.join("\n")}`);
    page?.close();
    process.exit(1);
  },
);
