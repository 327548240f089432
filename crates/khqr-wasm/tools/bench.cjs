"use strict";
// Compares the drop-in with NBC's SDK and with ts-khqr in one process. All write, verify and decode the same codes.

const assert = require("node:assert");
const official = require("bakong-khqr");
const { KHQR, TAG, CURRENCY } = require("ts-khqr");
const dropIn = require("khqr-wasm/bakong-khqr");
const khqr = require("khqr-wasm");

const GOAL = 3;
// Short batches: on a busy machine, some of them run undisturbed.
const ROUNDS = 3000;
const CALLS = 40;

const now = Date.now();
const expiry = now + 600_000;
const shops = [
  { name: "Sokha Coffee", city: "Phnom Penh", bill: "INV-2041", store: "Toul Kork" },
  { name: "ហាងកាហ្វេ សុខា", city: "ភ្នំពេញ", bill: "INV-2042", store: "ទួលគោក" },
];

function write(sdk, { name, city, bill, store }) {
  const optional = {
    currency: 840, amount: 1.5, billNumber: bill, storeLabel: store, terminalLabel: "T1", mobileNumber: "85512345678",
    expirationTimestamp: expiry,
  };
  const info = new sdk.MerchantInfo("sokha@devb", name, city, "M-1", "Dev Bank", optional);
  return new sdk.BakongKHQR().generateMerchant(info).data.qr;
}

function writeTs({ name, city, bill, store }) {
  return KHQR.generate({
    tag: TAG.MERCHANT, accountID: "sokha@devb", merchantName: name, merchantCity: city, merchantID: "M-1", acquiringBank: "Dev Bank",
    currency: CURRENCY.USD, amount: 1.5, expirationTimestamp: expiry,
    additionalData: { billNumber: bill, storeLabel: store, terminalLabel: "T1", mobileNumber: "85512345678" },
  }).data.qr;
}

function writeOwn({ name, city, bill, store }) {
  return khqr.generate({
    kind: "merchant", account: "sokha@devb", merchantName: name, merchantCity: city, merchantId: "M-1", acquiringBank: "Dev Bank",
    currency: "USD", amount: 1.5, billNumber: bill, storeLabel: store, terminalLabel: "T1", mobileNumber: "85512345678",
    expiresAt: expiry,
  }).qr;
}

const clock = Date.now;
Date.now = () => now;
const codes = shops.map((shop) => write(official, shop));
for (const writer of [(shop) => write(dropIn, shop), writeTs, writeOwn]) assert.deepStrictEqual(shops.map(writer), codes);
for (const code of codes) {
  assert.ok(official.BakongKHQR.verify(code).isValid && KHQR.verify(code).data?.isValid !== false && khqr.verify(code).valid);
  assert.deepStrictEqual(dropIn.BakongKHQR.decode(code), official.BakongKHQR.decode(code));
}
Date.now = clock;

/** The functions, each as drop-in, own API, NBC's SDK and ts-khqr. */
const FUNCTIONS = {
  generate: [(at) => write(dropIn, shops[at]), (at) => writeOwn(shops[at]), (at) => write(official, shops[at]), (at) => writeTs(shops[at])],
  verify: [
    (at) => dropIn.BakongKHQR.verify(codes[at]), (at) => khqr.verify(codes[at]),
    (at) => official.BakongKHQR.verify(codes[at]), (at) => KHQR.verify(codes[at]),
  ],
  decode: [
    (at) => dropIn.BakongKHQR.decode(codes[at]), (at) => khqr.parse(codes[at]),
    (at) => official.BakongKHQR.decode(codes[at]), (at) => KHQR.parse(codes[at]),
  ],
};

/** Keeps results, so that no call is removed. */
let sink = 0;

function time(call, at) {
  const start = process.hrtime.bigint();
  for (let index = 0; index < CALLS; index += 1) sink += call(at) === undefined ? 1 : 0;
  return Number(process.hrtime.bigint() - start) / CALLS;
}

console.log(`Node ${process.version}: ns per call, the fastest of ${ROUNDS} batches of ${CALLS} calls.`);
console.log('"times" is how many times faster the drop-in is, and the own API, in this order.');
console.log("function  text    drop-in  own API   bakong-khqr        times   ts-khqr        times");
let missed = false;
for (const [name, calls] of Object.entries(FUNCTIONS)) {
  for (const [at, text] of ["ASCII", "Khmer"].entries()) {
    const fastest = calls.map(() => Infinity);
    // Every round runs every implementation, so that a busy machine slows all of them.
    for (let round = 0; round < ROUNDS; round += 1) {
      calls.forEach((call, index) => (fastest[index] = Math.min(fastest[index], time(call, at))));
    }
    const [ours, own, sdk, ts] = fastest;
    const ratios = [sdk / ours, ts / ours, sdk / own, ts / own];
    missed ||= ratios.some((ratio) => ratio < GOAL);
    const both = (at) => `${ratios[at].toFixed(1)} ${ratios[at + 2].toFixed(1).padStart(5)}`.padStart(12);
    const cells = [ours.toFixed(0).padStart(7), own.toFixed(0).padStart(8), sdk.toFixed(0).padStart(13), both(0), ts.toFixed(0).padStart(9), both(1)];
    console.log(name.padEnd(9), text.padEnd(6), ...cells);
  }
}
console.log(missed ? `MISSED: not everything is ${GOAL} times faster` : `reached: everything is at least ${GOAL} times faster`);
assert.strictEqual(sink, 0);
