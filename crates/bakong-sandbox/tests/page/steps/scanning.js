"use strict";
// Codes by camera and from a picture, by a reader of codes that sees what the test wants.

const assert = require("node:assert");
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { khqr } = require("../shop.js");

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** Opens the page in a browser that has this reader of codes. */
async function openWith(page, reader) {
  const { identifier } = await page.browser.send("Page.addScriptToEvaluateOnNewDocument", { source: reader });
  await page.open();
  await page.browser.send("Page.removeScriptToEvaluateOnNewDocument", { identifier });
}

async function upload(page, name, bytes) {
  const file = join(__dirname, name);
  writeFileSync(file, bytes);
  const { root } = await page.browser.send("DOM.getDocument");
  const { nodeId } = await page.browser.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#picture" });
  await page.browser.send("DOM.setFileInputFiles", { nodeId, files: [file] });
}

module.exports = [
  ["a browser that cannot read codes shows no buttons for it", async ({ page }) => {
    await openWith(page, "delete window.BarcodeDetector");
    for (const id of ["camera", "choose", "video"]) await page.hidden(id);
    await openWith(page, "window.BarcodeDetector = class { static async getSupportedFormats() { return ['ean_8']; } }");
    for (const id of ["camera", "choose"]) await page.hidden(id);
  }],

  ["a code is read from a picture and by the camera", async ({ page }) => {
    await openWith(page, `window.seen = null; window.BarcodeDetector = class {
      static async getSupportedFormats() { return ["qr_code"]; }
      async detect(source) {
        window.source = source.constructor.name;
        return window.seen === null ? [] : [{ rawValue: window.seen }];
      }
    }`);
    await page.shown("choose");
    await page.shown("camera");
    await upload(page, "text.png", "no picture");
    await page.holds("camera-note", "cannot be read as a picture");
    await upload(page, "pixel.png", Buffer.from(PIXEL, "base64"));
    await page.holds("camera-note", "There is no QR code");
    await page.evaluate(`window.seen = ${JSON.stringify(khqr("Picture Shop", "1.00"))}`);
    await upload(page, "pixel.png", Buffer.from(PIXEL, "base64"));
    await page.holds("seen", "Picture Shop");
    assert.equal(await page.evaluate("window.source"), "ImageBitmap");

    await page.evaluate("window.seen = null");
    await page.press("#camera");
    await page.holds("camera-note", "Hold the code before the camera");
    await page.shown("video");
    await page.evaluate(`window.seen = ${JSON.stringify(khqr("Camera Shop", "1.00"))}`);
    await page.holds("seen", "Camera Shop");
    await page.hidden("video");
    assert.equal(await page.evaluate("window.source"), "HTMLVideoElement");
  }],

  ["a camera that may not be used is told of", async ({ page }) => {
    await page.evaluate("navigator.mediaDevices.getUserMedia = async () => { throw new Error('not allowed'); }");
    await page.press("#camera");
    await page.holds("camera-note", "not allowed");
    await page.holds("camera-note", "paste the text");
    await page.open();
  }],
];
