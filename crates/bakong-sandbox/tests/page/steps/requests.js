"use strict";
// The log of requests and responses.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

const FIRST = "#requests li:first-child";

module.exports = [
  ["a request shows status, endpoint, error code and bodies", async ({ page, shop }) => {
    const code = khqr("Seen Shop", "1.00");
    await shop.check(code);
    await page.waitFor(`document.querySelector("${FIRST}").textContent.includes("${md5(code)}")`);
    const summary = await page.text(`${FIRST} summary`);
    assert.match(summary, /200, error 1.*check_transaction_by_md5.*\d\d:\d\d:\d\d/);
    assert.equal(await page.evaluate(`document.querySelector("${FIRST} details").open`), false);
    await page.click(`${FIRST} summary`);
    const bodies = await page.evaluate(`[...document.querySelectorAll("${FIRST} pre")].map((body) => body.textContent)`);
    assert.match(bodies[0], /^user-agent: shop\/1$/m);
    assert.match(bodies[0], /^authorization: Bearer \[redacted\]$/m);
    assert.equal(bodies[1], JSON.stringify({ md5: md5(code) }));
    assert.ok(bodies[2].includes("could not be found"));
    assert.equal(await page.evaluate(`document.querySelector("${FIRST} .why")`), null);
    // Open details stay open when another request arrives.
    await shop.check(code);
    await page.waitFor("document.querySelectorAll('#requests details')[1].open");
  }],

  ["a refused request shows the reason", async ({ page, shop }) => {
    await shop.send("/v1/verify", {}, { "content-type": "text/plain" });
    await page.waitFor(`document.querySelector("${FIRST} .why")?.textContent.includes("Content-Type is not application/json")`);
    assert.match(await page.text(`${FIRST} summary`), /400.*verify/);
  }],

  ["the list is filtered by endpoint", async ({ page, shop }) => {
    await shop.send("/v1/check_bakong_account", { accountId: "a@b" });
    await page.waitFor("document.querySelector('#requests summary').textContent.includes('check_bakong_account')");
    await page.select("endpoint", "check_bakong_account");
    await page.waitForItems("requests", 1);
    await shop.check(khqr("Hidden Shop", "1.00"));
    await shop.send("/v1/check_bakong_account", { accountId: "a@b" });
    await page.waitForItems("requests", 2);
    await page.waitForText("request-count", "2 of the last");
    await page.select("endpoint", "");
    const { requests } = await shop.json("/sandbox/requests?limit=200");
    await page.waitForItems("requests", requests.length);
  }],

  ["only the last 200 requests are listed", async ({ page, shop }) => {
    for (let number = 0; number < 210; number += 10) {
      await Promise.all(Array.from({ length: 10 }, () => shop.send("/v1/verify", { number })));
    }
    const { requests } = await shop.json("/sandbox/requests?limit=200");
    // The list reaches its limit before the last request arrives.
    await page.waitFor(`document.querySelector('#requests > li')?.dataset.key === '${requests[0].number}'`);
    await page.waitForItems("requests", 200);
    const options = await page.evaluate("[...document.getElementById('endpoint').options].map((option) => option.value)");
    assert.deepEqual(options, ["", "verify"]);
    const keys = await page.evaluate("[...document.querySelectorAll('#requests > li')].map((item) => Number(item.dataset.key))");
    assert.deepEqual(keys, requests.map((request) => request.number));
  }],
];
