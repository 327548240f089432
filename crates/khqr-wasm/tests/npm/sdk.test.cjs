"use strict";
// Compares the drop-in with NBC's SDK: its surface, and its network functions with a server on loopback.

const assert = require("node:assert");
const http = require("node:http");
const { after, before, test } = require("node:test");

const official = require("bakong-khqr");
const dropIn = require("khqr-wasm/bakong-khqr");

/** The names and numbers of parameters of the properties of a class, static ones and methods. */
function surface(value) {
  const properties = (owner) =>
    Object.getOwnPropertyNames(owner)
      .filter((name) => !["length", "name", "prototype"].includes(name))
      .map((name) => [name, typeof owner[name], owner[name].length])
      .sort();
  return {
    name: value.name,
    parameters: value.length,
    statics: properties(value),
    methods: properties(value.prototype),
    parent: Object.getPrototypeOf(value).name,
  };
}

test("the drop-in has the exports, classes, methods and constants of NBC's SDK", async () => {
  assert.deepStrictEqual(Object.keys(dropIn).sort(), Object.keys(official).sort());
  assert.deepStrictEqual(dropIn.khqrData, official.khqrData);
  for (const [name, value] of Object.entries(official)) {
    if (typeof value === "function") assert.deepStrictEqual(surface(dropIn[name]), surface(value), name);
  }
  const module = await import("khqr-wasm/bakong-khqr");
  assert.deepStrictEqual(Object.keys(module).sort(), [...Object.keys(official), "default"].sort());
  assert.deepStrictEqual(Object.keys(module.default).sort(), Object.keys(official).sort());
});

test("objects have the same properties in the same order", () => {
  const optional = { amount: 5, currency: 840, billNumber: "", storeLabel: null, terminalLabel: 0, mobileNumber: false, expirationTimestamp: 7 };
  for (const args of [["a@b", "n", "c"], ["a@b", "n", "c", optional], [1, undefined]]) {
    const [ours, theirs] = [dropIn, official].map((sdk) => new sdk.IndividualInfo(...args));
    assert.deepStrictEqual(Object.entries(ours), Object.entries(theirs));
  }
  const merchant = ["a@b", "n", "c", "id", "bank", { ...optional, acquiringBank: "other" }];
  assert.deepStrictEqual(
    Object.entries(new dropIn.MerchantInfo(...merchant)).sort(),
    Object.entries(new official.MerchantInfo(...merchant)).sort(),
  );
  assert.deepStrictEqual({ ...new dropIn.SourceInfo("a", "", "c") }, { ...new official.SourceInfo("a", "", "c") });
  for (const sdk of [official, dropIn]) {
    assert.throws(() => new sdk.IndividualInfo({}, "n", "c"), (error) => error === "bakongAccountID, merchantName or merchantCity must be a string");
    assert.throws(() => new sdk.MerchantInfo("a@b", "n", "c", [], "b"), (error) => error === "merchantID and acquiringBank must be a string");
    assert.throws(() => new sdk.BakongKHQR().generateIndividual(undefined), TypeError);
  }
});

test("the fields of decode have the order of NBC's SDK", () => {
  for (const kind of ["individual", "merchant"]) {
    const optional = { billNumber: "INV-2041", languagePreference: "km", merchantNameAlternateLanguage: "ន" };
    const info = new dropIn.MerchantInfo("a@b", "n", "c", "id", "bank", optional);
    const make = { individual: "generateIndividual", merchant: "generateMerchant" }[kind];
    const { qr } = new dropIn.BakongKHQR()[make](info).data;
    assert.strictEqual(JSON.stringify(dropIn.BakongKHQR.decode(qr)), JSON.stringify(official.BakongKHQR.decode(qr)));
    assert.strictEqual(JSON.stringify(dropIn.BakongKHQR.decodeNonKhqr(qr)), JSON.stringify(official.BakongKHQR.decodeNonKhqr(qr)));
  }
});

const later = Date.now() + 600_000;

/** Values of types that the random comparison does not have, because they are not JSON. */
const UNUSUAL = [
  { amount: 5, expirationTimestamp: new Date(later) },
  { amount: 5, expirationTimestamp: new Date(NaN) },
  { amount: 5, expirationTimestamp: NaN },
  { amount: 5, expirationTimestamp: Infinity },
  { amount: 5, expirationTimestamp: -17950006000 },
  { amount: 5, expirationTimestamp: String(later) },
  { amount: new Number(5), expirationTimestamp: later },
  { amount: [5], expirationTimestamp: later },
  { amount: false }, { amount: [] }, { amount: NaN, expirationTimestamp: later, currency: 116 },
  { billNumber: 42 }, { billNumber: 1.5 }, { billNumber: [] }, { billNumber: true },
  { merchantCategoryCode: 742 + 5000 }, { currency: "116" }, { currency: 764 }, { currency: "KHR" }, { currency: "dollar" },
  { currency: null }, { languagePreference: "km" },
];

test("values of any type give the same answers", () => {
  for (const optional of UNUSUAL) {
    const answers = [official, dropIn].map((sdk) => {
      const clock = Date.now;
      Date.now = () => later - 600_000;
      try {
        const info = new sdk.IndividualInfo("a@b", "n", "c", optional);
        const answer = new sdk.BakongKHQR().generateIndividual(info);
        const merchant = new sdk.MerchantInfo("a@b", 7, 0, 12, "b", optional);
        return [answer, new sdk.BakongKHQR().generateMerchant(merchant)];
      } finally {
        Date.now = clock;
      }
    });
    assert.deepStrictEqual(answers[1], answers[0], JSON.stringify(optional));
  }
  const required = [["", "n"], [undefined, "n"], ["a@b", ""], ["a@b", 0], ["a@b", null]];
  for (const args of required) {
    const [ours, theirs] = [dropIn, official].map((sdk) => new sdk.BakongKHQR().generateIndividual(new sdk.IndividualInfo(...args, "c")));
    assert.deepStrictEqual(ours, theirs);
  }
  // Fields that are set after the constructor has run.
  for (const field of [{ currency: undefined }, { currency: "" }, { merchantCategoryCode: "" }, { amount: "0.00" }, { merchantCity: null }]) {
    const [ours, theirs] = [dropIn, official].map((sdk) =>
      new sdk.BakongKHQR().generateIndividual({ ...new sdk.IndividualInfo("a@b", "n", "c"), ...field }),
    );
    assert.deepStrictEqual(ours, theirs, JSON.stringify(field));
  }
  for (const given of [undefined, null, 7, {}, ""]) assert.strictEqual(dropIn.BakongKHQR.verify(given).isValid, false);
  assert.strictEqual(dropIn.BakongKHQR.decode(undefined).status.errorCode, 8);
  assert.strictEqual(dropIn.BakongKHQR.decodeNonKhqr(7).status.errorCode, 8);
});

test("an error that NBC's SDK does not know has code 8 and names the field", () => {
  const text = "x".repeat(25);
  const optional = { billNumber: text, mobileNumber: text, storeLabel: text, terminalLabel: text };
  const answer = new dropIn.BakongKHQR().generateIndividual(new dropIn.IndividualInfo("a@b", "n", "c", optional));
  assert.deepStrictEqual([answer.status.code, answer.status.errorCode, answer.data], [1, 8, null]);
  assert.match(answer.status.message, /additional data \(tag 62\)/);
});

let server;
let base;
/** What the server answers next, and the bodies that it has received. */
let next;
let bodies;

before(async () => {
  server = http.createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += piece;
    bodies.push(JSON.parse(body));
    response.writeHead(next.status, { "Content-Type": "application/json" });
    response.end(typeof next.body === "string" ? next.body : JSON.stringify(next.body));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

async function both(call, status, body) {
  next = { status, body };
  bodies = [];
  const answers = [await call(official), await call(dropIn)];
  return { answers, bodies };
}

const ok = (data) => ({ responseCode: 0, responseMessage: "Success", errorCode: null, data });
const failed = (errorCode) => ({ responseCode: 1, responseMessage: "no", errorCode, data: null });
const codes = (answers) => answers.map((answer) => answer?.status?.errorCode);

test("checkBakongAccount asks like NBC's SDK", async () => {
  const check = (account) => (sdk) => sdk.BakongKHQR.checkBakongAccount(`${base}/v1/check_bakong_account`, account);
  for (const [status, body] of [[200, ok(null)], [200, failed(11)], [500, failed(4)], [403, "<html>"]]) {
    const { answers, bodies } = await both(check("a@b"), status, body);
    assert.deepStrictEqual(answers[1], answers[0]);
    assert.deepStrictEqual(bodies[1], bodies[0]);
  }
  for (const account of ["ab", "a@b@c", `${"a".repeat(30)}@bank`]) {
    const { answers, bodies } = await both(check(account), 200, ok(null));
    assert.deepStrictEqual(answers[1], answers[0]);
    assert.strictEqual(bodies.length, 0);
  }
  // Deviations: NBC's SDK reports an invalid account as 13, and any other failure as a missing account.
  const invalid = await both(check("a@b"), 200, failed(12));
  assert.deepStrictEqual(codes(invalid.answers), [13, 3]);
  for (const body of [failed(17), failed(4), "no JSON", {}]) {
    const { answers } = await both(check("a@b"), 200, body);
    assert.deepStrictEqual(answers[0].data, { bakongAccountExisted: false });
    assert.strictEqual(answers[1].status.errorCode, 15);
  }
});

test("generateDeepLink asks like NBC's SDK", async () => {
  const qr = new dropIn.BakongKHQR().generateIndividual(new dropIn.IndividualInfo("a@b", "n", "c")).data.qr;
  const url = () => `${base}/v1/generate_deeplink_by_qr`;
  const link = (sdk) => sdk.BakongKHQR.generateDeepLink(url(), qr);
  for (const [status, body] of [[200, ok({ shortLink: "https://bakong.page.link/x" })], [500, failed(4)]]) {
    const { answers, bodies } = await both(link, status, body);
    assert.deepStrictEqual(answers[1], answers[0]);
    assert.deepStrictEqual(bodies[1], bodies[0]);
  }
  for (const args of [["no url", qr], [`${base}/other`, qr], [url(), "no code"], [url(), qr, { appName: "x" }]]) {
    const { answers } = await both((sdk) => sdk.BakongKHQR.generateDeepLink(...args), 200, ok(null));
    assert.deepStrictEqual(answers[1], answers[0]);
  }
  // Deviations: NBC's SDK does not send the source, and returns an exception for any other answer.
  const source = new dropIn.SourceInfo("https://shop.example/icon.png", "Shop", "https://shop.example/back");
  const withSource = await both((sdk) => sdk.BakongKHQR.generateDeepLink(url(), qr, source), 200, ok({ shortLink: "x" }));
  assert.deepStrictEqual(withSource.answers[1], withSource.answers[0]);
  assert.deepStrictEqual(withSource.bodies, [{ qr }, { qr, sourceInfo: { ...source } }]);
  for (const [body, code] of [[failed(5), 14], [failed(4), 15], [ok(null), 15], ["no JSON", 15]]) {
    const { answers } = await both(link, 200, body);
    assert.ok(answers[0] instanceof TypeError);
    assert.strictEqual(answers[1].status.errorCode, code);
  }
});

test("a server that cannot be reached has code 13", async () => {
  const answer = await dropIn.BakongKHQR.checkBakongAccount("http://127.0.0.1:1/v1/check_bakong_account", "a@b");
  assert.strictEqual(answer.status.errorCode, 13);
});
