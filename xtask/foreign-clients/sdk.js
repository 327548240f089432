"use strict";
// Tests the sandbox with NBC's SDK, whose functions take the URL. It calls only these two endpoints, both without a token.

const assert = require("node:assert");
const { BakongKHQR, khqrData, IndividualInfo, SourceInfo } = require("bakong-khqr");

const [base] = process.argv.slice(2);
const DEEPLINK = `${base}/v1/generate_deeplink_by_qr`;
const ACCOUNT = `${base}/v1/check_bakong_account`;
// The SDK's error code.
const CONNECTION_TIMEOUT = 13;

async function control(path, body, method = "POST") {
  const answer = await fetch(`${base}/sandbox/${path}`, {
    method,
    headers: { "content-type": "application/json" },
    body: method === "POST" ? JSON.stringify(body) : undefined,
  });
  const json = await answer.json();
  assert.ok(answer.ok, JSON.stringify(json));
  return json;
}

/** Returns the last request that the sandbox received at this path. */
async function lastRequest(path) {
  const { requests } = await control("requests", undefined, "GET");
  return requests.find((it) => it.path === path);
}

const steps = [];
const step = (name, action) => steps.push([name, action]);

const optional = { currency: khqrData.currency.usd, amount: 1.5, expirationTimestamp: Date.now() + 600_000 };
const { data } = new BakongKHQR().generateIndividual(new IndividualInfo("sokha@devb", "Sokha Coffee", "Phnom Penh", optional));

step("generateDeepLink returns a link", async () => {
  const link = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr);
  assert.equal(link.status.code, 0, JSON.stringify(link));
  assert.match(link.data.shortLink, /^http:\/\/127\.0\.0\.1:\d+\/l\/./);
});

step("generateDeepLink does not send sourceInfo", async () => {
  const source = new SourceInfo("https://shop.example/icon.svg", "Sokha Coffee", "sokha://paid");
  const link = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr, source);
  assert.equal(link.status.code, 0);
  const { request } = await lastRequest("/v1/generate_deeplink_by_qr");
  assert.deepEqual(Object.keys(JSON.parse(request)), ["qr"]);
});

step("generateDeepLink fails with a TypeError if the request is rejected", async () => {
  await control("faults", { answer: { status: 200, error: { code: 5, message: "Missing required fields" } } });
  const refused = await BakongKHQR.generateDeepLink(DEEPLINK, data.qr);
  // The SDK reads the link of a response without one.
  assert.ok(refused instanceof TypeError, String(refused));
});

step("checkBakongAccount distinguishes known, unknown and invalid accounts", async () => {
  await control("accounts", { account: "sokha@devb" });
  const known = await BakongKHQR.checkBakongAccount(ACCOUNT, "sokha@devb");
  assert.equal(known.data.bakongAccountExisted, true, JSON.stringify(known));
  const unknown = await BakongKHQR.checkBakongAccount(ACCOUNT, "nobody@devb");
  assert.equal(unknown.data.bakongAccountExisted, false);
  const none = await BakongKHQR.checkBakongAccount(ACCOUNT, "so kha@devb");
  assert.ok(none.status.code === 1, JSON.stringify(none));
});

step("checkBakongAccount reports an unknown account if the request is rejected", async () => {
  await control("faults", { answer: "quota_exhausted", on: "check_bakong_account" });
  const spent = await BakongKHQR.checkBakongAccount(ACCOUNT, "sokha@devb");
  assert.equal(spent.data.bakongAccountExisted, false);
});

step("both report every outage as a timeout", async () => {
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
