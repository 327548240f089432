"use strict";
// The daily quota: shown, used up, limited and unlimited.

const assert = require("node:assert");
const { khqr } = require("../shop.js");

const ADDRESS = "shop@example.com";
const ITEM = `#addresses [data-key="${ADDRESS}"]`;
const itemText = (page, text) => page.waitFor(`document.querySelector('${ITEM}').textContent.includes("${text}")`);
const meterValue = (page) => page.evaluate(`document.querySelector('${ITEM} meter').value`);

module.exports = [
  ["setting a limit shows the use of each address", async ({ page, shop }) => {
    await page.waitForText("current-limit", "No daily limit");
    await page.waitForText("quota-reset", "The day ends at");
    assert.equal(await page.evaluate("document.getElementById('unlimited').disabled"), true);
    await shop.json("/sandbox/quota", { email: ADDRESS, used: 0 });
    await page.setValue("limit", "3");
    await page.click("#limits button[type=submit]");
    await page.waitForText("current-limit", "3 requests per day");
    await itemText(page, "0 of 3 used");
    assert.equal(await meterValue(page), 0);
    await shop.check(khqr("Quota Shop", "1.00"));
    await itemText(page, "1 of 3 used");
    assert.equal(await meterValue(page), 1);
    assert.ok((await page.text(ITEM)).includes("2 left today"));
  }],

  ["buttons use up the quota and reset it", async ({ page, shop }) => {
    await page.evaluate(`document.querySelector('${ITEM} button').focus()`);
    await page.click(`${ITEM} button`);
    await itemText(page, "Used up");
    assert.equal((await shop.check(khqr("Quota Shop", "1.00"))).errorCode, 17);
    await page.waitForText("requests", "200, error 17");
    // The button keeps the focus although its item was replaced.
    assert.ok(await page.evaluate(`document.activeElement.matches('${ITEM} button:first-child')`));
    await page.click(`${ITEM} button:last-child`);
    await itemText(page, "0 of 3 used");
    assert.equal((await shop.check(khqr("Quota Shop", "1.00"))).errorCode, 1);
  }],

  ["the count resets at the end of the day without any request", async ({ page, shop }) => {
    await shop.check(khqr("Evening Shop", "1.00"));
    await itemText(page, "2 of 3 used");
    const { nextReset } = await shop.json("/sandbox/quota");
    await shop.json("/sandbox/clock", { setTo: nextReset - 2000 });
    await itemText(page, "0 of 3 used");
    await page.waitForNoText("quota-reset", "expired");
    await shop.json("/sandbox/clock", { aheadMs: 0 });
    await page.waitForText("clock-mode", "shows the real time.");
  }],

  ["an invalid limit shows the reason", async ({ page }) => {
    await page.setValue("limit", "many");
    await page.click("#limits button[type=submit]");
    await page.waitForText("quota-error", "limit:");
    await page.setValue("limit", "100");
  }],

  ["“No limit” removes the limit", async ({ page, shop }) => {
    await page.click("#unlimited");
    await page.waitForText("current-limit", "No daily limit");
    assert.equal((await shop.json("/sandbox/quota")).limit, null);
    assert.equal(await page.text("#quota-error"), "");
  }],
];
