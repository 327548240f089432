"use strict";
// The dashboard.

const assert = require("node:assert");

const HOSTILE = "<img src=x onerror=\"window.hacked=1\"><script>window.hacked=1</script>";
const PAGES = ["/dashboard", "/dashboard/statement", "/dashboard/webhooks", "/dashboard/keys", "/pos"];

/** Changes the appearance and keeps the session. */
async function look(page, options) {
  const { cookies } = await page.browser.send("Network.getCookies");
  await page.look(options);
  const session = cookies.filter(({ name }) => name === "session");
  for (const { name, value } of session) {
    await page.browser.send("Network.setCookie", { name, value, url: page.base, httpOnly: true, sameSite: "Strict" });
  }
}

module.exports = [
  ["a link opens the dashboard once, with a protected cookie", async ({ page, server }) => {
    await page.look({ width: 390 });
    await page.open("/dashboard");
    await page.waitFor("location.pathname === '/login'");
    await page.audit();
    await page.open(server.dashboard);
    await page.audit();
    await page.tabTo("main button");
    await page.pressKey("Enter");
    await page.waitFor("location.pathname === '/dashboard'");
    const { cookies } = await page.browser.send("Network.getCookies", { urls: [server.url] });
    const session = cookies.find(({ name }) => name === "session");
    assert.equal(session.httpOnly, true);
    assert.equal(session.sameSite, "Strict");
    assert.equal(await page.evaluate("document.cookie.includes('session')"), false);
  }],

  ["a payment that does not match appears, and is decided with the keyboard", async ({ page, server }) => {
    const payment = await server.create(`REVIEW-1 ${HOSTILE}`.slice(0, 120), { description: HOSTILE });
    await page.waitText("REVIEW-1");
    await server.pay(payment, { amount: "1.00" });
    await page.waitFor("[...document.querySelectorAll('.review')].some((it) => it.textContent.includes('REVIEW-1'))");
    assert.equal(await page.evaluate("window.hacked"), undefined);
    const review = `[action*="${payment.id}"]`;
    const both = await page.evaluate(`document.querySelector('${review}').closest(".review").innerText`);
    for (const text of ["1.50 USD", "1.00 USD", "sokha@sandbox", "dara@devb", "other amount"]) assert.ok(both.includes(text), text);
    await page.tabTo(`${review} textarea`);
    await page.type("A regular customer, the rest was paid in cash");
    // News must not delete what a person has typed.
    await server.create("NEWS-1");
    await page.waitFor("document.getElementById('news').textContent.includes('Reload')");
    assert.match(await page.evaluate(`document.querySelector('${review} textarea').value`), /in cash/);
    await page.tabTo(`${review} button[value=accept]`);
    await page.pressKey("Enter");
    await page.waitFor(`!document.querySelector('${review}') && location.search.includes("mode=test")`);
    const { status, reasons } = await server.call(`/v1/payments/${payment.id}`);
    assert.deepEqual([status, reasons], ["paid", ["amount_mismatch", "manual"]]);
  }],

  ["a key is created with the keyboard, shown once and revoked", async ({ page }) => {
    await page.open("/dashboard/keys");
    await page.tabTo("input[name=name]");
    await page.type("Website");
    await page.tabTo("input[value=create]");
    await page.pressKey(" ");
    await page.tabTo("form[action^='/dashboard/keys?'] button");
    await page.pressKey("Enter");
    await page.waitFor("/^sk_test_/.test(document.getElementById('created')?.textContent)");
    await page.audit();
    const key = await page.text("#created");
    await page.open("/dashboard/keys");
    assert.equal((await page.text("main")).includes(key), false);
    await page.click("button[aria-label='Revoke Website']");
    await page.waitText("revoked");
  }],

  ["a delivery is shown and sent again", async ({ page }) => {
    await page.open("/dashboard/webhooks");
    await page.waitFor("document.querySelectorAll('.chip.good').length > 0");
    await page.click("td form button");
    await page.waitFor("document.readyState === 'complete' && document.querySelectorAll('.chip.good').length > 0");
  }],

  ["the pages for staff fit phones and desktops, in both colours and languages, without violations", async ({ page, server }) => {
    const left = await server.create("REVIEW-2", { amount: "20000", currency: "KHR", description: "Lunch for 3" });
    await server.pay(left, { amount: "2000" });
    await page.open("/dashboard");
    await page.waitText("REVIEW-2");
    for (const [width, scheme, language] of [[320, "light", "km"], [390, "dark", "en"], [1280, "light", "en"], [1280, "dark", "km"]]) {
      await look(page, { width, scheme, language });
      for (const path of PAGES) {
        await page.open(path);
        assert.equal(await page.evaluate("document.documentElement.lang"), language);
        await page.audit();
        if (width === 1280 && scheme === "light" && path === "/dashboard") await page.picture("dashboard");
      }
    }
  }],

  ["a form on another site of this machine changes nothing, although the browser sends the cookie", async ({ page, server, shop }) => {
    await look(page, { width: 390 });
    shop.pages.set("/attack", `<form method="post" action="${server.url}/dashboard/keys"><input name="name" value="stolen"><input name="scope" value="admin"><button>x</button></form>`);
    await page.open(`${shop.origin}/attack`);
    await page.click("button");
    await page.waitFor(`location.href.startsWith(${JSON.stringify(server.url)})`);
    await page.waitText("403");
    const { data } = await server.call("/v1/keys");
    assert.equal(data.some(({ name }) => name === "stolen"), false);
  }],
];
