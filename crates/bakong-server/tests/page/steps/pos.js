"use strict";
// The point of sale, with the session of the dashboard.

const assert = require("node:assert");

module.exports = [
  ["a sale by the keypad shows its code, and the money", async ({ page, server }) => {
    await page.open("/pos");
    for (const key of ["2", ".", ".", "5", "5", ""]) await page.click(`[data-key="${key}"]`);
    assert.equal(await page.evaluate("document.getElementById('amount').value"), "2.5");
    await page.click(".pos .main");
    await page.waitView("open");
    assert.equal(await page.text(".amount"), "2.50 USD");
    await page.audit();
    const { data } = await server.call("/v1/payments?limit=1");
    await server.pay(data[0]);
    await page.waitView("paid");
    await page.audit();
    await page.click("main a.button");
    await page.waitText("Last sales");
    assert.match(await page.text(".sales li"), /2\.50 USD.*Paid/s);
  }],

  ["a sale by the keyboard alone, in riel, is cancelled", async ({ page, server }) => {
    await page.open("/pos");
    await page.waitFor("document.activeElement.id === 'amount'");
    await page.type("6000");
    await page.tabTo("input[name=currency]:checked");
    await page.browser.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key: "ArrowDown", code: "ArrowDown", windowsVirtualKeyCode: 40 });
    await page.browser.send("Input.dispatchKeyEvent", { type: "keyUp", key: "ArrowDown", code: "ArrowDown", windowsVirtualKeyCode: 40 });
    await page.tabTo(".pos .main");
    await page.pressKey("Enter");
    await page.waitView("open");
    assert.equal(await page.text(".amount"), "6,000 KHR");
    await page.tabTo("main form button");
    await page.pressKey("Enter");
    await page.waitText("Last sales");
    const { data } = await server.call("/v1/payments?limit=1");
    assert.equal(data[0].status, "cancelled");
  }],

  ["the last sales change while an amount is typed", async ({ page, server }) => {
    await page.open("/pos");
    await page.waitFor("document.activeElement.id === 'amount'");
    await page.type("7");
    const payment = await server.create("ONLINE-1");
    await page.waitFor("document.querySelector('.sales').textContent.includes('ONLINE-1')");
    await server.pay(payment);
    await page.waitFor("/ONLINE-1.*/.test(document.querySelector('.sales li:has(.good)').textContent)");
    assert.equal(await page.evaluate("document.getElementById('amount').value"), "7");
  }],
];
