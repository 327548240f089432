"use strict";
// Tests the pages of bakong-server in a headless Chromium.
// Usage: BAKONG=target/debug/bakong CHROMIUM=chromium AXE=…/axe.min.js [PICTURES=folder] node run.js

const assert = require("node:assert");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join, resolve } = require("node:path");
const { Browser } = require("../../../bakong-sandbox/tests/page/browser.js");
const { recordProblems, runStep } = require("../../../bakong-sandbox/tests/page/check.js");
const { OtherShop } = require("./other_shop.js");
const { Server } = require("./server.js");
const { Site } = require("./site.js");

// Each group has a server of its own, because the quota limits how many payments are checked early. The order matters: the first
// step of the dashboard starts the session.
const GROUPS = [["checkout", "embed"], ["dashboard", "pos", "demo"]];

const problems = [];

/** Lets Chromium use the Khmer font of khqr-card, so that pictures look the same on every machine. */
function useFonts(directory) {
  const file = join(directory, "fonts.conf");
  const fonts = resolve(__dirname, "../../../khqr-card/fonts");
  writeFileSync(file, `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
    <include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>${fonts}</dir><cachedir>${directory}/fonts</cachedir></fontconfig>`);
  process.env.FONTCONFIG_FILE = file;
}

async function runAll(directory, running) {
  const start = async (starting) => {
    const started = await starting;
    running.push(started);
    return started;
  };
  const shop = await start(OtherShop.start());
  const config = join(directory, "bakong.toml");
  writeFileSync(config, `bind = "127.0.0.1:0"\nstore = "embed.db"\nsandbox = true\ndeeplinks = true\nembed_origins = "${shop.origin}"\n`);
  const embedded = await start(Server.start(["--config", config]));
  useFonts(directory);
  const browser = await start(Browser.start(process.env.CHROMIUM, join(directory, "profile")));
  const bases = [embedded.url, shop.origin];
  recordProblems(browser, bases, problems);
  await browser.send("Emulation.setFocusEmulationEnabled", { enabled: true });
  const isWanted = (name) => !process.env.STEPS || process.env.STEPS.split(",").includes(name);
  for (const [number, group] of GROUPS.entries()) {
    const data = join(directory, `data-${number}`);
    const server = await start(Server.start(["--sandbox", "--listen", "127.0.0.1:0", "--data", data]));
    bases.push(server.url, server.sandbox);
    const page = new Site(browser, server.url);
    const context = { page, server, embedded, shop, problems };
    for (const name of group.filter(isWanted)) {
      for (const [title, action] of require(`./steps/${name}.js`)) await runStep(page, title, () => action(context));
    }
  }
  assert.deepEqual(problems, []);
}

async function main() {
  const directory = mkdtempSync(join(tmpdir(), "bakong-pages-"));
  const running = [];
  try {
    await runAll(directory, running);
  } finally {
    await Promise.all(running.map((it) => it.stop()));
    rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(`page: ${error.message}\n${problems.join("\n")}\nLog of the servers:\n${Server.log}`);
    process.exit(1);
  },
);
