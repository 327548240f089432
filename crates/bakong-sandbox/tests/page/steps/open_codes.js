"use strict";
// The open codes, and paying them with one click.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

const item = (code) => `#codes [data-key="${md5(code)}"]`;

module.exports = [
  ["a code with known text is paid with one click", async ({ page, shop }) => {
    const code = khqr("Link Shop", "2.00");
    assert.equal((await shop.send("/v1/generate_deeplink_by_qr", { qr: code })).status, 200);
    for (const text of ["2.00 USD", "Link Shop, sokha@devb", "not checked yet", "left"]) await page.waitForText("codes", text);
    await shop.check(code);
    await page.waitForText("codes", "checked once");
    await page.click(`${item(code)} button.main`);
    await page.waitForText("codes-note", "Paid: 2.00 USD to Link Shop.");
    await page.waitForNoText("codes", md5(code));
    await page.waitForText("payments", md5(code));
  }],

  ["a code scanned through the API is listed and opens on the phone", async ({ page, shop }) => {
    const code = khqr("Scan Shop", "2.50");
    await shop.send("/sandbox/scan", { qr: code });
    await page.waitForText("codes", "Scan Shop");
    await page.click(`${item(code)} button:nth-child(2)`);
    await page.waitForText("code-details", "Scan Shop");
    assert.equal(await page.evaluate("document.activeElement.id"), "send");
  }],

  ["a code that was only checked shows its MD5 until its text is read", async ({ page, shop }) => {
    const code = khqr("Quiet Shop", "2.50");
    await shop.check(code);
    await page.waitFor(`!!document.querySelector('${item(code)}')`);
    assert.equal(await page.evaluate(`document.querySelectorAll('${item(code)} button').length`), 0);
    assert.ok((await page.text(item(code))).includes("To pay it, paste its text"));
    await page.readCode(code);
    await page.waitFor(`!!document.querySelector('${item(code)} button.main')`);
  }],

  ["paying an expired code shows the reason", async ({ page, shop }) => {
    const code = khqr("Late Shop", "2.00", { createdAt: Date.now() - 3_600_000 });
    await shop.check(code);
    await shop.send("/v1/generate_deeplink_by_qr", { qr: code });
    await page.waitForText("codes", "Late Shop");
    assert.ok((await page.text(item(code))).includes("expired"));
    const error = await shop.error("/sandbox/pay", { qr: code });
    await page.click(`${item(code)} button.main`);
    await page.waitForText("codes-note", error.what);
    await page.waitFor(`document.getElementById("codes-note").classList.contains("bad")`);
  }],
];
