"use strict";
// The fault switches, which show the sandbox's rules.

const assert = require("node:assert");
const { khqr, md5 } = require("../shop.js");

const rules = async (shop) => (await shop.json("/sandbox/faults")).faults;
const LABELS = "[...document.querySelectorAll('#switches label')]";
const named = (name) => `(label) => label.textContent.includes(${JSON.stringify(name)})`;
const clickSwitch = (page, name) => page.evaluate(`${LABELS}.find(${named(name)}).click()`);
const switchIndex = (page, name) => page.evaluate(`${LABELS}.findIndex(${named(name)})`);
const firstOn = (page) => page.evaluate("[...document.querySelectorAll('#switches input')].findIndex((box) => box.checked)");
const waitForSwitches = (page, count) => page.waitFor(`document.querySelectorAll('#switches input:checked').length === ${count}`);

module.exports = [
  ["each switch stays on after a reload", async ({ page, shop }) => {
    const count = await page.evaluate("document.querySelectorAll('#switches input').length");
    assert.ok(count > 15);
    for (let index = 0; index < count; index += 1) {
      await page.evaluate(`document.querySelectorAll('#switches input')[${index}].click()`);
      await page.waitFor(`document.querySelectorAll('#switches input')[${index}].checked`);
      await page.waitForText("active-faults", index === 0 ? "1 fault is on" : `${index + 1} faults are on`);
    }
    assert.equal((await rules(shop)).length, count);
    await page.open();
    await waitForSwitches(page, count);
    await page.waitHidden("other-rules");
    await page.waitForText("fault-order", "is tried first");
    await page.click("#clear");
    await waitForSwitches(page, 0);
    await page.waitHidden("active-faults");
    assert.deepEqual(await rules(shop), []);
  }],

  ["a switch affects requests until it is turned off", async ({ page, shop }) => {
    const code = khqr("Sokha Coffee", "9.00");
    await clickSwitch(page, "503");
    await page.waitForText("active-faults", "1 fault is on");
    assert.equal((await shop.send("/v1/check_transaction_by_md5", {})).status, 503);
    await page.waitFor("document.querySelector('#requests summary').textContent.includes('fault')");
    await clickSwitch(page, "503");
    await page.waitHidden("active-faults");
    assert.equal((await shop.check(code)).errorCode, 1);
  }],

  ["each switch has the effect that its name describes", async ({ page, shop }) => {
    const code = khqr("Odd Shop", "2.00");
    await shop.json("/sandbox/pay", { qr: code });
    const checkWith = async (name) => {
      await clickSwitch(page, name);
      await page.waitVisible("active-faults");
      const response = await shop.send("/v1/check_transaction_by_md5", { md5: md5(code) }, { authorization: `Bearer ${shop.token}` }).catch(() => null);
      const text = await response?.text().catch(() => null);
      await page.click("#clear");
      await page.waitHidden("active-faults");
      return { status: response?.status, text, headers: response?.headers };
    };
    assert.equal((await checkWith("Connection closed without")).status, undefined);
    assert.equal((await checkWith("Cut off after 20 bytes")).text, null);
    const limited = await checkWith("429");
    assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "30"]);
    assert.ok((await checkWith("Error 17")).text.includes('"errorCode":17'));
    assert.ok((await checkWith("Timestamps with decimals")).text.match(/"createdDateMs":\d+\.0/));
    assert.ok((await checkWith("Amounts as strings")).text.match(/"amount":"2/));
    assert.ok(!(await checkWith("without errorCode")).text.includes("errorCode"));
  }],

  ["rules from the API turn on switches, or are listed and removable", async ({ page, shop }) => {
    // The same rule as the switch, with its keys in another order.
    await shop.addFaults([{ times: "always", retryAfter: 30, answer: "too_many_requests" }]);
    await waitForSwitches(page, 1);
    assert.equal(await firstOn(page), await switchIndex(page, "429"));
    await page.waitHidden("other-rules");
    await shop.addFaults([{ answer: "cut", times: 2, on: "verify" }, { delayMs: 5, times: "always" }]);
    await page.waitForItems("faults", 2);
    await page.waitForText("faults", "applies 2 more times");
    await page.waitForText("faults", '"delayMs":5');
    await page.evaluate("document.querySelector('#faults button').focus()");
    await page.click("#faults button");
    await page.waitForItems("faults", 1);
    assert.equal(await page.evaluate("document.activeElement.id"), "faults");
    await page.click("#clear");
    await waitForSwitches(page, 0);
    await page.waitHidden("other-rules");
  }],

  ["a rule that applies once turns its switch off", async ({ page, shop }) => {
    await page.click("#tokens button");
    await page.waitVisible("issued");
    await clickSwitch(page, "All tokens expire");
    await page.waitVisible("active-faults");
    await waitForSwitches(page, 1);
    assert.equal((await shop.check(khqr("Shop", "1.00"))).errorCode, 6);
    await waitForSwitches(page, 0);
    // The page no longer offers the expired token.
    await page.waitHidden("issued");
    await page.waitForText("token-note", "no longer valid");
    shop.token = (await shop.json("/sandbox/tokens", { email: "shop@example.com" })).token;
  }],

  ["a custom rule is added as JSON, and an invalid one shows the reason", async ({ page, shop }) => {
    for (const text of ['{"answer":"explode"}', "{"]) {
      const error = await shop.error("/sandbox/faults", text);
      await page.setValue("rule-text", text);
      await page.click("#rule button");
      await page.waitForText("rule-error", error.what.slice(1));
      await page.waitForText("rule-error", error.help.slice(1));
      assert.equal(await page.evaluate("document.getElementById('rule-text').getAttribute('aria-invalid')"), "true");
    }
    await page.setValue("rule-text", '{"answer":"forbidden"}');
    await page.click("#rule button");
    await page.waitForText("faults", "applies 1 more time");
    await page.waitForText("rule-error", "Added as rule");
    assert.equal((await shop.send("/v1/verify", {})).status, 403);
    // The rule is used up.
    await page.waitHidden("other-rules");
  }],
];
