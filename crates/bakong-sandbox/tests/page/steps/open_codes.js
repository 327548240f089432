"use strict";
// The open codes, and one tap to pay them.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

module.exports = [
  ["a code that was told in full is paid by one tap", async ({ page, shop }) => {
    const code = khqr("Link Shop", "2.00", { currency: "840" });
    assert.equal((await shop.call("/v1/generate_deeplink_by_qr", { qr: code })).status, 200);
    await page.holds("codes", "2.00 USD");
    await page.holds("codes", "Link Shop, sokha@devb");
    await page.holds("codes", "not asked about yet");
    await page.holds("codes", "left");
    await shop.check(code);
    await page.holds("codes", "asked about once");
    const item = `#codes [data-key="${md5(code)}"]`;
    await page.press(`${item} button.main`);
    await page.holds("codes-note", "Paid: 2.00 USD to Link Shop.");
    await page.lacks("codes", md5(code));
    await page.holds("payments", md5(code));
  }],

  ["a code that is scanned elsewhere is open here, too, and goes to the phone", async ({ page, shop }) => {
    const code = khqr("Scan Shop", "2.50");
    await shop.call("/sandbox/scan", { qr: code });
    await page.holds("codes", "Scan Shop");
    await page.press(`#codes [data-key="${md5(code)}"] button:nth-child(2)`);
    await page.holds("seen", "Scan Shop");
    assert.equal(await page.evaluate("document.activeElement.id"), "send");
  }],

  ["of a code that was asked for only, the MD5 is known, until it is read", async ({ page, shop }) => {
    const code = khqr("Quiet Shop", "2.50");
    const item = `#codes [data-key="${md5(code)}"]`;
    await shop.check(code);
    await page.until(`!!document.querySelector('${item}')`);
    assert.equal(await page.evaluate(`document.querySelectorAll('${item} button').length`), 0);
    assert.ok((await page.text(item)).includes("To pay it, paste its text"));
    await page.read(code);
    await page.until(`!!document.querySelector('${item} button.main')`);
  }],

  ["a tap on a code that may not be paid says why", async ({ page, shop }) => {
    const code = khqr("Late Shop", "2.00", { made: Date.now() - 3_600_000 });
    await shop.check(code);
    await shop.call("/v1/generate_deeplink_by_qr", { qr: code });
    await page.holds("codes", "Late Shop");
    const item = `#codes [data-key="${md5(code)}"]`;
    assert.ok((await page.text(item)).includes("expired"));
    await page.press(`${item} button.main`);
    await page.holds("codes-note", "has expired");
    await page.until(`document.getElementById("codes-note").classList.contains("bad")`);
  }],
];
