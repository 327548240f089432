"use strict";
// The first look.

const assert = require("node:assert");

module.exports = [
  ["the page opens, is live, and tells a stranger what to do", async ({ page }) => {
    await page.open();
    assert.equal(await page.text("#base-url"), page.base);
    assert.equal(await page.evaluate("document.getElementById('start').open"), true);
    assert.ok((await page.evaluate("document.querySelector('#start ol').innerText")).includes("Issue a token"));
    for (const id of ["phone", "tokens-card", "clock-card", "quota-card", "faults-card"]) {
      await page.until(`!!document.querySelector('a[href="#${id}"]') && !!document.getElementById('${id}')`);
    }
  }],

  ["without a code of one's own there is an example", async ({ page }) => {
    await page.press("#example");
    await page.holds("asked", "1.50 USD");
    await page.holds("seen", "Example Shop");
    await page.press("#send");
    await page.holds("paid", "Paid: 1.50 USD to Example Shop");
    // Each is another one.
    await page.press("#example");
    await page.hidden("refusal");
    await page.untilCount("codes", 1, "Example Shop");
    await page.press("#codes button");
    await page.untilCount("codes", 0, "Example Shop");
  }],
];
