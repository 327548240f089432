"use strict";
// The clock: moved, stopped, marked when it is away, and put back.

const assert = require("node:assert");
const { khqr } = require("../shop.js");

const clock = (shop) => shop.told("/sandbox/clock");

module.exports = [
  ["times are in the reader's zone", async ({ page, shop }) => {
    const zone = (timezoneId) => page.browser.send("Emulation.setTimezoneOverride", { timezoneId });
    await zone("Asia/Phnom_Penh");
    await page.open();
    await page.holds("zone", "Asia/Phnom_Penh");
    const { nextTurn } = await shop.told("/sandbox/quota");
    assert.equal(new Date(nextTurn).getUTCHours(), 17);
    await page.holds("turn", "00:00:00");
    await zone("");
    await page.open();
  }],

  ["the clock is moved on, and marked as ahead", async ({ page, shop }) => {
    await page.hidden("ahead");
    await page.holds("mode", "It goes with the real time.");
    for (const [ms, words] of [[60_000, "1 min"], [600_000, "11 min"], [86_400_000, "1 day"], [7_776_000_000, "91 days"]]) {
      await page.press(`#clock [data-advance="${ms}"]`);
      await page.holds("mode", `The sandbox's clock is ${words}`);
      await page.holds("ahead", `Clock ${words}`);
    }
    await page.shown("ahead");
    assert.equal((await clock(shop)).aheadMs, 60_000 + 600_000 + 91 * 86_400_000);
    // A scheduled payment comes by itself, and nobody asked.
    await page.until("!document.getElementById('payments').textContent.includes('scheduled')");
    await page.read(khqr("Today Shop", "1.00"));
    await page.holds("refusal", "“Now” puts it back");
  }],

  ["it is moved by a program, too, and stands still and goes on", async ({ page, shop }) => {
    await shop.told("/sandbox/clock", { advanceMs: 86_400_000 });
    await page.holds("mode", "92 days");
    await page.press("#freeze");
    await page.holds("mode", "stands still and is 92 days");
    assert.equal((await clock(shop)).mode, "frozen");
    await page.open();
    await page.holds("freeze", "Go on");
    await page.press("#freeze");
    await page.lacks("mode", "stands still");
  }],

  ["“Now” goes back to the present", async ({ page, shop }) => {
    await page.press("#present");
    await page.holds("mode", "It goes with the real time.");
    await page.hidden("ahead");
    assert.equal((await clock(shop)).aheadMs, 0);
  }],
];
