"use strict";
// What a person does on the page, and what they see there.

const text = JSON.stringify;

class Hands {
  /** `base` is where the page is. */
  constructor(browser, base) {
    this.browser = browser;
    this.base = base;
  }

  evaluate(expression) {
    return this.browser.evaluate(expression);
  }

  until(expression) {
    return this.browser.until(expression);
  }

  /** Opens the page, and waits until it is live. */
  async open(path = "/") {
    await this.browser.send("Page.navigate", { url: this.base + path });
    await this.until("document.readyState === 'complete'");
    await this.live();
  }

  live() {
    return this.until("document.getElementById('live').textContent === 'Live'");
  }

  set(id, value) {
    return this.evaluate(`document.getElementById(${text(id)}).value = ${text(value)}`);
  }

  /** Chooses in a list to choose from. */
  async choose(id, value) {
    await this.set(id, value);
    await this.evaluate(`document.getElementById(${text(id)}).dispatchEvent(new Event("change"))`);
  }

  press(selector) {
    return this.evaluate(`document.querySelector(${text(selector)}).click()`);
  }

  text(selector) {
    return this.evaluate(`document.querySelector(${text(selector)}).textContent`);
  }

  /** Waits until an element says something. */
  holds(id, words) {
    return this.until(`document.getElementById(${text(id)}).textContent.includes(${text(words)})`);
  }

  lacks(id, words) {
    return this.until(`!document.getElementById(${text(id)}).textContent.includes(${text(words)})`);
  }

  shown(id) {
    return this.until(`!document.getElementById(${text(id)}).hidden`);
  }

  hidden(id) {
    return this.until(`document.getElementById(${text(id)}).hidden`);
  }

  /** How many items a list has that say something. */
  count(id, words = "") {
    return this.evaluate(`[...document.getElementById(${text(id)}).children].filter((it) => !it.hidden && it.textContent.includes(${text(words)})).length`);
  }

  untilCount(id, count, words = "") {
    return this.until(`[...document.getElementById(${text(id)}).children].filter((it) => !it.hidden && it.textContent.includes(${text(words)})).length === ${count}`);
  }

  /** Reads a code on the phone. */
  async read(code) {
    await this.set("qr", code);
    await this.press("#scan button[type=submit]");
  }

  async key(key) {
    const code = { Tab: 9, Enter: 13, " ": 32 }[key];
    const event = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: code };
    const typed = { Enter: "\r", " ": " " }[key];
    await this.browser.send("Input.dispatchKeyEvent", { type: typed ? "keyDown" : "rawKeyDown", text: typed, ...event });
    await this.browser.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }
}

module.exports = { Hands };
