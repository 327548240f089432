"use strict";
// Uses the sandbox's page as a person does, on a screen as narrow as a small phone's, and looks what happens.

const assert = require("node:assert");
const { Browser } = require("./devtools.js");
const { Gate } = require("./gate.js");
const { Hands } = require("./hands.js");
const { Shop } = require("./shop.js");

const WIDTH = 360;
const NAMES = ["first", "phone", "scanning", "codes", "tokens", "clock", "quota", "faults", "requests", "stream", "looks", "reset"];

const complaints = [];

/** What is never right: an error of a script, or anything from elsewhere. */
function listenForTrouble(browser, base) {
  browser.on((method, params) => {
    if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    // A refusal of the sandbox is logged as an error of the network, and is none of the page.
    if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !/^(data|about):/.test(params.request.url) && !params.request.url.startsWith(base)) {
      complaints.push(`it asks for ${params.request.url}`);
    }
  });
}

async function main() {
  const [base, other] = process.argv.slice(2);
  const gate = await Gate.before(base);
  const browser = await Browser.open(process.env.CHROMIUM, process.env.CHROMIUM_PROFILE);
  try {
    listenForTrouble(browser, gate.base);
    await browser.send("Emulation.setDeviceMetricsOverride", { width: WIDTH, height: 740, deviceScaleFactor: 2, mobile: true });
    // As if the window were in front of somebody.
    await browser.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    const page = new Hands(browser, gate.base);
    const shop = new Shop(base, process.env.SANDBOX_TOKEN);
    for (const name of NAMES) {
      for (const [title, action] of require(`./steps/${name}.js`)) {
        await step(page, title, () => action({ page, shop, gate, other: new Shop(other) }));
      }
    }
    assert.deepEqual(complaints, []);
  } finally {
    browser.close();
  }
}

async function step(page, title, action) {
  const start = Date.now();
  try {
    await action();
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), WIDTH, "it is wider than the screen");
  } catch (error) {
    const text = await page.evaluate("document.body.innerText").catch(() => "");
    throw new Error(`${title}: ${error.message}\nThe page says:\n${text.slice(0, 6000)}`);
  }
  console.log(`ok: ${title} (${Date.now() - start} ms)`);
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`page: ${error.message}\n${complaints.join("\n")}`);
    process.exit(1);
  },
);
