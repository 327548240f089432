"use strict";
// The demo shop, from the order to the webhook.

const assert = require("node:assert");

module.exports = [
  ["the documentation of the API fits on a phone", async ({ page, server }) => {
    await page.look({ width: 320, language: "en" });
    await page.open(`${server.url}/docs`);
    await page.audit();
  }],

  ["a coffee is bought and paid in the sandbox, and the shop receives a webhook", async ({ page, server }) => {
    await page.look({ width: 390, language: "en" });
    await page.open(server.demo);
    await page.audit();
    await page.click("button[aria-label='Buy Iced coffee']");
    await page.waitView("open");
    const sandbox = await page.evaluate("document.querySelector('a.button.main').href");
    const checkout = await page.evaluate("location.href");
    assert.ok(sandbox.startsWith(server.sandbox));
    await page.open(sandbox);
    await page.waitFor("!document.getElementById('pay').hidden");
    await page.click("#send");
    await page.waitForText("payment-result", "Paid");
    await page.open(checkout);
    await page.waitView("paid");
    await page.open(server.demo);
    await page.waitFor("document.querySelector('#messages').parentElement.textContent.includes('payment.paid')");
    await page.audit();
  }],

  ["a coffee is paid in the dialog, and the page changes without a reload", async ({ page, server }) => {
    await page.look({ width: 1280, scheme: "dark", language: "km" });
    await page.open(server.demo);
    await page.audit();
    await page.click("button[name=dialog]");
    await page.waitFor("!!document.querySelector('dialog[open] iframe')");
    const { data } = await server.call("/v1/payments?limit=1");
    await server.pay(data[0]);
    await page.waitFor("!document.getElementById('paid').hidden");
    await page.waitFor(`document.querySelector('#messages').parentElement.textContent.includes(${JSON.stringify(data[0].order_id)})`);
  }],
];
