"use strict";
// A `bakong serve` process, and what a shop's program and a customer do with it.

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const readline = require("node:readline");

class Server {
  /** What the servers logged, for the report of a failure. */
  static log = "";
  #child;

  /** Starts `bakong serve` with these options. Resolves when it accepts requests. */
  static async start(options) {
    const server = new Server();
    const args = ["serve", "--json", ...options];
    const env = { ...process.env, BAKONG_TEST_KEY: "sk_test_pages_0123456789abcd" };
    server.#child = spawn(process.env.BAKONG, args, { stdio: ["ignore", "pipe", "pipe"], env });
    server.#child.stderr.setEncoding("utf8").on("data", (text) => {
      Server.log = (Server.log + text).slice(-20_000);
    });
    const failed = new Promise((_, reject) => {
      server.#child.on("error", reject);
      server.#child.on("exit", (code) => reject(new Error(`\`bakong serve\` ended with ${code}`)));
    });
    failed.catch(() => {});
    const [line] = await Promise.race([once(readline.createInterface(server.#child.stdout), "line"), failed]);
    const { url, sandbox, demo, dashboard, testKey } = JSON.parse(line);
    return Object.assign(server, { url, sandbox, demo, dashboard, key: testKey ?? env.BAKONG_TEST_KEY });
  }

  /** Calls the API. */
  async call(path, body) {
    const options = { headers: { authorization: `Bearer ${this.key}` } };
    if (body) Object.assign(options, { method: "POST", body: JSON.stringify(body) });
    const response = await fetch(this.url + path, options);
    const json = await response.json();
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(json)}`);
    return json;
  }

  create(order, fields = {}) {
    return this.call("/v1/payments", { amount: "1.50", currency: "USD", order_id: order, ...fields });
  }

  /** A customer pays a code in the sandbox. */
  async pay(payment, fields = {}) {
    const response = await this.#sandbox("/sandbox/pay", { qr: payment.qr, from: "dara@devb", ...fields });
    if (!response.ok) throw new Error(await response.text());
    return this.call(`/v1/payments/${payment.id}/check`, {});
  }

  /** Moves the sandbox's clock. */
  advance(seconds) {
    return this.#sandbox("/sandbox/clock", { advanceMs: seconds * 1000 });
  }

  #sandbox(path, body) {
    return fetch(this.sandbox + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exit;
  }
}

module.exports = { Server };
