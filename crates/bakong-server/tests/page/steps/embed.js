"use strict";
// The checkout in a dialog on the page of a shop with another origin.

const assert = require("node:assert");

const page_of = (server, payment) => `<script src="${server.url}/embed.js"></script>
  <p><a id="pay" href="${payment.checkout_url}" data-bakong-checkout>Pay</a></p>
  <script>
    window.seen = [];
    document.addEventListener("bakong:paid", ({ detail }) => seen.push("paid " + detail.payment));
    document.addEventListener("bakong:close", ({ detail }) => seen.push("closed " + detail.paid));
    window.addEventListener("message", ({ origin, data }) => seen.push("message " + origin + " " + data?.status));
  </script>`;

module.exports = [
  ["the dialog tells the page of an allowed shop when the payment is paid", async ({ page, embedded, shop }) => {
    await page.look({ width: 320 });
    const payment = await embedded.create("EMBED-1");
    shop.pages.set("/buy", page_of(embedded, payment));
    await page.open(`${shop.origin}/buy`);
    await page.tabTo("#pay");
    await page.pressKey("Enter");
    await page.waitFor(`seen.includes("message ${embedded.url} open")`);
    await embedded.pay(payment);
    await page.waitFor(`seen.includes("paid ${payment.id}")`);
    // Escape closes the dialog and returns the focus, also if the focus is in the frame.
    await page.pressKey("Tab");
    assert.equal(await page.evaluate("document.activeElement.tagName"), "IFRAME");
    await page.browser.send("Input.dispatchKeyEvent", { type: "rawKeyDown", key: "Escape", code: "Escape", windowsVirtualKeyCode: 27 });
    await page.waitFor("seen.includes('closed true') && !document.querySelector('dialog')");
    assert.equal(await page.evaluate("document.activeElement.id"), "pay");
  }],

  ["a message from another window does not count as a payment", async ({ page, embedded, shop }) => {
    const payment = await embedded.create("EMBED-2");
    shop.pages.set("/forged", page_of(embedded, payment));
    await page.open(`${shop.origin}/forged`);
    await page.click("#pay");
    await page.waitFor(`seen.includes("message ${embedded.url} open")`);
    await page.evaluate(`window.postMessage({ type: "bakong.checkout", status: "paid", payment: "${payment.id}" }, "*")`);
    await page.waitFor(`seen.includes("message ${shop.origin} paid")`);
    assert.equal(await page.evaluate("seen.some((text) => text.startsWith('paid'))"), false);
  }],

  ["an address that is not a checkout is refused", async ({ page, shop }) => {
    for (const address of [`${shop.origin}/pay/x`, "javascript:alert(1)", "/dashboard"]) {
      const message = await page.evaluate(`(() => { try { BakongCheckout.open(${JSON.stringify(address)}); } catch (error) { return error.message; } })()`);
      assert.match(message, /begins with/);
    }
  }],

  ["a site that is not allowed cannot show the checkout", async ({ page, server, shop, problems }) => {
    const payment = await server.create("EMBED-3");
    shop.pages.set("/stranger", page_of(server, payment));
    await page.open(`${shop.origin}/stranger`);
    await page.click("#pay");
    await page.waitFor("!!document.querySelector('dialog iframe')");
    const before = problems.length;
    const isBlocked = () => problems.some((problem) => problem.includes("frame-ancestors"));
    for (let tries = 0; tries < 500 && !isBlocked(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(isBlocked(), `the frame was not blocked: ${problems.slice(before)}`);
    problems.length = 0;
    assert.equal(await page.evaluate("seen.length"), 0);
  }],
];
