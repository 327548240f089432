"use strict";
// Codes from the camera and from pictures, with a fake `BarcodeDetector`.

const assert = require("node:assert");
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { khqr } = require("../shop.js");

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** Opens the page after running `script` in the new document. */
async function openWith(page, script) {
  const { identifier } = await page.browser.send("Page.addScriptToEvaluateOnNewDocument", { source: script });
  await page.open();
  await page.browser.send("Page.removeScriptToEvaluateOnNewDocument", { identifier });
}

async function choosePicture(page, directory, name, bytes) {
  const file = join(directory, name);
  writeFileSync(file, bytes);
  const { root } = await page.browser.send("DOM.getDocument");
  const { nodeId } = await page.browser.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#picture" });
  await page.browser.send("DOM.setFileInputFiles", { nodeId, files: [file] });
}

module.exports = [
  ["without BarcodeDetector, the sandbox reads pictures and the camera's picture", async ({ page, directory, draw }) => {
    for (const script of [
      "delete window.BarcodeDetector",
      "window.BarcodeDetector = class { static async getSupportedFormats() { return ['ean_8']; } }",
    ]) {
      await openWith(page, script);
      await page.waitVisible("choose-picture");
      await page.waitVisible("camera");
      await choosePicture(page, directory, "text.png", "no picture");
      await page.waitForText("camera-note", "not a readable picture");
      await choosePicture(page, directory, "pixel.png", Buffer.from(PIXEL, "base64"));
      await page.waitForText("camera-note", "No QR code found");
      await choosePicture(page, directory, "code.png", draw(khqr("Drawn Shop", "1.00")));
      await page.waitForText("code-details", "Drawn Shop");
    }

    // The camera shows a drawn code: a canvas whose stream replaces the camera's.
    const picture = draw(khqr("Filmed Shop", "1.00")).toString("base64");
    await page.evaluate(`navigator.mediaDevices.getUserMedia = async () => {
      const image = new Image();
      image.src = "data:image/png;base64,${picture}";
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = image.width;
      canvas.height = image.height;
      const paint = () => canvas.getContext("2d").drawImage(image, 0, 0);
      setInterval(paint, 50);
      return canvas.captureStream(20);
    }`);
    await page.click("#camera");
    await page.waitForText("code-details", "Filmed Shop");
    await page.waitHidden("video");
    await page.open();
  }],

  ["a code is read from a picture and from the camera", async ({ page, directory }) => {
    await openWith(page, `window.code = null; window.BarcodeDetector = class {
      static async getSupportedFormats() { return ["qr_code"]; }
      async detect(source) {
        window.source = source.constructor.name;
        return window.code === null ? [] : [{ rawValue: window.code }];
      }
    }`);
    await page.waitVisible("choose-picture");
    await page.waitVisible("camera");
    await choosePicture(page, directory, "text.png", "no picture");
    await page.waitForText("camera-note", "not a readable picture");
    await choosePicture(page, directory, "pixel.png", Buffer.from(PIXEL, "base64"));
    await page.waitForText("camera-note", "No QR code found");
    await page.evaluate(`window.code = ${JSON.stringify(khqr("Picture Shop", "1.00"))}`);
    await choosePicture(page, directory, "pixel.png", Buffer.from(PIXEL, "base64"));
    await page.waitForText("code-details", "Picture Shop");
    assert.equal(await page.evaluate("window.source"), "ImageBitmap");

    await page.evaluate("window.code = null");
    await page.click("#camera");
    await page.waitForText("camera-note", "Hold the code in front of the camera");
    await page.waitVisible("video");
    await page.evaluate(`window.code = ${JSON.stringify(khqr("Camera Shop", "1.00"))}`);
    await page.waitForText("code-details", "Camera Shop");
    await page.waitHidden("video");
    assert.equal(await page.evaluate("window.source"), "HTMLVideoElement");
  }],

  ["a blocked camera shows the reason and an alternative", async ({ page }) => {
    await page.evaluate("navigator.mediaDevices.getUserMedia = async () => { throw new Error('not allowed'); }");
    await page.click("#camera");
    await page.waitForText("camera-note", "not allowed");
    await page.waitForText("camera-note", "paste the text");
    await page.open();
  }],
];
