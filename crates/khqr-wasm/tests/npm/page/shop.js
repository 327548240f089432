// The code of a shop: makes a code, draws it, and reads the picture back.

import readQr from "jsqr";
import drawQr from "qrcode-generator";
import { generate, init, parse, verify } from "khqr-wasm";
import { BakongKHQR, IndividualInfo } from "khqr-wasm/bakong-khqr";

const shop = { kind: "individual", account: "sokha@devb", merchantName: "Sokha Coffee", currency: "USD" };

/** Draws a code on the page and returns the text that a reader finds in the picture. */
function show(text) {
  const code = drawQr(0, "M");
  code.addData(text);
  code.make();
  const canvas = document.getElementById("code");
  const scale = 4;
  const size = (code.getModuleCount() + 8) * scale;
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, size, size);
  context.translate(4 * scale, 4 * scale);
  code.renderTo2dContext(context, scale);
  return (readQr.default ?? readQr)(context.getImageData(0, 0, size, size).data, size, size)?.data;
}

export async function sell(amount) {
  await init();
  const now = Date.now();
  const { qr, md5 } = generate({ ...shop, amount, createdAt: now, expiresAt: now + 600_000 });
  const result = verify(qr);
  const clock = Date.now;
  Date.now = () => now;
  const optional = { currency: 840, amount: Number(amount), expirationTimestamp: now + 600_000 };
  const answer = new BakongKHQR().generateIndividual(new IndividualInfo("sokha@devb", "Sokha Coffee", undefined, optional));
  Date.now = clock;
  const sameAsSdk = answer.data.qr === qr && answer.data.md5 === md5 && BakongKHQR.verify(qr).isValid;
  return { qr, md5, shown: show(qr), valid: result.valid, amount: parse(qr).amount.text, sameAsSdk };
}

export function refusal(amount) {
  try {
    generate({ ...shop, amount, expiresAt: Date.now() + 600_000 });
  } catch (error) {
    return error.kind;
  }
}
