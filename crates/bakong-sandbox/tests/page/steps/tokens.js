"use strict";
// Tokens and the mailbox.

const assert = require("node:assert");

module.exports = [
  ["a token is issued, copied, and shown only when asked for", async ({ page, shop }) => {
    await page.browser.send("Browser.grantPermissions", { permissions: ["clipboardReadWrite", "clipboardSanitizedWrite"], origin: page.base });
    await page.set("email", "day1@example.com");
    await page.press("#tokens button");
    await page.holds("token-note", "A token for day1@example.com, good until");
    assert.equal(await page.text("#token"), "");
    assert.ok(!(await page.evaluate("document.body.innerHTML")).includes("eyJ"));
    await page.press("#copy-token");
    await page.holds("copy-token", "Copied");
    const token = await page.evaluate("navigator.clipboard.readText()");
    const answer = await shop.told("/v1/check_transaction_by_md5", { md5: "0".repeat(32) }, { authorization: `Bearer ${token}` });
    assert.equal(answer.errorCode, 1);
    await page.press("#show-token");
    await page.holds("token", token);
    await page.press("#show-token");
    await page.hidden("token");
    // It is an address of the quota.
    await page.holds("addresses", "day1@example.com");
    await page.open();
    await page.hidden("issued");
  }],

  ["without the clipboard it is copied the old way", async ({ page }) => {
    await page.evaluate("navigator.clipboard.writeText = async () => { throw new Error('insecure'); }");
    await page.press("#copy-url");
    await page.holds("copy-url", "Copied");
    assert.equal(await page.evaluate("navigator.clipboard.readText()"), page.base);
  }],

  ["an address that is none is refused with the reason", async ({ page }) => {
    await page.set("email", "");
    await page.press("#tokens button");
    await page.holds("token-note", "email:");
    await page.set("email", "dev@example.com");
  }],

  ["mails come in, and their codes are good", async ({ page, shop }) => {
    await shop.call("/v1/request_token", { email: "new@example.com", organization: "a", project: "b" });
    await page.holds("mails", "new@example.com");
    const code = await page.text("#mails code");
    assert.equal((await shop.call("/v1/verify", { code })).status, 200);
    await page.until("document.getElementById('requests').textContent.includes('[redacted]')");
    assert.ok(!(await page.evaluate("document.body.innerHTML")).includes("eyJ"));
  }],
];
