// Reads codes with the camera or from a picture. Needs a browser with `BarcodeDetector`.

import { byId, showMessage } from "./dom.js";

const MAX_ATTEMPTS = 300;
const INTERVAL_MS = 200;

async function isSupported() {
  if (!("BarcodeDetector" in window)) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes("qr_code");
}

const createDetector = () => new BarcodeDetector({ formats: ["qr_code"] });

/** Searches the camera's picture for a code, for one minute at most. */
async function scanWithCamera(onCode) {
  const note = byId("camera-note");
  const video = byId("video");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    showMessage(note, "Hold the code in front of the camera.");
    const detector = createDetector();
    for (let attempt = 0; attempt < MAX_ATTEMPTS && !video.hidden; attempt += 1) {
      const [code] = await detector.detect(video);
      if (code) {
        showMessage(note, "");
        await onCode(code.rawValue);
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

async function readPicture(file, onCode) {
  const note = byId("camera-note");
  try {
    const [code] = await createDetector().detect(await createImageBitmap(file));
    if (code) {
      showMessage(note, "");
      await onCode(code.rawValue);
    } else {
      showMessage(note, "No QR code found in this picture. Crop it closer, or paste the text.", "bad");
    }
  } catch {
    showMessage(note, "This file is not a readable picture.", "bad");
  }
}

/** Shows the scan buttons, or says that this browser cannot scan. `onCode` receives the text of a code. */
export async function setUpCamera(onCode) {
  if (!(await isSupported())) {
    showMessage(byId("camera-note"), "This browser cannot scan QR codes. Paste the text of the code.", "note");
    return;
  }
  const picture = byId("picture");
  byId("choose-picture").hidden = false;
  byId("choose-picture").addEventListener("click", () => picture.click());
  picture.addEventListener("change", async () => {
    const [file] = picture.files;
    if (file) await readPicture(file, onCode);
    // Choosing the same file again must fire `change` again.
    picture.value = "";
  });
  if (!navigator.mediaDevices) return;
  byId("camera").hidden = false;
  byId("camera").addEventListener("click", () => scanWithCamera(onCode));
}
