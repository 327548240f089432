"use strict";
// The last step: everything is forgotten.

const assert = require("node:assert");

module.exports = [
  ["everything can be forgotten", async ({ page, shop }) => {
    page.browser.on((method) => {
      if (method === "Page.javascriptDialogOpening") page.browser.send("Page.handleJavaScriptDialog", { accept: true });
    });
    await page.press("#tokens button");
    await page.shown("issued");
    // The browser answers only when the question is.
    page.press("#reset").catch(() => {});
    for (const list of ["payments", "requests", "mails", "codes", "addresses"]) await page.untilCount(list, 0);
    // A token that is worthless is not there to be copied.
    await page.hidden("issued");
    assert.deepEqual((await shop.told("/sandbox/payments")).payments, []);
  }],
];
