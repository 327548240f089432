"use strict";
// The last step: resets the sandbox.

const assert = require("node:assert");

module.exports = [
  ["a reset empties every list and drops the token", async ({ page, shop }) => {
    page.browser.on((method) => {
      if (method === "Page.javascriptDialogOpening") page.browser.send("Page.handleJavaScriptDialog", { accept: true });
    });
    await page.click("#tokens button");
    await page.waitVisible("issued");
    // The click resolves only after the dialog is answered, so the test does not wait for it.
    page.click("#reset").catch(() => {});
    for (const list of ["payments", "requests", "mails", "codes", "addresses"]) await page.waitForItems(list, 0);
    await page.waitHidden("issued");
    assert.deepEqual((await shop.json("/sandbox/payments")).payments, []);
  }],
];
