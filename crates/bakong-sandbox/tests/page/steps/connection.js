"use strict";
// Lost connections: after reconnecting, the page shows everything once.

const assert = require("node:assert");
const { renameSync } = require("node:fs");
const { join } = require("node:path");
const { khqr, md5 } = require("../shop.js");

const LISTS = [
  ["requests", "requests?limit=200", "requests", "number"],
  ["payments", "payments", "payments", "hash"],
  ["codes", "codes", "codes", "md5"],
  ["mails", "mailbox", "mails", "code"],
];

/** Waits until each list shows the same items in the same order as the sandbox. */
async function waitUntilSynchronized(page, shop) {
  for (const [list, path, field, key] of LISTS) {
    const items = (await shop.json(`/sandbox/${path}`))[field];
    const keys = JSON.stringify(items.map((item) => String(item[key])));
    await page.waitFor(`JSON.stringify([...document.querySelectorAll('#${list} > li')].map((item) => item.dataset.key)) === ${JSON.stringify(keys)}`);
  }
}

/** Adds an item to every list, and a fault. */
async function addEverything(shop, name) {
  const [paid, open] = [khqr(name, "1.00"), khqr(name, "2.00")];
  await shop.check(open);
  await shop.json("/sandbox/pay", { qr: paid });
  await shop.send("/v1/request_token", { email: `${md5(paid).slice(0, 8)}@example.com`, organization: "a", project: "b" });
  await shop.addFaults([{ answer: "forbidden", times: "always" }]);
}

const waitUntilLost = (page) => page.waitForText("connection", "The sandbox does not respond");

/** Breaks the connection, and waits until the page has reconnected. */
async function interrupt(page, proxy) {
  proxy.setMode("close");
  await waitUntilLost(page);
  proxy.setMode("forward");
  await page.waitLive();
}

async function waitForState(shop, condition) {
  const end = Date.now() + 30_000;
  let state;
  do {
    if (Date.now() > end) throw new Error(`unexpected state: ${JSON.stringify(state)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    state = await shop.json("/sandbox/state");
  } while (!condition(state));
  return state;
}

module.exports = [
  ["a lost connection is reported and restored", async ({ page, shop, proxy }) => {
    for (const mode of ["close", "bad_gateway"]) {
      proxy.setMode(mode);
      await waitUntilLost(page);
      await addEverything(shop, `While ${mode}`);
      await page.click("#clock button");
      await page.waitForText("clock-error", "The sandbox does not respond");
      proxy.setMode("forward");
      await page.waitLive();
      await waitUntilSynchronized(page, shop);
      await page.waitFor("document.querySelectorAll('#switches input:checked').length === 1");
      await shop.clearFaults();
      await page.waitHidden("active-faults");
    }
  }],

  ["events during a reload of all data are shown once", async ({ page, shop, proxy }) => {
    // Holds responses back until `release` is called.
    await page.evaluate(`(() => {
      const realFetch = window.fetch;
      window.held = 0;
      window.released = new Promise((resolve) => { window.release = resolve; });
      window.fetch = async (...args) => {
        const response = await realFetch(...args);
        window.held += 1;
        await window.released;
        return response;
      };
    })()`);
    proxy.setMode("close");
    await waitUntilLost(page);
    proxy.setMode("forward");
    await page.waitFor("window.held === 8");
    await addEverything(shop, "Meanwhile");
    await shop.clearFaults();
    await page.evaluate("window.release()");
    await page.waitLive();
    await waitUntilSynchronized(page, shop);
  }],

  ["a hidden page disconnects and is complete when shown again", async ({ page, shop }) => {
    const setHidden = (isHidden) => page.evaluate(`(() => {
      Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    })()`);
    await setHidden(true);
    await addEverything(shop, "Behind");
    await shop.clearFaults();
    await setHidden(false);
    await waitUntilSynchronized(page, shop);
    await page.waitLive();
  }],

  ["a page over the listener limit shows a message and polls", async ({ page, shop }) => {
    const end = new AbortController();
    const listen = () => fetch(`${shop.base}/sandbox/events`, { signal: end.signal });
    await page.browser.navigate("about:blank");
    for (let status = 200; status === 200;) status = (await listen()).status;
    await page.browser.navigate(page.base);
    await page.waitFor("document.getElementById('connection')?.textContent.includes('Too many pages are connected')");
    await waitUntilSynchronized(page, shop);
    // Repeated polls do not repeat the message.
    await page.evaluate(`(() => {
      window.messages = 0;
      new MutationObserver(() => { window.messages += 1; }).observe(document.getElementById("connection"), { childList: true });
      const realFetch = window.fetch;
      window.requests = 0;
      window.fetch = (...args) => {
        window.requests += 1;
        return realFetch(...args);
      };
    })()`);
    await page.waitFor("window.requests >= 8");
    assert.equal(await page.evaluate("window.messages"), 0);
    end.abort();
    await page.waitLive();
  }],

  ["the page follows a restart, and shows problems of the state file", async ({ page, shop, otherShop, proxy, directory, stateDirectory }) => {
    await page.click("#tokens button");
    await page.waitVisible("issued");
    // The same sandbox: the token stays valid.
    await interrupt(page, proxy);
    assert.equal(await page.evaluate("document.getElementById('issued').hidden"), false);
    // Another sandbox, which restarted with an incomplete state file.
    proxy.setTarget(otherShop.base);
    proxy.setMode("forward");
    await waitUntilSynchronized(page, otherShop);
    await page.waitHidden("issued");
    await page.waitForText("token-note", "no longer valid");
    assert.equal(await page.countItems("payments"), 0);
    const { loadWarning } = await otherShop.json("/sandbox/state");
    await page.waitVisible("file-warning");
    await page.waitForText("file-warning", loadWarning);
    // Writing fails while the directory of the state file is gone.
    const moved = join(directory, "moved");
    renameSync(stateDirectory, moved);
    const { saveError } = await waitForState(otherShop, (state) => state.saveError !== null);
    await otherShop.check(khqr("Lost Shop", "1.00"));
    await page.waitForText("file-warning", saveError);
    renameSync(moved, stateDirectory);
    await waitForState(otherShop, (state) => state.saveError === null);
    await otherShop.check(khqr("Kept Shop", "1.00"));
    await page.waitForNoText("file-warning", saveError);
    await page.waitForText("file-warning", loadWarning);
    proxy.setTarget(shop.base);
    proxy.setMode("forward");
    await waitUntilSynchronized(page, shop);
    await page.waitLive();
    await page.waitHidden("file-warning");
  }],
];
