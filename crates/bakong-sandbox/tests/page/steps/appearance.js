"use strict";
// How it looks, and what a screen reader finds.

const assert = require("node:assert");

const SCHEMES = ["light", "dark"];
const scheme = (page, value) => page.browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
const screen = (page, width) => page.browser.send("Emulation.setDeviceMetricsOverride", { width, height: 740, deviceScaleFactor: 1, mobile: width < 500 });

/** On the page: the texts that are too faint on what is behind them (WCAG 2.2, 1.4.3). */
function faint() {
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => parts(color).slice(0, 3)
    .map((it) => (it / 255 <= 0.04045 ? it / 255 / 12.92 : ((it / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, it, place) => sum + it * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (it) => {
    const color = getComputedStyle(it).backgroundColor;
    return (parts(color)[3] ?? 1) > 0 || !it.parentElement ? color : behind(it.parentElement);
  };
  return [...document.body.querySelectorAll("*")].filter((it) => {
    const ownText = [...it.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!ownText || it.disabled || !it.checkVisibility()) return false;
    const [one, other] = [light(getComputedStyle(it).color), light(behind(it))].sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05) < 4.5;
  }).map((it) => `${it.tagName} ${it.className} ${it.textContent.slice(0, 30)}`);
}

module.exports = [
  ["there is a light and a dark dress, both easy to read", async ({ page, shop }) => {
    await shop.faults([{ delayMs: 1, times: "always" }]);
    await page.shown("trouble");
    await page.read("hello");
    await page.holds("refusal", "cannot be paid");
    const backs = [];
    for (const value of SCHEMES) {
      await scheme(page, value);
      backs.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      assert.deepEqual(await page.evaluate(`(${faint})()`), []);
    }
    assert.notEqual(backs[0], backs[1]);
    await shop.clearFaults();
  }],

  ["it fits any screen", async ({ page }) => {
    for (const width of [320, 768, 1280, 360]) {
      await screen(page, width);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, `${width}`);
    }
  }],

  ["everything that can be used has a name", async ({ page }) => {
    await page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
    const roles = ["button", "textbox", "checkbox", "switch", "combobox", "link", "meter", "list", "group", "region"];
    const { nodes } = await page.browser.send("Accessibility.getFullAXTree");
    const used = nodes.filter((it) => !it.ignored && roles.includes(it.role?.value));
    const isNamed = (it) => it.name?.value.trim() || ["list", "group"].includes(it.role.value);
    assert.ok(used.length > 60, `${used.length}`);
    assert.deepEqual(used.filter((it) => !isNamed(it)).map((it) => JSON.stringify(it)), []);
    // Two that do the same to different things are told apart.
    const names = used.filter((it) => it.role.value === "button").map((it) => it.name.value);
    for (const name of ["Pay", "Remove", "Use up", "Copy"]) assert.ok(names.filter((it) => it === name).length < 2, name);
  }],
];
