"use strict";
// The clock: advanced, stopped, and reset to the real time.

const assert = require("node:assert");
const { khqr } = require("../shop.js");

const clock = (shop) => shop.json("/sandbox/clock");
const REAL_TIME = "The sandbox's clock shows the real time.";

module.exports = [
  ["times are shown in the browser's time zone", async ({ page, shop }) => {
    const setTimeZone = (timezoneId) => page.browser.send("Emulation.setTimezoneOverride", { timezoneId });
    await setTimeZone("Asia/Phnom_Penh");
    await page.open();
    await page.waitForText("time-zone", "Asia/Phnom_Penh");
    const { nextReset } = await shop.json("/sandbox/quota");
    assert.equal(new Date(nextReset).getUTCHours(), 17);
    await page.waitForText("quota-reset", "00:00:00");
    await setTimeZone("");
    await page.open();
  }],

  ["the buttons advance the clock, and the page shows the offset", async ({ page, shop }) => {
    await page.waitHidden("clock-offset");
    await page.waitForText("clock-mode", REAL_TIME);
    for (const [ms, offset] of [[60_000, "1 min"], [600_000, "11 min"], [86_400_000, "1 day"], [7_776_000_000, "91 days"]]) {
      await page.click(`#clock [data-advance="${ms}"]`);
      await page.waitForText("clock-mode", `The sandbox's clock is ${offset}`);
      await page.waitForText("clock-offset", `Clock ${offset}`);
    }
    await page.waitVisible("clock-offset");
    assert.equal((await clock(shop)).aheadMs, 60_000 + 600_000 + 91 * 86_400_000);
    // The scheduled payment is transferred although nobody checks it.
    await page.waitFor("!document.getElementById('payments').textContent.includes('scheduled')");
    await page.readCode(khqr("Today Shop", "1.00"));
    await page.waitForText("refusal", "click “Real time” to reset it");
  }],

  ["the page follows the API, and stops and starts the clock", async ({ page, shop }) => {
    await shop.json("/sandbox/clock", { advanceMs: 86_400_000 });
    await page.waitForText("clock-mode", "92 days");
    await page.click("#freeze");
    await page.waitForText("clock-mode", "stopped and 92 days");
    assert.equal((await clock(shop)).mode, "frozen");
    await page.open();
    await page.waitForText("freeze", "Start");
    await page.click("#freeze");
    await page.waitForNoText("clock-mode", "stopped");
  }],

  ["“Real time” resets the clock", async ({ page, shop }) => {
    await page.click("#real-time");
    await page.waitForText("clock-mode", REAL_TIME);
    await page.waitHidden("clock-offset");
    assert.equal((await clock(shop)).aheadMs, 0);
  }],
];
