"use strict";
// The site of a shop on another origin.

const http = require("node:http");
const { once } = require("node:events");

class OtherShop {
  #server;

  static async start() {
    const shop = new OtherShop();
    shop.pages = new Map();
    shop.#server = http.createServer((request, response) => {
      const page = shop.pages.get(request.url);
      response.writeHead(page ? 200 : 404, { "content-type": "text/html; charset=utf-8" });
      response.end(`<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,"><body>${page ?? "nothing"}`);
    });
    shop.#server.listen(0, "127.0.0.1");
    await once(shop.#server, "listening");
    shop.origin = `http://127.0.0.1:${shop.#server.address().port}`;
    return shop;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

module.exports = { OtherShop };
