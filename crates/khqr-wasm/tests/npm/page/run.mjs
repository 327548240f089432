// A page in headless Chromium makes, verifies and shows codes: with ECMAScript modules without a bundler, with a bundle,
// and in a worker. Usage: BROWSER=path/to/browser.js CHROMIUM=chromium node run.mjs

import assert from "node:assert";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";

const { Browser } = createRequire(import.meta.url)(process.env.BROWSER);
const here = import.meta.dirname;
const modules = join(here, "../../node_modules");

const bundle = buildSync({
  stdin: { contents: readFileSync(join(here, "shop.js"), "utf8"), resolveDir: here },
  bundle: true, minify: true, format: "iife", globalName: "shop", write: false,
}).outputFiles[0].text;

const imports = { "khqr-wasm": "/khqr-wasm/index.js", "khqr-wasm/bakong-khqr": "/khqr-wasm/bakong-khqr.js", "qrcode-generator": "/qrcode.mjs", jsqr: "/jsqr.mjs" };
const html = (script) => `<!doctype html><meta charset="utf-8"><title>Shop</title>
<script type="importmap">${JSON.stringify({ imports })}</script><canvas id="code"></canvas>${script}`;
const javascript = (text) => ["text/javascript", text];

/** What the server has, besides the files of the package. */
const files = {
  "/modules": ["text/html", html('<script type="module">import * as shop from "/shop.js"; globalThis.shop = shop;</script>')],
  "/bundle": ["text/html", html('<script src="/bundle.js"></script>')],
  "/bundle.js": javascript(bundle),
  "/shop.js": javascript(readFileSync(join(here, "shop.js"))),
  "/worker.js": javascript(readFileSync(join(here, "worker.js"))),
  // These packages have no ECMAScript modules for browsers.
  "/qrcode.mjs": javascript(buildSync({ entryPoints: [join(modules, "qrcode-generator")], bundle: true, format: "esm", write: false }).outputFiles[0].text),
  "/jsqr.mjs": javascript(buildSync({ entryPoints: [join(modules, "jsqr")], bundle: true, format: "esm", write: false }).outputFiles[0].text),
};

function respond(request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  const name = /^\/khqr-wasm\/([a-z-]+\.js)$/.exec(pathname)?.[1];
  const [type, text] = name ? javascript(readFileSync(join(modules, "khqr-wasm", name))) : (files[pathname] ?? []);
  response.writeHead(text === undefined ? 404 : 200, { "Content-Type": type ?? "text/plain" });
  response.end(text);
}

const server = createServer(respond);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;
const profile = mkdtempSync(join(tmpdir(), "khqr-page-"));
const browser = await Browser.start(process.env.CHROMIUM, profile);
const problems = [];
browser.on((method, params) => {
  if (method === "Runtime.exceptionThrown") problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
});

try {
  for (const page of ["modules", "bundle"]) {
    await browser.navigate(`${base}/${page}`);
    await browser.waitFor(`location.pathname === "/${page}" && globalThis.shop !== undefined`);
    const result = await browser.evaluate("shop.sell('1.50')");
    assert.match(result.qr, /^00020101021229140010sokha@devb520459995303840540415?/);
    assert.strictEqual(result.shown, result.qr, "the code on the page has another text");
    assert.deepStrictEqual([result.valid, result.amount, result.md5.length, result.sameAsSdk], [true, "1.50", 32, true]);
    assert.strictEqual(await browser.evaluate("shop.refusal('0.001')"), "AmountPrecision");
    console.log(`ok: ${page}: made, verified, shown and read back`);
  }
  await browser.navigate(`${base}/modules`);
  await browser.waitFor("globalThis.shop !== undefined");
  const worker = 'new Promise((done) => { const worker = new Worker("/worker.js", { type: "module" }); worker.onmessage = (event) => done(event.data); })';
  assert.strictEqual(await browser.evaluate(worker), true);
  console.log("ok: a worker makes and verifies a code");
  assert.deepStrictEqual(problems, []);
} finally {
  await browser.stop();
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
}
