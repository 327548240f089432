"use strict";
// The customer's phone: code details, refusals and payments.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

const HTML = "<img src=x onerror=xs()>";

module.exports = [
  ["a code shows recipient, amount and MD5, and can be paid", async ({ page, shop }) => {
    const code = khqr("Sokha Coffee", "1.50", { bill: "INV-2026-7" });
    assert.equal((await shop.check(code)).errorCode, 1);
    await page.readCode(` ${code}\n`);
    await page.waitVisible("pay");
    await page.waitForText("requested-amount", "1.50 USD");
    for (const text of ["Sokha Coffee, Phnom Penh", "sokha@devb", "left", md5(code)]) await page.waitForText("code-details", text);
    await page.setValue("from", "rith@devb");
    await page.setValue("description", "two iced lattes");
    await page.click("#send");
    await page.waitForText("payment-result", "Paid: 1.50 USD to Sokha Coffee");
    await page.waitForText("payments", "two iced lattes");
    await page.waitForText("payments", "bill INV-2026-7");
    await page.waitForNoText("codes", md5(code));
    const { data } = await shop.check(code);
    assert.deepEqual([data.description, data.fromAccountId], ["two iced lattes", "rith@devb"]);
    await page.setValue("description", "");
    await page.setValue("from", "dara@devb");

    await page.click("#send");
    await page.waitForText("refusal", "This code was already paid.");
    assert.equal(await page.evaluate("document.getElementById('payment-options').open"), true);
    await page.click("#again");
    await page.click("#send");
    await page.waitForItems("payments", 2, md5(code));
    await page.waitHidden("refusal");
  }],

  ["an amount in riel is shown in riel", async ({ page }) => {
    await page.readCode(khqr("Riel Shop", "5000", { currency: "116" }));
    await page.waitForText("requested-amount", "5000 KHR");
    await page.waitForText("currency", "KHR");
  }],

  ["a refused code shows the reason and what to do", async ({ page }) => {
    await page.readCode("hello");
    await page.waitForText("refusal", "This code cannot be paid.");
    await page.waitHidden("pay");
    const code = khqr("Sokha Coffee", "1.50");
    await page.readCode(`${code.slice(0, -4)}0000`);
    await page.waitForText("refusal", "This code is damaged.");
    await page.waitHidden("pay");
    await page.readCode(khqr("Old Shop", "1.50", { createdAt: Date.now() - 3_600_000 }));
    await page.waitForText("refusal", "This code has expired.");
    await page.waitForText("code-details", "expired");
    await page.waitVisible("pay");
    await page.click("#late");
    await page.click("#send");
    await page.waitForText("payment-result", "Paid: 1.50 USD to Old Shop");
    await page.readCode("");
    await page.waitForText("refusal", "");
    await page.waitHidden("pay");
  }],

  ["HTML in codes, descriptions and requests is shown as text", async ({ page, shop }) => {
    await page.readCode(khqr(HTML, "3.00"));
    await page.waitForText("code-details", HTML);
    await page.setValue("description", `${HTML}<script>xs()</script>${"long".repeat(60)}`);
    await page.click("#send");
    await page.waitForText("payments", `${HTML}<script>`);
    await page.setValue("description", "");
    await shop.send("/v1/verify", { code: HTML });
    await page.waitForText("requests", "onerror");
    assert.equal(await page.evaluate("document.querySelectorAll('main img, main script').length"), 0);
  }],

  ["payments can differ in amount, be delayed, fail and be doubled", async ({ page, shop }) => {
    const staticCode = khqr("Tea Stall");
    await page.readCode(staticCode);
    await page.waitForText("requested-amount", "Any amount in USD");
    await page.click("#send");
    await page.waitForText("refusal", "Enter an amount.");
    await page.setValue("amount", "0.75");
    await page.setValue("delay", "60000");
    await page.click("#send");
    await page.waitForText("payment-result", "Scheduled: 0.75 USD to Tea Stall");
    await page.waitForText("payments", "scheduled");
    await page.setValue("delay", "0");

    const underpaid = khqr("Short Shop", "2.00");
    await page.readCode(underpaid);
    await page.waitVisible("pay");
    await page.setValue("amount", "1.99");
    await page.click("#send");
    await page.waitForText("payment-result", "Paid: 1.99 USD");
    assert.equal((await shop.check(underpaid)).data.amount, 1.99);
    await page.setValue("amount", "x");
    await page.click("#send");
    await page.waitForText("payment-result", "amount:");

    const failing = khqr("Fail Shop", "2.00");
    await page.readCode(failing);
    await page.waitVisible("pay");
    await page.click("#failing");
    await page.click("#send");
    await page.waitForText("payment-result", "Failed: 2.00 USD");
    assert.equal((await shop.check(failing)).errorCode, 3);

    const doubled = khqr("Double Shop", "2.00");
    await page.readCode(doubled);
    await page.waitForText("code-details", "Double Shop");
    assert.equal(await page.evaluate("document.getElementById('failing').checked"), false);
    await page.click("#twice");
    await page.click("#send");
    await page.waitForText("payment-result", "Paid: 2 times 2.00 USD");
    await page.waitForItems("payments", 2, md5(doubled));
    await page.click("#twice");
  }],

  ["the keyboard alone is enough to pay", async ({ page }) => {
    await page.setValue("qr", "");
    await page.evaluate("document.getElementById('qr').focus()");
    await page.browser.send("Input.insertText", { text: khqr("Key Shop", "4.00") });
    await page.pressKey("Tab");
    await page.pressKey("Enter");
    await page.waitForText("code-details", "Key Shop");
    for (let tabs = 0; tabs < 30; tabs += 1) {
      if (await page.evaluate("document.activeElement.id === 'send'")) break;
      await page.pressKey("Tab");
    }
    await page.pressKey("Enter");
    await page.waitForText("payment-result", "Paid: 4.00 USD to Key Shop");
  }],

  ["a link with a code shows the code and changes nothing", async ({ page, shop }) => {
    const code = khqr("Linked & Co 100%+1", "6.00");
    await page.open(`/?code=${encodeURIComponent(code)}`);
    await page.waitForText("requested-amount", "6.00 USD");
    await page.waitForText("code-details", "Linked & Co 100%+1");
    const { codes } = await shop.json("/sandbox/codes");
    assert.ok(codes.every(({ qr }) => qr !== code));
    assert.equal(await page.evaluate("document.getElementById('qr').value"), code);
    assert.equal((await shop.check(code)).errorCode, 1);
    const { data } = await shop.json("/v1/generate_deeplink_by_qr", { qr: code });
    await page.open();
    await page.open(new URL(data.shortLink).pathname);
    await page.waitForText("requested-amount", "6.00 USD");
    await page.open("/?code=%3Cb%3Ehello");
    await page.waitForText("refusal", "This code cannot be paid.");
    await page.open();
    await page.waitHidden("refusal");
  }],
];
