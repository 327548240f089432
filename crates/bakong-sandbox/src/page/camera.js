// Reads codes with the camera or from a picture. A browser without `BarcodeDetector` sends pictures to the sandbox.

import { sendPicture } from "./api.js";
import { byId, showMessage } from "./dom.js";

const MAX_ATTEMPTS = 300;
const INTERVAL_MS = 200;

async function isSupported() {
  if (!("BarcodeDetector" in window)) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes("qr_code");
}

/** Pictures are reduced to this width or height, so that they are small enough to send. */
const MAX_SIDE = 1600;

/** Draws an image or the camera's picture as JPEG. */
async function toJpeg(source) {
  const width = source.videoWidth ?? source.width;
  const height = source.videoHeight ?? source.height;
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d");
  // JPEG has no transparency, and a code is read on white.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

/** Returns a function that reads the first code of an image or of the camera's picture, or returns undefined. */
async function createReader() {
  if (await isSupported()) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (source) => (await detector.detect(source))[0]?.rawValue;
  }
  return async (source) => (await sendPicture(await toJpeg(source)))[0];
}

/** Searches the camera's picture for a code, for one minute at most. */
async function scanWithCamera(readCode, onCode) {
  const note = byId("camera-note");
  const video = byId("video");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    showMessage(note, "Hold the code in front of the camera.");
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !video.hidden; attempt += 1) {
      const code = await readCode(video);
      if (code) {
        showMessage(note, "");
        await onCode(code);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
    showMessage(note, "No code found. Hold the code closer, or paste its text.");
  } catch (error) {
    showMessage(note, `The camera is not available (${error.message}). Allow it in the browser, or paste the text.`, "bad");
  } finally {
    stream?.getTracks().forEach((track) => track.stop());
    video.hidden = true;
  }
}

async function readPicture(file, readCode, onCode) {
  const note = byId("camera-note");
  try {
    const code = await readCode(await createImageBitmap(file));
    if (code) {
      showMessage(note, "");
      await onCode(code);
    } else {
      showMessage(note, "No QR code found in this picture. Crop it closer, or paste the text.", "bad");
    }
  } catch {
    showMessage(note, "This file is not a readable picture.", "bad");
  }
}

/** Shows the scan buttons. `onCode` receives the text of a code. */
export async function setUpCamera(onCode) {
  const readCode = await createReader();
  const picture = byId("picture");
  byId("choose-picture").hidden = false;
  byId("choose-picture").addEventListener("click", () => picture.click());
  picture.addEventListener("change", async () => {
    const [file] = picture.files;
    if (file) await readPicture(file, readCode, onCode);
    // Choosing the same file again must fire `change` again.
    picture.value = "";
  });
  if (!navigator.mediaDevices) return;
  byId("camera").hidden = false;
  byId("camera").addEventListener("click", () => scanWithCamera(readCode, onCode));
}
