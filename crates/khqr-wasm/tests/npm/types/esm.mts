// The ECMAScript modules under the rules of Node.

import sdk, { BakongKHQR, khqrData } from "khqr-wasm/bakong-khqr";
import { KhqrError, parse, type Khqr } from "khqr-wasm";

const same: typeof BakongKHQR = sdk.BakongKHQR;
const usd: 840 = khqrData.currency.usd;
export function read(text: string): Khqr | number | undefined {
  try {
    return parse(text);
  } catch (error) {
    return error instanceof KhqrError ? error.code : same.verify(text).isValid ? usd : undefined;
  }
}
