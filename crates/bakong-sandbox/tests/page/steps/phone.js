"use strict";
// The customer's phone: what it shows of a code, what it refuses, and how it pays.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

const EVIL = "<img src=x onerror=xs()>";

module.exports = [
  ["a code shows its recipient, amount and currency, and is paid", async ({ page, shop }) => {
    const code = khqr("Sokha Coffee", "1.50");
    assert.equal((await shop.check(code)).errorCode, 1);
    await page.read(` ${code}\n`);
    await page.shown("pay");
    await page.holds("asked", "1.50 USD");
    await page.holds("seen", "Sokha Coffee, Phnom Penh");
    await page.holds("seen", "sokha@devb");
    await page.holds("seen", "left");
    await page.set("from", "rith@devb");
    await page.set("description", "two iced lattes");
    await page.press("#send");
    await page.holds("paid", "Paid: 1.50 USD to Sokha Coffee");
    await page.holds("payments", "two iced lattes");
    await page.lacks("codes", md5(code));
    const { data } = await shop.check(code);
    assert.deepEqual([data.description, data.fromAccountId], ["two iced lattes", "rith@devb"]);
    await page.set("description", "");
    await page.set("from", "dara@devb");

    await page.press("#send");
    await page.holds("refusal", "This code was paid before.");
    assert.equal(await page.evaluate("document.getElementById('differently').open"), true);
    await page.press("#again");
    await page.press("#send");
    await page.untilCount("payments", 2, md5(code));
    await page.hidden("refusal");
  }],

  ["riel are shown as riel", async ({ page }) => {
    await page.read(khqr("Riel Shop", "5000", { currency: "116" }));
    await page.holds("asked", "5000 KHR");
    await page.holds("currency", "KHR");
  }],

  ["a refusal says what a bank's app would, and what to do", async ({ page }) => {
    await page.read("hello");
    await page.holds("refusal", "This code cannot be paid.");
    await page.hidden("pay");
    const code = khqr("Sokha Coffee", "1.50");
    await page.read(`${code.slice(0, -4)}0000`);
    await page.holds("refusal", "This code is damaged.");
    await page.hidden("pay");
    await page.read(khqr("Old Shop", "1.50", { made: Date.now() - 3_600_000 }));
    await page.holds("refusal", "This code has expired.");
    await page.holds("seen", "expired");
    await page.shown("pay");
    await page.press("#late");
    await page.press("#send");
    await page.holds("paid", "Paid: 1.50 USD to Old Shop");
    await page.read("");
    await page.holds("refusal", "");
    await page.hidden("pay");
  }],

  ["what a stranger wrote does no harm", async ({ page, shop }) => {
    await page.read(khqr(EVIL, "3.00"));
    await page.holds("seen", EVIL);
    await page.set("description", `${EVIL}<script>xs()</script>${"long".repeat(60)}`);
    await page.press("#send");
    await page.holds("payments", `${EVIL}<script>`);
    await page.set("description", "");
    await shop.call("/v1/verify", { code: EVIL });
    await page.holds("requests", "onerror");
    assert.equal(await page.evaluate("document.querySelectorAll('main img, main script').length"), 0);
  }],

  ["another amount, later, failing, and twice", async ({ page, shop }) => {
    const fixed = khqr("Tea Stall");
    await page.read(fixed);
    await page.holds("asked", "Any amount in USD");
    await page.press("#send");
    await page.holds("refusal", "How much?");
    await page.set("amount", "0.75");
    await page.set("delay", "60000");
    await page.press("#send");
    await page.holds("paid", "Scheduled: 0.75 USD to Tea Stall");
    await page.holds("payments", "scheduled");
    await page.set("delay", "0");

    const short = khqr("Short Shop", "2.00");
    await page.read(short);
    await page.shown("pay");
    await page.set("amount", "1.99");
    await page.press("#send");
    await page.holds("paid", "Paid: 1.99 USD");
    assert.equal((await shop.check(short)).data.amount, 1.99);
    await page.set("amount", "x");
    await page.press("#send");
    await page.holds("paid", "amount:");

    const failing = khqr("Fail Shop", "2.00");
    await page.read(failing);
    await page.shown("pay");
    await page.press("#failing");
    await page.press("#send");
    await page.holds("paid", "Failed: 2.00 USD");
    assert.equal((await shop.check(failing)).errorCode, 3);

    const twice = khqr("Double Shop", "2.00");
    await page.read(twice);
    await page.holds("seen", "Double Shop");
    assert.equal(await page.evaluate("document.getElementById('failing').checked"), false);
    await page.press("#twice");
    await page.press("#send");
    await page.holds("paid", "Paid: 2 times 2.00 USD");
    await page.untilCount("payments", 2, md5(twice));
    await page.press("#twice");
  }],

  ["it can be done with the keyboard alone", async ({ page }) => {
    await page.set("qr", "");
    await page.evaluate("document.getElementById('qr').focus()");
    await page.browser.send("Input.insertText", { text: khqr("Key Shop", "4.00") });
    await page.key("Tab");
    await page.key("Enter");
    await page.holds("seen", "Key Shop");
    for (let tabs = 0; tabs < 30; tabs += 1) {
      if (await page.evaluate("document.activeElement.id === 'send'")) break;
      await page.key("Tab");
    }
    await page.key("Enter");
    await page.holds("paid", "Paid: 4.00 USD to Key Shop");
  }],

  ["a link with a code fills it in and does not pay", async ({ page, shop }) => {
    const code = khqr("Linked & Co 100%+1", "6.00");
    await page.open(`/?code=${encodeURIComponent(code)}`);
    await page.holds("asked", "6.00 USD");
    await page.holds("seen", "Linked & Co 100%+1");
    // The link may be a stranger's: it changes nothing.
    const { codes } = await shop.told("/sandbox/codes");
    assert.ok(codes.every((it) => it.qr !== code));
    assert.equal(await page.evaluate("document.getElementById('qr').value"), code);
    assert.equal((await shop.check(code)).errorCode, 1);
    const { data } = await shop.told("/v1/generate_deeplink_by_qr", { qr: code });
    await page.open();
    await page.open(new URL(data.shortLink).pathname);
    await page.holds("asked", "6.00 USD");
    await page.open("/?code=%3Cb%3Ehello");
    await page.holds("refusal", "This code cannot be paid.");
    await page.open();
    await page.hidden("refusal");
  }],
];
