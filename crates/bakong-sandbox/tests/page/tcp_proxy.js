"use strict";
// A TCP proxy between the page and the sandbox. Tests use it to break the connection and to switch sandboxes.

const net = require("node:net");

const BAD_GATEWAY = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 3\r\nConnection: close\r\n\r\n502";

class TcpProxy {
  #server;
  #sockets = new Set();
  #mode = "forward";
  #port;

  static async start(target) {
    const proxy = new TcpProxy();
    proxy.setTarget(target);
    proxy.#server = net.createServer((socket) => proxy.#accept(socket));
    await new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.base = `http://127.0.0.1:${proxy.#server.address().port}`;
    return proxy;
  }

  /** Forwards new connections to another sandbox. */
  setTarget(base) {
    this.#port = new URL(base).port;
  }

  /** Closes all connections. `mode` is `forward`, `close`, or `bad_gateway` for a 502 response. */
  setMode(mode) {
    this.#mode = mode;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  #accept(socket) {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    if (this.#mode === "close") {
      socket.destroy();
    } else if (this.#mode === "bad_gateway") {
      socket.end(BAD_GATEWAY);
    } else {
      const upstream = net.connect(this.#port, "127.0.0.1");
      upstream.on("error", () => socket.destroy());
      upstream.on("close", () => socket.destroy());
      socket.on("close", () => upstream.destroy());
      socket.pipe(upstream);
      upstream.pipe(socket);
    }
  }
}

module.exports = { TcpProxy };
