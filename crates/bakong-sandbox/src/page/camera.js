// Reads codes by the camera or from a picture, in browsers that can: others do not see the buttons.

import { byId, say } from "./dom.js";

const LOOKS = 300;
const GAP = 200;

/** Whether this browser reads QR codes. */
async function canRead() {
  if (!("BarcodeDetector" in window)) return false;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  return formats.includes("qr_code");
}

const detector = () => new BarcodeDetector({ formats: ["qr_code"] });

/** Looks through the camera for a minute at most. */
async function scan(found) {
  const note = byId("camera-note");
  const video = byId("video");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    say(note, "Hold the code before the camera.");
    const eyes = detector();
    for (let look = 0; look < LOOKS && !video.hidden; look += 1) {
      const [code] = await eyes.detect(video);
      if (code) {
        say(note, "");
        await found(code.rawValue);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, GAP));
    }
    say(note, "No code was seen. Hold it closer, or paste its text.");
  } catch (error) {
    say(note, `The camera cannot be used (${error.message}). Allow it in the browser, or paste the text.`, "bad");
  } finally {
    stream?.getTracks().forEach((track) => track.stop());
    video.hidden = true;
  }
}

async function readPicture(file, found) {
  const note = byId("camera-note");
  try {
    const [code] = await detector().detect(await createImageBitmap(file));
    if (code) {
      say(note, "");
      await found(code.rawValue);
    } else {
      say(note, "There is no QR code to be seen in this picture. Cut it closer, or paste the text.", "bad");
    }
  } catch {
    say(note, "This file cannot be read as a picture.", "bad");
  }
}

/** `found` is told the text of a code. */
export async function prepareCamera(found) {
  if (!(await canRead())) return;
  const picture = byId("picture");
  byId("choose").hidden = false;
  byId("choose").addEventListener("click", () => picture.click());
  picture.addEventListener("change", async () => {
    const [file] = picture.files;
    if (file) await readPicture(file, found);
    // The same file can be chosen again.
    picture.value = "";
  });
  if (!navigator.mediaDevices) return;
  byId("camera").hidden = false;
  byId("camera").addEventListener("click", () => scan(found));
}
