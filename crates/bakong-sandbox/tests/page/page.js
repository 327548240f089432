"use strict";
// What a user does on the page, and what the page shows.

const json = JSON.stringify;
const byId = (id) => `document.getElementById(${json(id)})`;
const visibleItems = (id, text) => `[...${byId(id)}.children].filter((item) => !item.hidden && item.textContent.includes(${json(text)})).length`;

class Page {
  /** `base` is the address of the page. */
  constructor(browser, base) {
    this.browser = browser;
    this.base = base;
  }

  evaluate(expression) {
    return this.browser.evaluate(expression);
  }

  waitFor(expression) {
    return this.browser.waitFor(expression);
  }

  /** Opens the page and waits until it is connected. */
  async open(path = "/") {
    await this.browser.navigate(this.base + path);
    await this.waitLive();
  }

  waitLive() {
    return this.waitFor("document.getElementById('connection').textContent === 'Live'");
  }

  setValue(id, value) {
    return this.evaluate(`${byId(id)}.value = ${json(value)}`);
  }

  async select(id, value) {
    await this.setValue(id, value);
    await this.evaluate(`${byId(id)}.dispatchEvent(new Event("change"))`);
  }

  click(selector) {
    return this.evaluate(`document.querySelector(${json(selector)}).click()`);
  }

  text(selector) {
    return this.evaluate(`document.querySelector(${json(selector)}).textContent`);
  }

  waitForText(id, text) {
    return this.waitFor(`${byId(id)}.textContent.includes(${json(text)})`);
  }

  waitForNoText(id, text) {
    return this.waitFor(`!${byId(id)}.textContent.includes(${json(text)})`);
  }

  waitVisible(id) {
    return this.waitFor(`!${byId(id)}.hidden`);
  }

  waitHidden(id) {
    return this.waitFor(`${byId(id)}.hidden`);
  }

  /** Counts the visible items of a list that contain a text. */
  countItems(id, text = "") {
    return this.evaluate(visibleItems(id, text));
  }

  waitForItems(id, count, text = "") {
    return this.waitFor(`${visibleItems(id, text)} === ${count}`);
  }

  /** Reads a code on the customer's phone. */
  async readCode(code) {
    await this.setValue("qr", code);
    await this.click("#scan button[type=submit]");
  }

  async pressKey(key) {
    const code = { Tab: 9, Enter: 13, " ": 32 }[key];
    const event = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: code };
    const text = { Enter: "\r", " ": " " }[key];
    await this.browser.send("Input.dispatchKeyEvent", { type: text ? "keyDown" : "rawKeyDown", text, ...event });
    await this.browser.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }
}

module.exports = { Page };
