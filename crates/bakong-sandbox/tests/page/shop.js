"use strict";
// A shop's program: generates codes and calls the sandbox directly, not through the page.

const { createHash } = require("node:crypto");

const field = (tag, value) => `${tag}${String(Buffer.byteLength(value)).padStart(2, "0")}${value}`;

function checksum(text) {
  let crc = 0xffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc.toString(16).toUpperCase().padStart(4, "0");
}

let lastCreatedAt = 0;

/** Generates a new code: static without `amount`, otherwise dynamic and valid for ten minutes. */
function khqr(name, amount, { currency = "840", createdAt, bill } = {}) {
  lastCreatedAt = Math.max(Date.now(), lastCreatedAt + 1);
  const start = createdAt ?? lastCreatedAt;
  let text = field("00", "01") + field("01", amount ? "12" : "11") + field("29", field("00", "sokha@devb"));
  text += field("52", "5999") + field("53", currency);
  if (amount) text += field("54", amount);
  text += field("58", "KH") + field("59", name) + field("60", "Phnom Penh");
  if (bill) text += field("62", field("01", bill));
  if (amount) text += field("99", field("00", String(start)) + field("01", String(start + 600_000)));
  text += "6304";
  return text + checksum(text);
}

const md5 = (text) => createHash("md5").update(text).digest("hex");

class Shop {
  constructor(base, token) {
    this.base = base;
    this.token = token;
  }

  /** Sends a GET without `body`, otherwise a POST. Sends a string body unchanged. */
  async send(path, body, headers = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const options = body === undefined ? {} : { method: "POST", body: text };
    options.headers = { "content-type": "application/json", "user-agent": "shop/1", ...headers };
    return fetch(this.base + path, options);
  }

  /** Sends a request and returns the JSON of the response. */
  async json(path, body, headers) {
    return (await this.send(path, body, headers)).json();
  }

  /** Sends a request that the control API rejects, and returns the error. */
  async error(path, body) {
    return (await this.json(path, body)).error;
  }

  /** Checks whether a code was paid. */
  async check(code) {
    return this.json("/v1/check_transaction_by_md5", { md5: md5(code) }, { authorization: `Bearer ${this.token}` });
  }

  async addFaults(rules) {
    return this.json("/sandbox/faults", rules);
  }

  async clearFaults() {
    await fetch(`${this.base}/sandbox/faults`, { method: "DELETE" });
  }
}

module.exports = { Shop, khqr, md5 };
