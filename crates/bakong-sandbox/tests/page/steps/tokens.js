"use strict";
// Tokens and the mailbox.

const assert = require("node:assert");

module.exports = [
  ["a token is issued and copied, and visible only on request", async ({ page, shop }) => {
    await page.browser.send("Browser.grantPermissions", { permissions: ["clipboardReadWrite", "clipboardSanitizedWrite"], origin: page.base });
    await page.setValue("email", "day1@example.com");
    await page.click("#tokens button");
    await page.waitForText("token-note", "Token for day1@example.com, valid until");
    assert.equal(await page.text("#token"), "");
    assert.ok(!(await page.evaluate("document.body.innerHTML")).includes("eyJ"));
    await page.click("#copy-token");
    await page.waitForText("copy-token", "Copied");
    const token = await page.evaluate("navigator.clipboard.readText()");
    const response = await shop.json("/v1/check_transaction_by_md5", { md5: "0".repeat(32) }, { authorization: `Bearer ${token}` });
    assert.equal(response.errorCode, 1);
    await page.click("#show-token");
    await page.waitForText("token", token);
    await page.click("#show-token");
    await page.waitHidden("token");
    // The address now has a quota.
    await page.waitForText("addresses", "day1@example.com");
    await page.open();
    await page.waitHidden("issued");
  }],

  ["copying works without the clipboard API", async ({ page }) => {
    await page.evaluate("navigator.clipboard.writeText = async () => { throw new Error('insecure'); }");
    await page.click("#copy-url");
    await page.waitForText("copy-url", "Copied");
    assert.equal(await page.evaluate("navigator.clipboard.readText()"), page.base);
  }],

  ["an invalid address shows the reason", async ({ page }) => {
    await page.setValue("email", "");
    await page.click("#tokens button");
    await page.waitForText("token-note", "email:");
    await page.setValue("email", "dev@example.com");
  }],

  ["e-mails arrive with valid verification codes", async ({ page, shop }) => {
    await shop.send("/v1/request_token", { email: "new@example.com", organization: "a", project: "b" });
    await page.waitForText("mails", "new@example.com");
    const code = await page.text("#mails code");
    assert.equal((await shop.send("/v1/verify", { code })).status, 200);
    await page.waitFor("document.getElementById('requests').textContent.includes('[redacted]')");
    assert.ok(!(await page.evaluate("document.body.innerHTML")).includes("eyJ"));
  }],
];
