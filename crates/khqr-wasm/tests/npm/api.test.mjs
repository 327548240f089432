// The package's own API.

import assert from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { KhqrError, generate, inspect, md5, parse, verify, withAmount } from "khqr-wasm";

const NOW = 1_795_000_000_000;
const TIMES = { createdAt: NOW, expiresAt: NOW + 600_000 };
const SHOP = { kind: "individual", account: "sokha@devb", merchantName: "Sokha Coffee", currency: "USD" };
const amountText = (options) => parse(generate({ ...SHOP, ...TIMES, ...options }).qr).amountText;

function khqrError(call) {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof KhqrError, String(error));
    return error;
  }
  return assert.fail("no error");
}

test("the example of khqr-core gives the same code", () => {
  const order = { ...SHOP, ...TIMES, currency: "KHR", amount: 10_000, billNumber: "INV-2041" };
  const { qr, md5: hash } = generate(order);
  assert.ok(qr.startsWith("00020101021229140010sokha@devb5204599953031165405100005802KH"));
  assert.strictEqual(hash, "aef22de654f760851556c420ad74424f");
  assert.strictEqual(md5(qr), hash);
});

test("an amount is exact in every form", () => {
  for (const options of [
    { amount: "1.5" }, { amount: "1.50" }, { amount: "01.50" }, { amount: 1.5 }, { minorUnits: 150 }, { minorUnits: 150n },
  ]) assert.strictEqual(amountText(options), "1.50");
  for (const options of [{ amount: 5 }, { amount: 5n }, { amount: "5.00" }, { minorUnits: 500 }]) {
    assert.strictEqual(amountText(options), "5");
  }
  assert.strictEqual(amountText({ amount: 9_999_999_999.99 }), "9999999999.99");
  assert.strictEqual(amountText({ currency: "KHR", amount: 9_999_999_999_999 }), "9999999999999");
  assert.strictEqual(amountText({ currency: "KHR", amount: "100.00" }), "100");
});

test("an amount is never rounded", () => {
  const kind = (options) => {
    const error = khqrError(() => generate({ ...SHOP, ...TIMES, ...options }));
    assert.deepStrictEqual([error.code, error.tag], [4, "54"]);
    return error.kind;
  };
  assert.strictEqual(kind({ amount: 0.1 + 0.2 }), "AmountPrecision");
  assert.strictEqual(kind({ amount: "1.001" }), "AmountPrecision");
  assert.strictEqual(kind({ currency: "KHR", amount: 100.5 }), "AmountPrecision");
  for (const amount of [NaN, Infinity, -1, 1e21, 1e-7, "1,000", "", "1e3", " 1"]) assert.strictEqual(kind({ amount }), "AmountSyntax");
  for (const minorUnits of [1.5, -1, NaN, 1e21, -1n]) assert.strictEqual(kind({ minorUnits }), "AmountSyntax");
  assert.strictEqual(kind({ amount: 0 }), "AmountZero");
  assert.strictEqual(kind({ minorUnits: 0n }), "AmountZero");
  assert.strictEqual(kind({ minorUnits: 10n ** 30n }), "AmountTooLarge");
  assert.strictEqual(kind({ amount: 2 ** 53 }), "TooLong");
});

test("values of a wrong type are refused before anything is written", () => {
  const refused = (options, message) => assert.throws(() => generate(options), (error) => {
    assert.ok(error instanceof TypeError, String(error));
    return error.message === message || assert.strictEqual(error.message, message);
  });
  refused({ ...SHOP, kind: "shop" }, 'kind: must be "individual" or "merchant"');
  refused({ ...SHOP, billNumber: 7 }, "billNumber: must be a string");
  refused({ ...SHOP, bilNumber: "7" }, "bilNumber: unknown option");
  refused({ ...SHOP, merchantId: "7" }, "merchantId: not a field of the kind individual");
  refused({ ...SHOP, amount: true, ...TIMES }, "amount: must be a string, a number or a bigint");
  refused({ ...SHOP, amount: 1, minorUnits: 1, ...TIMES }, "amount and minorUnits: pass only one");
  refused({ ...SHOP, ...TIMES }, "expiresAt and createdAt: only a code with an amount has times");
  refused({ ...SHOP, amount: 1, expiresAt: new Date(NaN) }, "expiresAt: must be a Date, or a whole number of milliseconds since 1970");
  for (const call of [() => parse(7), () => verify(null), () => inspect({}), () => md5(), () => verify("", "now")]) {
    assert.throws(call, TypeError);
  }
});

test("errors have code, kind, tag and offset", () => {
  const missing = khqrError(() => generate({ ...SHOP, amount: 1 }));
  assert.deepStrictEqual([missing.name, missing.code, missing.kind, missing.tag], ["KhqrError", 45, "Missing", "99/01"]);
  assert.strictEqual(missing.sdkMessage, "Expiration timestamp is required for dynamic KHQR");
  assert.strictEqual(khqrError(() => generate({ ...SHOP, account: "sokha" })).tag, "29/00");
  assert.deepStrictEqual(Object.keys(missing).sort(), ["code", "kind", "offset", "sdkMessage", "tag"]);

  // The offset counts UTF-16 code units, as JavaScript does: the name before the amount has 3 characters in 8 bytes.
  const name = "ចន😀";
  const code = generate({ ...SHOP, ...TIMES, merchantName: name, amount: 1 }).qr;
  const { error } = verify(code, NOW + 600_001);
  assert.deepStrictEqual([error.code, error.kind, error.tag], [46, "Expired", "99/01"]);
  assert.strictEqual(code.slice(error.offset, error.offset + 4), "0113");
  const broken = khqrError(() => parse(code.replace("Phnom", "Pnhom")));
  assert.deepStrictEqual([broken.kind, broken.offset], ["CrcMismatch", code.length - 8]);
  assert.strictEqual(khqrError(() => parse("")).code, 24);
});

test("a parsed code has texts and typed values", () => {
  const options = {
    ...SHOP, ...TIMES, kind: "merchant", merchantId: "M-1", acquiringBank: "Dev Bank", amount: "1.50", merchantName: "ហាង 😀",
    languagePreference: "km", merchantNameAlternateLanguage: "ហាងកាហ្វេ", merchantCityAlternateLanguage: "ភ្នំពេញ",
    storeLabel: "A", terminalLabel: "B", mobileNumber: "85512345678", purposeOfTransaction: "C",
  };
  const { qr } = generate(options);
  const khqr = parse(qr);
  for (const [name, value] of Object.entries(options)) {
    if (!["amount", "createdAt", "expiresAt"].includes(name)) assert.strictEqual(khqr[name], value, name);
  }
  assert.deepStrictEqual(khqr.amount, { currency: "USD", minorUnits: 150, text: "1.50" });
  assert.deepStrictEqual([khqr.createdAt, khqr.expiresAt, khqr.pointOfInitiation], [NOW, NOW + 600_000, "dynamic"]);
  assert.strictEqual(khqr.crc, qr.slice(-4));
  assert.strictEqual(khqr.md5, md5(qr));
  assert.deepStrictEqual(khqr.verify(NOW), { valid: true, currency: "USD", amount: khqr.amount, expiresAt: NOW + 600_000 });

  const fixed = parse(generate({ ...SHOP, currency: "KHR" }).qr);
  assert.deepStrictEqual([fixed.amount, fixed.expiresAt, fixed.pointOfInitiation], [undefined, undefined, "static"]);
  assert.deepStrictEqual(fixed.verify(), { valid: true, currency: "KHR", amount: undefined, expiresAt: undefined });
});

test("a malformed value throws where it is read, and the other values are readable", () => {
  // An old code without an expiry, with an amount that no currency allows.
  const qr = inspectable("000201010212" + "29070003a@b" + "52045999" + "5303116" + "5405100.5" + "5802KH" + "5901x" + "6001y");
  const khqr = parse(qr);
  assert.strictEqual(khqr.amountText, "100.5");
  assert.strictEqual(khqr.currency, "KHR");
  const error = khqrError(() => khqr.amount);
  assert.deepStrictEqual([error.kind, qr.slice(error.offset, error.offset + 2)], ["AmountPrecision", "54"]);
});

/** Adds a checksum: tries all, so that this test needs no CRC of its own. */
function inspectable(body) {
  for (let crc = 0; crc < 0x10000; crc += 1) {
    const text = `${body}6304${crc.toString(16).toUpperCase().padStart(4, "0")}`;
    try {
      inspect(text);
      return text;
    } catch {
      // Another checksum.
    }
  }
  return assert.fail("no checksum");
}

test("an amount is added to a printed code", () => {
  const printed = generate({ ...SHOP, billNumber: "7" }).qr;
  const expected = generate({ ...SHOP, billNumber: "7", ...TIMES, amount: "2.50" });
  assert.deepStrictEqual(withAmount(printed, { amount: "2.50", ...TIMES }), expected);
  assert.deepStrictEqual(parse(printed).withAmount({ minorUnits: 250, ...TIMES }), expected);
  assert.strictEqual(khqrError(() => withAmount(printed, { ...TIMES })).kind, "Missing");
  assert.strictEqual(khqrError(() => withAmount("x", { amount: 1, ...TIMES })).kind, "Missing");
  assert.throws(() => withAmount(printed, { amount: 1, currency: "KHR", ...TIMES }), TypeError);
});

test("any EMVCo code is a tree in the order of the text", () => {
  const tree = inspect(generate(SHOP).qr);
  assert.deepStrictEqual(tree.map(({ tag }) => tag), ["00", "01", "29", "52", "53", "58", "59", "60", "63"]);
  assert.deepStrictEqual(tree[2], {
    tag: "29", value: "0010sokha@devb", offset: 12, fields: [{ tag: "00", value: "sokha@devb", offset: 16 }],
  });
  assert.strictEqual(khqrError(() => inspect("0002")).tag, "63");
});

test("separators and lone surrogates in a field do not move the other fields", () => {
  const error = khqrError(() => generate({ ...SHOP, billNumber: "a\0b", storeLabel: "\0" }));
  assert.deepStrictEqual([error.kind, error.tag], ["ControlCharacter", "62/01"]);
  assert.strictEqual(khqrError(() => generate({ ...SHOP, merchantName: "\0" })).tag, "59");
  // UTF-8, and so a QR code, cannot hold half a character.
  assert.strictEqual(parse(generate({ ...SHOP, merchantName: "a\ud83d" }).qr).merchantName, "a\ufffd");
});

test("a text that is too long for a code is refused as such", () => {
  const { qr } = generate(SHOP);
  for (const text of [qr.padStart(7090, "0"), "x".repeat(50_000_000) + qr, "😀".repeat(4000) + qr]) {
    for (const call of [() => parse(text), () => inspect(text), () => withAmount(text, { amount: 1, ...TIMES })]) {
      assert.strictEqual(khqrError(call).kind, "TextTooLong");
    }
    assert.strictEqual(verify(text).error.kind, "TextTooLong");
  }
});

test("codes are read after the memory of the module has grown", () => {
  const { qr } = generate(SHOP);
  const before = [parse(qr), inspect(qr), verify(qr)];
  assert.strictEqual(md5("x".repeat(20_000_000)).length, 32);
  assert.deepStrictEqual([parse(qr), inspect(qr), verify(qr)], before);
});

test("both module systems work, and asynchronous loading", async () => {
  const require = createRequire(import.meta.url);
  const common = require("khqr-wasm");
  assert.deepStrictEqual(Object.keys(common).sort(), Object.keys(await import("khqr-wasm")).sort());
  const { qr } = generate(SHOP);
  await common.init(new WebAssembly.Module(readFileSync(require.resolve("khqr-wasm/khqr.wasm"))));
  assert.deepStrictEqual(common.generate(SHOP), { qr, md5: md5(qr) });
  await common.init();
});
