"use strict";
// A gate before the sandbox, which the page comes through, so that the connection can be lost.

const net = require("node:net");

class Gate {
  #server;
  #sockets = new Set();
  #port;
  /** `through`, `refused`, or `broken`: answered as by a proxy whose server is away. */
  state = "through";

  static async before(base) {
    const gate = new Gate();
    gate.lead(base);
    gate.#server = net.createServer((socket) => gate.#take(socket));
    await new Promise((resolve) => gate.#server.listen(0, "127.0.0.1", resolve));
    gate.base = `http://127.0.0.1:${gate.#server.address().port}`;
    return gate;
  }

  /** Leads to another sandbox from now on. */
  lead(base) {
    this.#port = new URL(base).port;
  }

  set(state) {
    this.state = state;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  #take(socket) {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    if (this.state === "refused") {
      socket.destroy();
    } else if (this.state === "broken") {
      socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 3\r\nConnection: close\r\n\r\n502");
    } else {
      const other = net.connect(this.#port, "127.0.0.1");
      other.on("error", () => socket.destroy());
      other.on("close", () => socket.destroy());
      socket.on("close", () => other.destroy());
      socket.pipe(other);
      other.pipe(socket);
    }
  }
}

module.exports = { Gate };
