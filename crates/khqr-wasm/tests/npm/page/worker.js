// Workers have no import map, so the address of the package is written out.
import { generate, verify } from "/khqr-wasm/index.js";

const { qr } = generate({ kind: "individual", account: "a@b", merchantName: "n", currency: "KHR" });
postMessage(verify(qr).valid);
