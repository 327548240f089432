"use strict";
// NBC's own SDK asks the sandbox, pointed at it by the addresses that its functions take. It reads no other
// answers than these two, and both without a token.

const assert = require("node:assert");
const { BakongKHQR, khqrData, IndividualInfo, SourceInfo } = require("bakong-khqr");

const [base] = process.argv.slice(2);
const DEEPLINK = `${base}/v1/generate_deeplink_by_qr`;
const ACCOUNT = `${base}/v1/check_bakong_account`;
// The SDK's number for it.
const CONNECTION_TIMEOUT = 13;

async function control(path, body, method = "POST") {
  const answer = await fetch(`${base}/sandbox/${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: method === "POST" ? JSON.stringify(body) : undefined,
  });
  const told = await answer.json();
  assert.ok(answer.ok, JSON.stringify(told));
  return told;
}

/** What the sandbox was last asked, at this path. */
async function asked(path) {
  const { requests } = await control("requests", undefined, "GET");
  return requests.find((it) => it.path === path);
}

const steps = [];
const step = (name, action) => steps.push([name, action]);

const optional = { currency: khqrData.currency.usd, amount: 1.5, expirationTimestamp: Date.now() + 600_000 };
const { data } = new BakongKHQR().generateIndividual(new IndividualInfo("sokha@devb", "Sokha Coffee", "Phnom Penh", optional));

step("generateDeepLink gets a link", async () => {
  const link = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr);
  assert.equal(link.status.code, 0, JSON.stringify(link));
  assert.match(link.data.shortLink, /^http:\/\/127\.0\.0\.1:\d+\/l\/./);
});

step("generateDeepLink keeps the app to itself: sourceInfo is not sent", async () => {
  const source = new SourceInfo("https://shop.example/icon.svg", "Sokha Coffee", "sokha://paid");
  const link = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr, source);
  assert.equal(link.status.code, 0);
  const { request } = await asked("/v1/generate_deeplink_by_qr");
  assert.deepEqual(Object.keys(JSON.parse(request)), ["qr"]);
});

step("generateDeepLink reads a refusal as a mistake of its own", async () => {
  await control("faults", { answer: { status: 200, error: { code: 5, message: "Missing required fields" } } });
  const refused = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr);
  // It takes the link out of an answer that has none.
  assert.ok(refused instanceof TypeError, String(refused));
});

step("checkBakongAccount tells the three answers apart", async () => {
  await control("accounts", { account: "sokha@devb" });
  const known = await BakongKHQR.checkBakongAccount(ACCOUNT, "sokha@devb");
  assert.equal(known.data.bakongAccountExisted, true, JSON.stringify(known));
  const unknown = await BakongKHQR.checkBakongAccount(ACCOUNT, "nobody@devb");
  assert.equal(unknown.data.bakongAccountExisted, false);
  const none = await BakongKHQR.checkBakongAccount(ACCOUNT, "so kha@devb");
  assert.ok(none.status.code === 1, JSON.stringify(none));
});

step("checkBakongAccount reads a refusal as: there is no such account", async () => {
  await control("faults", { answer: "quota_exhausted", on: "check_bakong_account" });
  const spent = await BakongKHQR.checkBakongAccount(ACCOUNT, "sokha@devb");
  assert.equal(spent.data.bakongAccountExisted, false);
});

step("both read every outage as a timeout", async () => {
  for (const answer of [{ status: 503 }, "forbidden", "unauthorized", "cut"]) {
    await control("faults", [{ answer }, { answer }]);
    const account = await BakongKHQR.checkBakongAccount(ACCOUNT, "sokha@devb");
    assert.equal(account.status.errorCode, CONNECTION_TIMEOUT, JSON.stringify(answer));
    const link = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr);
    assert.equal(link.status.errorCode, CONNECTION_TIMEOUT, JSON.stringify(answer));
  }
});

async function main() {
  for (const [name, action] of steps) {
    await action().catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    console.log(`ok: bakong-khqr (npm): ${name}`);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
