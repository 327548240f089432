"use strict";
// Colors, widths, and names for screen readers.

const assert = require("node:assert");

const setScheme = (page, value) => page.browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
const setWidth = (page, width) => page.browser.send("Emulation.setDeviceMetricsOverride", { width, height: 740, deviceScaleFactor: 1, mobile: width < 500 });

/** Runs on the page. Returns texts with a contrast below 4.5 (WCAG 2.2, 1.4.3). */
function lowContrast() {
  const parts = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => parts(color).slice(0, 3)
    .map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const background = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return (parts(color)[3] ?? 1) > 0 || !element.parentElement ? color : background(element.parentElement);
  };
  return [...document.body.querySelectorAll("*")].filter((element) => {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!hasText || element.disabled || !element.checkVisibility()) return false;
    const [lighter, darker] = [luminance(getComputedStyle(element).color), luminance(background(element))].sort((a, b) => b - a);
    return (lighter + 0.05) / (darker + 0.05) < 4.5;
  }).map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 30)}`);
}

module.exports = [
  ["light and dark colors have enough contrast", async ({ page, shop }) => {
    await shop.addFaults([{ delayMs: 1, times: "always" }]);
    await page.waitVisible("active-faults");
    await page.readCode("hello");
    await page.waitForText("refusal", "cannot be paid");
    const backgrounds = [];
    for (const scheme of ["light", "dark"]) {
      await setScheme(page, scheme);
      backgrounds.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      assert.deepEqual(await page.evaluate(`(${lowContrast})()`), []);
    }
    assert.notEqual(backgrounds[0], backgrounds[1]);
    await shop.clearFaults();
  }],

  ["the page fits widths from 320 to 1280 pixels", async ({ page, shop }) => {
    // The longest name in the endpoint filter.
    await shop.send("/v1/check_transaction_by_instruction_ref", {});
    await page.waitForText("endpoint", "check_transaction_by_instruction_ref");
    for (const width of [320, 390, 768, 1280, 360]) {
      await setWidth(page, width);
      // On a phone, `innerWidth` grows with content that is too wide.
      assert.ok(await page.evaluate("document.documentElement.scrollWidth") <= width, `too wide for ${width}`);
    }
  }],

  ["every control has an accessible name", async ({ page }) => {
    await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
    const roles = ["button", "textbox", "checkbox", "switch", "combobox", "link", "meter", "list", "group", "region"];
    const { nodes } = await page.browser.send("Accessibility.getFullAXTree");
    const controls = nodes.filter((node) => !node.ignored && roles.includes(node.role?.value));
    const isNamed = (node) => node.name?.value.trim() || ["list", "group"].includes(node.role.value);
    assert.ok(controls.length > 60, `${controls.length}`);
    assert.deepEqual(controls.filter((node) => !isNamed(node)).map((node) => JSON.stringify(node)), []);
    // Buttons that act on different items have different names.
    const names = controls.filter((node) => node.role.value === "button").map((node) => node.name.value);
    for (const name of ["Pay", "Remove", "Use up", "Copy"]) assert.ok(names.filter((other) => other === name).length < 2, name);
  }],
];
