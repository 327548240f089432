"use strict";
// The last requests with their answers.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

module.exports = [
  ["a request shows its status, endpoint, error code and bodies", async ({ page, shop }) => {
    const code = khqr("Seen Shop", "1.00");
    await shop.check(code);
    const first = "#requests li:first-child";
    await page.until(`document.querySelector("${first}").textContent.includes("${md5(code)}")`);
    const summary = await page.text(`${first} summary`);
    assert.match(summary, /200, error 1.*check_transaction_by_md5.*\d\d:\d\d:\d\d/);
    assert.equal(await page.evaluate(`document.querySelector("${first} details").open`), false);
    await page.press(`${first} summary`);
    const bodies = await page.evaluate(`[...document.querySelectorAll("${first} pre")].map((it) => it.textContent)`);
    assert.equal(bodies[0], JSON.stringify({ md5: md5(code) }));
    assert.ok(bodies[1].includes("could not be found"));
    // What is open stays open while others come.
    await shop.check(code);
    await page.until("document.querySelectorAll('#requests details')[1].open");
  }],

  ["they are filtered by endpoint", async ({ page, shop }) => {
    await shop.call("/v1/check_bakong_account", { accountId: "a@b" });
    await page.until("document.querySelector('#requests summary').textContent.includes('check_bakong_account')");
    await page.choose("endpoint", "check_bakong_account");
    await page.untilCount("requests", 1);
    await shop.check(khqr("Hidden Shop", "1.00"));
    await shop.call("/v1/check_bakong_account", { accountId: "a@b" });
    await page.untilCount("requests", 2);
    await page.holds("counted", "2 of the last");
    await page.choose("endpoint", "");
    const { requests } = await shop.told("/sandbox/requests?limit=200");
    await page.untilCount("requests", requests.length);
  }],

  ["only the last ones are kept", async ({ page, shop }) => {
    for (let number = 0; number < 210; number += 10) {
      await Promise.all(Array.from({ length: 10 }, () => shop.call("/v1/verify", { number })));
    }
    const { requests } = await shop.told("/sandbox/requests?limit=200");
    // The list is full before the last of them has come.
    await page.until(`document.querySelector('#requests > li')?.dataset.key === '${requests[0].number}'`);
    await page.untilCount("requests", 200);
    const options = await page.evaluate("[...document.getElementById('endpoint').options].map((it) => it.value)");
    assert.deepEqual(options, ["", "verify"]);
    const keys = await page.evaluate("[...document.querySelectorAll('#requests > li')].map((it) => Number(it.dataset.key))");
    assert.deepEqual(keys, requests.map((it) => it.number));
  }],
];
