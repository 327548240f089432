"use strict";
// The files of the package: their size, and that everything the manifest names exists.

const assert = require("node:assert");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");
const { gzipSync } = require("node:zlib");

const root = path.dirname(require.resolve("khqr-wasm/package.json"));
const manifest = require("khqr-wasm/package.json");

/** The limit of everything that a page loads, compressed. */
const MAX_BYTES = 120 * 1024;

/** Returns an ECMAScript module and all modules that it imports. */
function modulesOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const text = fs.readFileSync(file, "utf8");
  for (const [, name] of text.matchAll(/from "(\.\/[^"]+)"/g)) modulesOf(path.join(path.dirname(file), name), found);
  return found;
}

test("a page loads less than 120 KiB, compressed", (context) => {
  for (const entry of ["index.js", "bakong-khqr.js"]) {
    const files = [...modulesOf(path.join(root, entry))];
    assert.ok(files.some((file) => file.endsWith("bytes.js")), `${entry} does not load the module`);
    const size = files.reduce((sum, file) => sum + gzipSync(fs.readFileSync(file), { level: 9 }).length, 0);
    context.diagnostic(`${entry}: ${files.length} modules, ${size} bytes compressed`);
    assert.ok(size < MAX_BYTES, `${entry}: ${size} bytes`);
  }
});

test("every file that the manifest names exists", () => {
  const names = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(names));
  for (const name of [...names(manifest.exports), manifest.main, manifest.module, manifest.types]) {
    assert.ok(fs.existsSync(path.join(root, name)), name);
  }
  for (const name of ["README.md", "DEVIATIONS.md", "LICENSE-MIT", "LICENSE-APACHE"]) assert.ok(fs.existsSync(path.join(root, name)), name);
});

test("the module names no path of the machine that built it", () => {
  const wasm = fs.readFileSync(path.join(root, "khqr.wasm"), "latin1");
  assert.doesNotMatch(wasm, /\/(home|root|Users)\//);
});
