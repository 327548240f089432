"use strict";
// Tests the sandbox's page in a headless Chromium, on a screen as narrow as a small phone's.
// Usage: BAKONG=target/debug/bakong CHROMIUM=chromium node run.js

const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { Browser } = require("./browser.js");
const { recordProblems, runStep } = require("./check.js");
const { Page } = require("./page.js");
const { Sandbox } = require("./sandbox.js");
const { Shop } = require("./shop.js");
const { TcpProxy } = require("./tcp_proxy.js");

const WIDTH = 360;
// The order matters: steps use what earlier steps left in the sandbox.
const STEPS = [
  "first_visit", "phone", "scanning", "open_codes", "tokens", "clock", "quota", "faults", "requests", "connection", "appearance",
  "reset",
];

const problems = [];

/** Starts a sandbox on a state file whose last line is incomplete, as after a kill during a write. */
async function startWithTornFile(directory) {
  mkdirSync(directory);
  const file = join(directory, "state.json");
  writeFileSync(file, "");
  const options = ["--quota", "off", "--state", file];
  await (await Sandbox.start(options)).stop();
  appendFileSync(file, "[{");
  return Sandbox.start(options);
}

/** Draws a code as PNG. */
function draw(directory, code) {
  const file = join(directory, "drawn.png");
  execFileSync(process.env.BAKONG, ["qr", "render", code, "--output", file]);
  return readFileSync(file);
}

async function runAll(directory, sandboxes, browsers) {
  const sandbox = await Sandbox.start(["--quota", "off"]);
  sandboxes.push(sandbox);
  const stateDirectory = join(directory, "state");
  const otherSandbox = await startWithTornFile(stateDirectory);
  sandboxes.push(otherSandbox);
  const proxy = await TcpProxy.start(sandbox.baseUrl);
  const browser = await Browser.start(process.env.CHROMIUM, join(directory, "profile"));
  browsers.push(browser);
  recordProblems(browser, [proxy.base], problems);
  await browser.send("Emulation.setDeviceMetricsOverride", { width: WIDTH, height: 740, deviceScaleFactor: 2, mobile: true });
  // Without focus, Chromium does not let the page use the clipboard.
  await browser.send("Emulation.setFocusEmulationEnabled", { enabled: true });
  const page = new Page(browser, proxy.base);
  const context = { page, proxy, directory, stateDirectory, draw: (code) => draw(directory, code), shop: new Shop(sandbox.baseUrl, sandbox.token), otherShop: new Shop(otherSandbox.baseUrl) };
  for (const name of STEPS) {
    for (const [title, action] of require(`./steps/${name}.js`)) await runStep(page, title, () => action(context), WIDTH);
  }
  assert.deepEqual(problems, []);
}

async function main() {
  const directory = mkdtempSync(join(tmpdir(), "bakong-page-"));
  const sandboxes = [];
  const browsers = [];
  try {
    await runAll(directory, sandboxes, browsers);
  } finally {
    await Promise.all([...browsers, ...sandboxes].map((it) => it.stop()));
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`page: ${error.message}\n${problems.join("\n")}`);
    process.exit(1);
  },
);
