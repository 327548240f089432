"use strict";
// The fault switches, which show the sandbox's rules, whoever set them.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

const rules = async (shop) => (await shop.told("/sandbox/faults")).faults;
const checked = (page) => page.evaluate("[...document.querySelectorAll('#switches input')].map((it) => it.checked)");
const pressSwitch = (page, words) => page.evaluate(`[...document.querySelectorAll('#switches label')].find((it) => it.textContent.includes(${JSON.stringify(words)})).click()`);
const untilSwitched = (page, count) => page.until(`document.querySelectorAll('#switches input:checked').length === ${count}`);

module.exports = [
  ["each switch is on again after the page is loaded anew", async ({ page, shop }) => {
    const count = await page.evaluate("document.querySelectorAll('#switches input').length");
    assert.ok(count > 15);
    for (let place = 0; place < count; place += 1) {
      await page.evaluate(`document.querySelectorAll('#switches input')[${place}].click()`);
      await page.until(`document.querySelectorAll('#switches input')[${place}].checked`);
      await page.holds("trouble", place === 0 ? "1 fault is on" : `${place + 1} faults are on`);
    }
    assert.equal((await rules(shop)).length, count);
    await page.open();
    await untilSwitched(page, count);
    await page.hidden("other-rules");
    await page.holds("order", "comes first");
    await page.press("#clear");
    await untilSwitched(page, 0);
    await page.hidden("trouble");
    assert.deepEqual(await rules(shop), []);
  }],

  ["a switch strikes and is switched off", async ({ page, shop }) => {
    const code = khqr("Sokha Coffee", "9.00");
    await pressSwitch(page, "503");
    await page.holds("trouble", "1 fault is on");
    assert.equal((await shop.call("/v1/check_transaction_by_md5", {})).status, 503);
    await page.until("document.querySelector('#requests summary').textContent.includes('fault')");
    await pressSwitch(page, "503");
    await page.hidden("trouble");
    assert.equal((await shop.check(code)).errorCode, 1);
  }],

  ["the switches do to answers what they say", async ({ page, shop }) => {
    const code = khqr("Odd Shop", "2.00");
    await shop.told("/sandbox/pay", { qr: code });
    const answer = async (words) => {
      await pressSwitch(page, words);
      await page.shown("trouble");
      const told = await shop.call("/v1/check_transaction_by_md5", { md5: md5(code) }, { authorization: `Bearer ${shop.token}` }).catch(() => null);
      const text = await told?.text().catch(() => null);
      await page.press("#clear");
      await page.hidden("trouble");
      return { status: told?.status, text, headers: told?.headers };
    };
    assert.equal((await answer("connection is cut")).status, undefined);
    assert.equal((await answer("Cut after 20 bytes")).text, null);
    const busy = await answer("429");
    assert.deepEqual([busy.status, busy.headers.get("retry-after")], [429, "30"]);
    assert.ok((await answer("Error 17")).text.includes('"errorCode":17'));
    assert.ok((await answer("Times with decimals")).text.match(/"createdDateMs":\d+\.0/));
    assert.ok((await answer("Amounts as texts")).text.match(/"amount":"2/));
    assert.ok(!(await answer("without errorCode")).text.includes("errorCode"));
  }],

  ["rules of a program move the switches, or are listed and removed", async ({ page, shop }) => {
    // Written in another way, and the same.
    await shop.faults([{ times: "always", retryAfter: 30, answer: "too_many_requests" }]);
    await untilSwitched(page, 1);
    assert.equal((await checked(page)).indexOf(true), await page.evaluate("[...document.querySelectorAll('#switches label')].findIndex((it) => it.textContent.includes('429'))"));
    await page.hidden("other-rules");
    await shop.faults([{ answer: "cut", times: 2, on: "verify" }, { delayMs: 5, times: "always" }]);
    await page.untilCount("faults", 2);
    await page.holds("faults", "strikes 2 more");
    await page.holds("faults", '"delayMs":5');
    await page.evaluate("document.querySelector('#faults button').focus()");
    await page.press("#faults button");
    await page.untilCount("faults", 1);
    assert.equal(await page.evaluate("document.activeElement.id"), "faults");
    await page.press("#clear");
    await untilSwitched(page, 0);
    await page.hidden("other-rules");
  }],

  ["one that strikes once is off again by itself", async ({ page, shop }) => {
    await page.press("#tokens button");
    await page.shown("issued");
    await pressSwitch(page, "All tokens expire");
    await page.shown("trouble");
    await untilSwitched(page, 1);
    assert.equal((await shop.check(khqr("Shop", "1.00"))).errorCode, 6);
    await untilSwitched(page, 0);
    // One that is worthless is not offered, and the shop needs another.
    await page.hidden("issued");
    await page.holds("token-note", "good no more");
    shop.token = (await shop.told("/sandbox/tokens", { email: "shop@example.com" })).token;
  }],

  ["a rule is written as JSON, and what is wrong with it is said", async ({ page, shop }) => {
    await page.set("rule-text", '{"answer":"explode"}');
    await page.press("#rule button");
    await page.holds("rule-error", "there is no answer `explode`");
    assert.equal(await page.evaluate("document.getElementById('rule-text').getAttribute('aria-invalid')"), "true");
    await page.set("rule-text", "{");
    await page.press("#rule button");
    await page.holds("rule-error", "Send a JSON object");
    await page.set("rule-text", '{"answer":"forbidden"}');
    await page.press("#rule button");
    await page.holds("faults", "strikes 1 more");
    await page.holds("rule-error", "Added as rule");
    assert.equal((await shop.call("/v1/verify", {})).status, 403);
    // Used up.
    await page.hidden("other-rules");
  }],
];

