"use strict";
// The day's requests: seen, used up, limited, and not limited.

const assert = require("node:assert");
const { khqr } = require("../shop.js");

const ADDRESS = "shop@example.com";
const ITEM = `#addresses [data-key="${ADDRESS}"]`;

module.exports = [
  ["the limit is set, and what is used of it is seen", async ({ page, shop }) => {
    await page.holds("limit-is", "No daily limit");
    await page.holds("turn", "The day turns at");
    assert.equal(await page.evaluate("document.getElementById('unlimited').disabled"), true);
    await shop.told("/sandbox/quota", { email: ADDRESS, used: 0 });
    await page.set("limit", "3");
    await page.press("#limits button[type=submit]");
    await page.holds("limit-is", "3 requests a day");
    await shop.check(khqr("Quota Shop", "1.00"));
    await page.until(`document.querySelector('${ITEM}').textContent.includes("1 of 3 used")`);
    assert.ok((await page.text(ITEM)).includes("2 left today"));
  }],

  ["the limit is reached by a button, and taken back", async ({ page, shop }) => {
    await page.evaluate(`document.querySelector('${ITEM} button').focus()`);
    await page.press(`${ITEM} button`);
    await page.until(`document.querySelector('${ITEM}').textContent.includes("Spent")`);
    assert.equal((await shop.check(khqr("Quota Shop", "1.00"))).errorCode, 17);
    await page.holds("requests", "200, error 17");
    // What was pressed keeps the focus, though its item is new.
    assert.ok(await page.evaluate(`document.activeElement.matches('${ITEM} button:first-child')`));
    await page.press(`${ITEM} button:last-child`);
    await page.until(`document.querySelector('${ITEM}').textContent.includes("0 of 3 used")`);
    assert.equal((await shop.check(khqr("Quota Shop", "1.00"))).errorCode, 1);
  }],

  ["the day turns while nobody does anything", async ({ page, shop }) => {
    await shop.check(khqr("Evening Shop", "1.00"));
    await page.until(`document.querySelector('${ITEM}').textContent.includes("2 of 3 used")`);
    const { nextTurn } = await shop.told("/sandbox/quota");
    await shop.told("/sandbox/clock", { setTo: nextTurn - 2000 });
    await page.until(`document.querySelector('${ITEM}').textContent.includes("0 of 3 used")`);
    await page.lacks("turn", "expired");
    await shop.told("/sandbox/clock", { aheadMs: 0 });
    await page.holds("mode", "It goes with the real time.");
  }],

  ["what is no limit is refused with the reason", async ({ page }) => {
    await page.set("limit", "many");
    await page.press("#limits button[type=submit]");
    await page.holds("quota-error", "limit:");
    await page.set("limit", "100");
  }],

  ["the limit is switched off", async ({ page, shop }) => {
    await page.press("#unlimited");
    await page.holds("limit-is", "No daily limit");
    assert.equal((await shop.told("/sandbox/quota")).limit, null);
    assert.equal(await page.text("#quota-error"), "");
  }],
];
