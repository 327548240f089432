"use strict";
// The checkout.

const assert = require("node:assert");

const HOSTILE = "\"><img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>";
const khmer = /[\u1780-\u17ff]/;

module.exports = [
  ["the checkout fits phones and desktops, in both colours and languages, without violations", async ({ page, server }) => {
    const payment = await server.create("LOOK-1", { amount: "12000", currency: "KHR", description: "Iced coffee, 2 cups" });
    for (const width of [320, 390, 1280]) {
      for (const scheme of ["light", "dark"]) {
        for (const language of ["en", "km"]) {
          await page.look({ width, scheme, language });
          await page.open(payment.checkout_url);
          assert.equal(await page.evaluate("document.documentElement.lang"), language);
          assert.equal(khmer.test(await page.text("h1")), language === "km");
          assert.match(await page.text(".amount"), /^12,000 KHR$/);
          await page.waitFor("/^(9|10):[0-5][0-9]$/.test(document.querySelector('[role=timer]').textContent)");
          assert.ok(await page.evaluate("document.querySelector('img.card').complete && document.querySelector('img.card').naturalWidth > 0"));
          await page.audit();
          if (width === 390 && scheme === "light" && language === "km") await page.picture("checkout-phone");
          if (width === 1280 && scheme === "dark" && language === "en") await page.picture("checkout-desktop");
        }
      }
    }
  }],

  ["the page shows the money without a reload, and returns to the shop", async ({ page, server, shop }) => {
    shop.pages.set("/thanks", "<h1>Thanks</h1>");
    await page.look({ width: 320, scheme: "dark" });
    const payment = await server.create("LIVE-1", { success_url: `${shop.origin}/thanks`, cancel_url: `${shop.origin}/cart` });
    await page.open(payment.checkout_url);
    await page.evaluate("window.loaded = 'once'");
    assert.equal(await page.evaluate("document.querySelector('main a[target=_top]').href"), `${shop.origin}/cart`);
    await server.pay(payment);
    await page.waitView("paid");
    assert.equal(await page.evaluate("window.loaded"), "once");
    assert.equal(await page.text("#news"), "Paid");
    assert.ok((await page.evaluate("document.title")).startsWith("Paid"));
    await page.audit();
    await page.waitFor("location.pathname === '/thanks'");
    // The address of the checkout is a secret, and the receipt can be opened again.
    assert.equal(await page.evaluate("document.referrer"), "");
    await page.open(payment.checkout_url);
    await page.waitView("paid");
    await page.browser.send("Emulation.setEmulatedMedia", { media: "print" });
    assert.ok(await page.evaluate("document.querySelector('.print-only').checkVisibility() && !document.querySelector('#print').checkVisibility()"));
    await page.browser.send("Emulation.setEmulatedMedia", { media: "" });
    await page.waitFor("!document.querySelector('#print').hidden");
  }],

  ["the keyboard alone gets a new code after the old one has expired", async ({ page, server }) => {
    await page.look({ width: 390, language: "km" });
    const payment = await server.create("KEYS-1");
    await page.open(payment.checkout_url);
    await page.waitView("open");
    await server.advance(601);
    await page.open(payment.checkout_url);
    await page.waitView("expired");
    await page.audit();
    await page.tabTo("main form button");
    await page.pressKey("Enter");
    await page.waitView("open");
    assert.equal((await server.call(`/v1/payments/${payment.id}`)).attempt, 2);
    await server.pay(await server.call(`/v1/payments/${payment.id}`));
    await page.waitView("paid");
  }],

  ["a code that expires while the page is open is replaced by the offer of a new one", async ({ page, server }) => {
    await page.look({ width: 390 });
    const payment = await server.create("KEYS-2", { expires_in: 60 });
    await server.advance(58);
    await page.open(payment.checkout_url);
    await page.waitView("expired");
  }],

  ["without JavaScript the page refreshes itself", async ({ page, server }) => {
    await page.look({ width: 320 });
    const payment = await server.create("NOJS-1");
    await page.browser.send("Emulation.setScriptExecutionDisabled", { value: true });
    await page.open(payment.checkout_url);
    await server.pay(payment);
    await page.waitView("paid");
    await page.browser.send("Emulation.setScriptExecutionDisabled", { value: false });
  }],

  ["a page whose stream is blocked polls", async ({ page, server }) => {
    await page.look({ width: 390 });
    const payment = await server.create("POLL-1");
    await page.browser.send("Network.setBlockedURLs", { urls: ["*/events"] });
    await page.open(payment.checkout_url);
    await server.pay(payment);
    await page.waitView("paid");
    await page.browser.send("Network.setBlockedURLs", { urls: [] });
  }],

  ["a deep link is offered on a touch screen only", async ({ page, embedded }) => {
    const payment = await embedded.create("LINK-1");
    await page.look({ width: 1280 });
    await page.open(payment.checkout_url);
    const isVisible = "document.querySelector('.phone-only a').checkVisibility()";
    assert.equal(await page.evaluate(isVisible), false);
    await page.look({ width: 320, language: "km" });
    await page.browser.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    await page.open(payment.checkout_url);
    await page.waitFor(isVisible);
    assert.equal(await page.evaluate("document.querySelector('.phone-only a').href"), payment.deeplink);
    await page.audit();
    await page.browser.send("Emulation.setTouchEmulationEnabled", { enabled: false });
  }],

  ["names and descriptions cannot run scripts", async ({ page, server }) => {
    await page.look({ width: 320 });
    const payment = await server.create(HOSTILE.slice(0, 100), { description: HOSTILE, metadata: { [HOSTILE]: HOSTILE } });
    await page.open(payment.checkout_url);
    assert.equal(await page.text(".description"), HOSTILE);
    assert.equal(await page.evaluate("window.hacked"), undefined);
    assert.equal(await page.evaluate("document.querySelectorAll('main img').length"), 1);
    await page.audit();
  }],

  ["money that does not match is a matter for the shop", async ({ page, server }) => {
    await page.look({ width: 320, language: "km", scheme: "dark" });
    const payment = await server.create("REVIEW-0");
    await page.open(payment.checkout_url);
    await server.pay(payment, { amount: "1.00" });
    await page.waitView("review");
    await page.audit();
    const cancelled = await server.create("CANCEL-0");
    await page.open(cancelled.checkout_url);
    await server.call(`/v1/payments/${cancelled.id}/cancel`, {});
    await page.waitView("cancelled");
    await page.audit();
    await page.open("/pay/unknown");
    await page.audit();
  }],
];
