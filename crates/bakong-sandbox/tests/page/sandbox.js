"use strict";
// A `bakong sandbox` process.

const { spawn } = require("node:child_process");
const { once } = require("node:events");
const readline = require("node:readline");

class Sandbox {
  #child;

  /** Starts `bakong sandbox` on a free port. Resolves when it accepts requests. */
  static async start(options) {
    const sandbox = new Sandbox();
    const args = ["sandbox", "--json", "--listen", "127.0.0.1:0", ...options];
    sandbox.#child = spawn(process.env.BAKONG, args, { stdio: ["ignore", "pipe", "inherit"] });
    const failed = new Promise((_, reject) => {
      sandbox.#child.on("error", reject);
      sandbox.#child.on("exit", (code) => reject(new Error(`\`bakong sandbox\` ended with ${code}`)));
    });
    failed.catch(() => {});
    const [line] = await Promise.race([once(readline.createInterface(sandbox.#child.stdout), "line"), failed]);
    const { baseUrl, token } = JSON.parse(line);
    return Object.assign(sandbox, { baseUrl, token });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
  }
}

module.exports = { Sandbox };
