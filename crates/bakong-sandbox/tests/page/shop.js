"use strict";
// A shop's program: it makes codes and asks the sandbox about them, past the page.

const { createHash } = require("node:crypto");

const field = (tag, value) => `${tag}${String(Buffer.byteLength(value)).padStart(2, "0")}${value}`;

function crc(text) {
  let crc = 0xffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc.toString(16).toUpperCase().padStart(4, "0");
}

let lastMade = 0;

/** A code of a shop, unlike any before; dynamic where there is an amount, and then good for ten minutes. */
function khqr(name, amount, { currency = "840", made } = {}) {
  lastMade = Math.max(Date.now(), lastMade + 1);
  const start = made ?? lastMade;
  let text = field("00", "01") + field("01", amount ? "12" : "11") + field("29", field("00", "sokha@devb"));
  text += field("52", "5999") + field("53", currency);
  if (amount) text += field("54", amount);
  text += field("58", "KH") + field("59", name) + field("60", "Phnom Penh");
  if (amount) text += field("99", field("00", String(start)) + field("01", String(start + 600_000)));
  text += "6304";
  return text + crc(text);
}

const md5 = (text) => createHash("md5").update(text).digest("hex");

class Shop {
  constructor(base, token) {
    this.base = base;
    this.token = token;
  }

  /** Asks whatever it is, with a body as JSON if there is one. */
  async call(path, body, headers = {}) {
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    options.headers = { "content-type": "application/json", "user-agent": "shop/1", ...headers };
    return fetch(this.base + path, options);
  }

  async told(path, body, headers) {
    return (await this.call(path, body, headers)).json();
  }

  /** Asks whether a code was paid. */
  async check(code) {
    return this.told("/v1/check_transaction_by_md5", { md5: md5(code) }, { authorization: `Bearer ${this.token}` });
  }

  /** Asks for faults. */
  async faults(rules) {
    return this.told("/sandbox/faults", rules);
  }

  async clearFaults() {
    await fetch(`${this.base}/sandbox/faults`, { method: "DELETE" });
  }
}

module.exports = { Shop, khqr, md5 };
