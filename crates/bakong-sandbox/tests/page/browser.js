"use strict";
// A browser, and one page in it, over the DevTools protocol: JSON with a zero byte after each message,
// written to the browser's descriptor 3 and read from its descriptor 4.

const { spawn } = require("node:child_process");

// Longer than anything here takes, so that a hang is an error.
const PATIENCE = 30_000;

class Browser {
  #child;
  #waiting = new Map();
  #listeners = [];
  #lastId = 0;
  #rest = "";
  #session;

  static async open(program, profile) {
    const browser = new Browser();
    browser.#child = spawn(program, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
      "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
      // Shares no memory by /dev/shm, which is small in containers.
      "--disable-dev-shm-usage", "--window-size=360,740",
      // A camera that shows a test picture, and nobody to ask whether it may be used.
      "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--user-data-dir=${profile}`, "about:blank",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#child.stdio[4].setEncoding("utf8");
    browser.#child.stdio[4].on("data", (text) => browser.#take(text));
    const ended = new Promise((_, reject) => {
      browser.#child.on("error", reject);
      browser.#child.on("exit", (code) => reject(new Error(`the browser ended with ${code}`)));
    });
    ended.catch(() => {});
    const begin = async () => {
      const { targetInfos } = await browser.send("Target.getTargets");
      const { targetId } = targetInfos.find((it) => it.type === "page");
      const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
      browser.#session = sessionId;
      for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.send(`${domain}.enable`);
    };
    await Promise.race([begin(), ended]);
    return browser;
  }

  #take(text) {
    const messages = (this.#rest + text).split("\0");
    this.#rest = messages.pop();
    for (const message of messages.map((it) => JSON.parse(it))) {
      const waiting = this.#waiting.get(message.id);
      if (waiting) {
        this.#waiting.delete(message.id);
        if (message.error) waiting.reject(new Error(message.error.message));
        else waiting.resolve(message.result);
      } else {
        this.#listeners.forEach((listener) => listener(message.method, message.params));
      }
    }
  }

  on(listener) {
    this.#listeners.push(listener);
  }

  send(method, params = {}) {
    const id = (this.#lastId += 1);
    const message = { id, method, params, sessionId: this.#session };
    this.#child.stdio[3].write(`${JSON.stringify(message)}\0`);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      setTimeout(() => reject(new Error(`no answer to ${method}`)), PATIENCE).unref();
    });
  }

  /** What an expression is on the page, done as by a person. */
  async evaluate(expression) {
    const told = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (told.exceptionDetails) throw new Error(told.exceptionDetails.exception?.description ?? told.exceptionDetails.text);
    return told.result.value;
  }

  /** Waits until an expression on the page is true. */
  async until(expression) {
    const end = Date.now() + PATIENCE;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) throw new Error(`never true on the page: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  close() {
    this.#child.removeAllListeners("exit");
    this.#child.kill("SIGKILL");
  }
}

module.exports = { Browser };
