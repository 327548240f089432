"use strict";
// A headless Chromium with one page, controlled with the DevTools protocol over pipes: JSON messages, each followed by
// a zero byte, to descriptor 3 and from descriptor 4. This needs no npm package.

const { spawn } = require("node:child_process");
const { once } = require("node:events");

// Far longer than any step takes, so that a hang becomes an error.
const TIMEOUT_MS = 30_000;

/** Calls a function until it returns true. If it never does, the error names what it waited for and the last failure. */
async function until(what, isTrue) {
  const end = Date.now() + TIMEOUT_MS;
  for (;;) {
    let failure = "";
    try {
      if (await isTrue()) return;
    } catch (error) {
      failure = `: ${error.message}`;
    }
    if (Date.now() > end) throw new Error(`Timed out waiting for: ${what}${failure}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

class Browser {
  #child;
  #waiting = new Map();
  #listeners = [];
  #lastId = 0;
  #partial = "";
  #session;
  #loaded = new Set();

  static async start(program, profile) {
    const browser = new Browser();
    browser.#child = spawn(program, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions",
      "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
      // Containers often have a small /dev/shm.
      "--disable-dev-shm-usage", "--window-size=360,740",
      // A camera with a test picture, and no permission prompt.
      "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--user-data-dir=${profile}`, "about:blank",
    ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.#child.stdio[4].setEncoding("utf8");
    browser.#child.stdio[4].on("data", (text) => browser.#receive(text));
    const ended = new Promise((_, reject) => {
      browser.#child.on("error", reject);
      browser.#child.on("exit", (code) => reject(new Error(`Chromium ended with ${code}`)));
    });
    ended.catch(() => {});
    await Promise.race([browser.#attach(), ended]);
    return browser;
  }

  async #attach() {
    const { targetInfos } = await this.send("Target.getTargets");
    const { targetId } = targetInfos.find(({ type }) => type === "page");
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    this.#session = sessionId;
    this.on((method, params) => {
      if (method === "Page.frameNavigated") this.#loaded.add(params.frame.loaderId);
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await this.send(`${domain}.enable`);
  }

  #receive(text) {
    const messages = (this.#partial + text).split("\0");
    this.#partial = messages.pop();
    for (const message of messages.map((json) => JSON.parse(json))) {
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
      setTimeout(() => reject(new Error(`No response to ${method}`)), TIMEOUT_MS).unref();
    });
  }

  /** Evaluates an expression on the page as a user gesture, and returns its value. */
  async evaluate(expression) {
    const response = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    const exception = response.exceptionDetails;
    if (exception) throw new Error(exception.exception?.description ?? exception.text);
    return response.result.value;
  }

  /** Opens an address, and waits until the new document and its scripts are loaded. */
  async navigate(url) {
    const { loaderId, errorText } = await this.send("Page.navigate", { url });
    if (errorText) throw new Error(`Cannot open ${url}: ${errorText}`);
    // Chromium responds before it replaces the old document. A change of the fragment alone has no loader.
    await until(`the document of ${url}`, () => !loaderId || this.#loaded.has(loaderId));
    await this.waitFor("document.readyState === 'complete'");
  }

  /** Waits until an expression on the page is true. It may fail until then, because the page changes. */
  async waitFor(expression) {
    await until(expression, () => this.evaluate(expression));
  }

  /** Closes Chromium. Its processes write to the profile until they have ended, so this waits for them. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#session = undefined;
    this.send("Browser.close").catch(() => {});
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    await exit;
    clearTimeout(kill);
  }
}

module.exports = { Browser };
