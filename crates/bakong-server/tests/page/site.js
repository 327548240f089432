"use strict";
// What a person does on the pages of the server, and how the pages look.

const assert = require("node:assert");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { Page } = require("../../../bakong-sandbox/tests/page/page.js");

const json = JSON.stringify;
const LANGUAGES = { en: "en-US", km: "km-KH" };
const SIZES = { 320: 640, 390: 844, 1280: 800 };

class Site extends Page {
  open(address) {
    return this.browser.navigate(new URL(address, this.base).href);
  }

  /** Sets the width of the screen, the colours and the language of the browser. */
  async look({ width = 390, scheme = "light", language = "en" }) {
    await this.browser.send("Emulation.setDeviceMetricsOverride", { width, height: SIZES[width], deviceScaleFactor: 1, mobile: width < 500 });
    await this.browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    await this.browser.send("Network.clearBrowserCookies", {}).catch(() => {});
    await this.language(language);
    this.width = width;
  }

  async language(language) {
    await this.browser.send("Network.setExtraHTTPHeaders", { headers: { "accept-language": LANGUAGES[language] } });
  }

  waitView(view) {
    return this.waitFor(`document.querySelector("main")?.dataset.view === ${json(view)}`);
  }

  waitText(text) {
    return this.waitFor(`document.body?.innerText.includes(${json(text)})`);
  }

  focused() {
    return this.evaluate("document.activeElement.outerHTML.slice(0, 200)");
  }

  /** Moves the focus with the Tab key until the focused element matches a selector. */
  async tabTo(selector) {
    for (let presses = 0; presses < 60; presses += 1) {
      if (await this.evaluate(`document.activeElement.matches(${json(selector)})`)) return;
      await this.pressKey("Tab");
    }
    throw new Error(`The Tab key does not reach ${selector}`);
  }

  type(text) {
    return this.browser.send("Input.insertText", { text });
  }

  /** Fails if axe finds a violation, or if the page is wider than its screen. */
  async audit() {
    if (!(await this.evaluate("!!window.axe"))) {
      await this.evaluate(`${readFileSync(process.env.AXE, "utf8")}\n;undefined`);
    }
    const violations = await this.evaluate(`axe.run(document).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html, failureSummary }) => html + " " + failureSummary).join("; ")))`);
    assert.deepEqual(violations, []);
    const wide = await this.evaluate("document.documentElement.scrollWidth");
    assert.ok(wide <= this.width, `${wide} pixels on a screen of ${this.width}`);
  }

  /** Writes a picture of the page, if the run was asked for pictures. */
  async picture(name) {
    if (!process.env.PICTURES) return;
    const { data } = await this.browser.send("Page.captureScreenshot", { format: "png", optimizeForSpeed: false });
    writeFileSync(join(process.env.PICTURES, `${name}.png`), Buffer.from(data, "base64"));
  }
}

module.exports = { Site };
