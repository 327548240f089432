"use strict";
// Runs NBC's own test files, from the package `bakong-khqr`, with the drop-in in the place of NBC's code.

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { after, test } = require("node:test");
const { runFile, testFiles } = require("./jest_globals.js");

const NETWORK = "needs the network";
/**
 * The tests that must fail: the file and the name of each, and the reason: the network, or a deviation in
 * `crates/khqr-core/DEVIATIONS.md`. The tests with a deviation read texts that are not codes.
 */
const FAILING = {
  "bakongAccountExist.test.js: Account exists": NETWORK,
  "bakongAccountExist.test.js: Account not found": NETWORK,
  "deepLink.test.js: Generating DeepLink successfully": NETWORK,
  "decode.test.js: Decode Test 9": "decode-unchecked",
  "decode.test.js: Decode Test 10": "decode-unchecked",
  "decode.test.js: Decode Test 11": "decode-unchecked",
  "decode.test.js: Decode Test 12": "decode-unchecked",
  "decode.test.js: Decode Test 14": "decode-foreign",
  "decode.test.js: Decode Test 15": "decode-foreign",
  "decode.test.js: Decode Test 16": "decode-foreign",
  "feature/non-khqr/docode.test.js: Incorrect length of tag 52": "tree-unchecked",
  "feature/non-khqr/docode.test.js: Invalid crc length": "tree-unchecked",
};

// The fixed expiry in NBC's tests is after this time.
const NOW = 1_727_300_000_000;

const official = path.dirname(require.resolve("bakong-khqr/package.json"));
const folder = fs.mkdtempSync(path.join(__dirname, "nbc-"));
after(() => fs.rmSync(folder, { recursive: true }));

test("NBC's tests pass with the drop-in, except the listed ones", async (context) => {
  for (const part of ["src", "test"]) fs.cpSync(path.join(official, part), path.join(folder, part), { recursive: true });
  // The tests load NBC's code from here, and some internal modules from the other files of the folder.
  fs.writeFileSync(path.join(folder, "src/index.js"), 'module.exports = require("khqr-wasm/bakong-khqr");\n');
  const clock = Date.now;
  const network = globalThis.fetch;
  Date.now = () => NOW;
  globalThis.fetch = async () => {
    throw new Error("no network");
  };
  try {
    const failed = [];
    let passed = 0;
    for (const file of testFiles(path.join(folder, "test"))) {
      for (const result of await runFile(file)) {
        if (result.passed) passed += 1;
        else failed.push(`${path.relative(path.join(folder, "test"), file)}: ${result.name}`);
      }
    }
    context.diagnostic(`${passed} of NBC's tests passed, ${failed.length} failed as listed`);
    assert.deepStrictEqual(failed.sort(), Object.keys(FAILING).sort());
    assert.ok(passed > 150, `only ${passed} tests of NBC passed`);
  } finally {
    Date.now = clock;
    globalThis.fetch = network;
  }
});
