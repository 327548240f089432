"use strict";
// What every run of page tests needs: the problems that the browser reports, and steps with a name.

const assert = require("node:assert");

/** Records script errors, and requests to other servers than those that begin with one of `bases`. */
function recordProblems(browser, bases, problems) {
  browser.on((method, params) => {
    if (method === "Runtime.exceptionThrown") problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    // The page handles error responses, which Chromium logs as network errors.
    if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") problems.push(params.entry.text);
    if (method === "Network.requestWillBeSent" && !/^(data|about):/.test(params.request.url) && !bases.some((base) => params.request.url.startsWith(base))) {
      problems.push(`The page requests ${params.request.url}`);
    }
  });
}

/** Runs a step, and fails if the page is wider than its screen, unless `width` is undefined. */
async function runStep(page, title, action, width) {
  const start = Date.now();
  try {
    await action();
    if (width) assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width, "the page is wider than the screen");
  } catch (error) {
    const text = await page.evaluate("document.body.innerText").catch(() => "");
    throw new Error(`${title}: ${error.message}\nText of the page:\n${text.slice(0, 6000)}`);
  }
  console.log(`ok: ${title} (${Date.now() - start} ms)`);
}

module.exports = { recordProblems, runStep };
