// Generates an example code of an invented shop. The code is valid for ten minutes.

import { now } from "./clock.js";

const field = (tag, value) => `${tag}${String(value.length).padStart(2, "0")}${value}`;

/** Computes the CRC-16/IBM-3740 of an ASCII string, as KHQR requires. */
function checksum(text) {
  let crc = 0xffff;
  for (const character of text) {
    crc ^= character.charCodeAt(0) << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc.toString(16).toUpperCase().padStart(4, "0");
}

/** Returns a new code. Codes differ because they contain their creation time. */
export function exampleCode() {
  const createdAt = Math.floor(now());
  const times = field("00", String(createdAt)) + field("01", String(createdAt + 600_000));
  const fields = [
    ["00", "01"], ["01", "12"], ["29", field("00", "example@devb")], ["52", "5999"], ["53", "840"], ["54", "1.50"],
    ["58", "KH"], ["59", "Example Shop"], ["60", "Phnom Penh"], ["99", times],
  ];
  const text = `${fields.map(([tag, value]) => field(tag, value)).join("")}6304`;
  return text + checksum(text);
}
