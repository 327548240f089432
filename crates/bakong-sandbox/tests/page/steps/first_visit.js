"use strict";
// What a first-time user sees.

const assert = require("node:assert");
const { khqr } = require("../shop.js");

module.exports = [
  ["the page opens, connects and shows the first steps", async ({ page }) => {
    await page.open();
    assert.equal(await page.text("#base-url"), page.base);
    assert.equal(await page.evaluate("document.getElementById('first-steps').open"), true);
    assert.ok((await page.evaluate("document.querySelector('#first-steps ol').innerText")).includes("Issue a token"));
    for (const id of ["phone", "tokens-card", "clock-card", "quota-card", "faults-card"]) {
      await page.waitFor(`!!document.querySelector('a[href="#${id}"]') && !!document.getElementById('${id}')`);
    }
  }],

  ["the example code can be read and paid", async ({ page }) => {
    await page.click("#example");
    await page.waitForText("requested-amount", "1.50 USD");
    await page.waitForText("code-details", "Example Shop");
    await page.click("#send");
    await page.waitForText("payment-result", "Paid: 1.50 USD to Example Shop");
    // The next example is a different code.
    await page.click("#example");
    await page.waitHidden("refusal");
    await page.waitForItems("codes", 1, "Example Shop");
    await page.click("#codes button");
    await page.waitForItems("codes", 0, "Example Shop");
  }],

  ["the first steps stay open until a check finds a payment", async ({ page, shop }) => {
    const code = khqr("First Shop", "1.00");
    await shop.check(code);
    await page.open();
    assert.equal(await page.evaluate("document.getElementById('first-steps').open"), true);
    await shop.json("/sandbox/pay", { qr: code });
    await shop.check(code);
    await page.open();
    assert.equal(await page.evaluate("document.getElementById('first-steps').open"), false);
  }],
];
