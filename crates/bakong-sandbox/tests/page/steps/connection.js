"use strict";
// The connection is lost and comes back, and nothing is missing or doubled.

const assert = require("node:assert");
const { renameSync } = require("node:fs");
const { join } = require("node:path");
const { khqr, md5 } = require("../shop.js");

/** The page shows what the sandbox has: everything, in its order, and once. */
async function agrees(page, shop) {
  for (const [list, path, key] of [["requests", "requests?limit=200", "number"], ["payments", "payments", "hash"], ["codes", "codes", "md5"], ["mails", "mailbox", "code"]]) {
    const told = await shop.told(`/sandbox/${path}`);
    const keys = JSON.stringify(told[list].map((it) => String(it[key])));
    await page.until(`JSON.stringify([...document.querySelectorAll('#${list} > li')].map((it) => it.dataset.key)) === ${JSON.stringify(keys)}`);
  }
}

/** Things of every kind. */
async function much(shop, name) {
  const [paid, open] = [khqr(name, "1.00"), khqr(name, "2.00")];
  await shop.check(open);
  await shop.told("/sandbox/pay", { qr: paid });
  await shop.call("/v1/request_token", { email: `${md5(paid).slice(0, 8)}@example.com`, organization: "a", project: "b" });
  await shop.faults([{ answer: "forbidden", times: "always" }]);
}

/** Lets the connection be lost, and waits until it is back and everything was read. */
async function interrupt(page, gate) {
  gate.set("refused");
  await lost(page);
  gate.set("through");
  await page.live();
}

/** Waits until the state file is as it should be. */
async function untilTold(shop, isSo) {
  const end = Date.now() + 30_000;
  while (!isSo(await shop.told("/sandbox/state"))) {
    if (Date.now() > end) throw new Error("the state file never is as it should be");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const lost = (page) => page.holds("live", "The sandbox does not answer");

module.exports = [
  ["a lost connection is told of and comes back by itself", async ({ page, shop, gate }) => {
    for (const state of ["refused", "broken"]) {
      gate.set(state);
      await lost(page);
      await much(shop, `While ${state}`);
      await page.press("#clock button");
      await page.holds("clock-error", "The sandbox does not answer");
      gate.set("through");
      await page.live();
      await agrees(page, shop);
      await page.until("document.querySelectorAll('#switches input:checked').length === 1");
      await shop.clearFaults();
      await page.hidden("trouble");
    }
  }],

  ["what happens while everything is read anew is shown once", async ({ page, shop, gate }) => {
    // Holds answers back that were given before.
    await page.evaluate(`(() => {
      const own = window.fetch;
      window.held = 0;
      window.holding = new Promise((resolve) => { window.release = resolve; });
      window.fetch = async (...asked) => {
        const answer = await own(...asked);
        window.held += 1;
        await window.holding;
        return answer;
      };
    })()`);
    gate.set("refused");
    await lost(page);
    gate.set("through");
    await page.until("window.held === 8");
    await much(shop, "Meanwhile");
    await shop.clearFaults();
    await page.evaluate("window.release()");
    await page.live();
    await agrees(page, shop);
  }],

  ["a page that nobody sees does not listen, and comes back complete", async ({ page, shop }) => {
    const see = (isHidden) => page.evaluate(`(() => {
      Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    })()`);
    await see(true);
    await much(shop, "Behind");
    await shop.clearFaults();
    await see(false);
    await agrees(page, shop);
    await page.live();
  }],

  ["where too many listen, it says so, and looks again", async ({ page, shop }) => {
    const end = new AbortController();
    const listen = () => fetch(`${shop.base}/sandbox/events`, { signal: end.signal });
    await page.browser.send("Page.navigate", { url: "about:blank" });
    for (let status = 200; status === 200;) status = (await listen()).status;
    await page.browser.send("Page.navigate", { url: page.base });
    await page.until("document.getElementById('live')?.textContent.includes('Too many pages listen')");
    await agrees(page, shop);
    // It says so once, however often it looks.
    await page.evaluate(`(() => {
      window.said = 0;
      new MutationObserver(() => { window.said += 1; }).observe(document.getElementById("live"), { childList: true });
      const own = window.fetch;
      window.asked = 0;
      window.fetch = (...asked) => {
        window.asked += 1;
        return own(...asked);
      };
    })()`);
    await page.until("window.asked >= 8");
    assert.equal(await page.evaluate("window.said"), 0);
    end.abort();
    await page.live();
  }],

  ["a sandbox that was started anew is shown as it is", async ({ page, shop, other, gate }) => {
    await page.press("#tokens button");
    await page.shown("issued");
    // The token is as good as it was.
    await interrupt(page, gate);
    assert.equal(await page.evaluate("document.getElementById('issued').hidden"), false);
    gate.lead(other.base);
    gate.set("through");
    await agrees(page, other);
    await page.hidden("issued");
    await page.holds("token-note", "good no more");
    assert.equal(await page.count("payments"), 0);
    await page.shown("file-warning");
    await page.holds("file-warning", "left out");
    // The folder of its file is taken away, and put back.
    const [kept, away] = ["kept", "away"].map((it) => join(__dirname, "..", it));
    renameSync(kept, away);
    await untilTold(other, (told) => told.saveError !== null);
    await other.check(khqr("Lost Shop", "1.00"));
    await page.holds("file-warning", "cannot be written");
    renameSync(away, kept);
    await untilTold(other, (told) => told.saveError === null);
    await other.check(khqr("Kept Shop", "1.00"));
    await page.lacks("file-warning", "cannot be written");
    await page.holds("file-warning", "left out");
    gate.lead(shop.base);
    gate.set("through");
    await agrees(page, shop);
    await page.live();
    await page.hidden("file-warning");
  }],
];
