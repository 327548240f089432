// The checkout: counts down, returns to the shop after the payment, prints, and reports to the page that embeds the checkout.

import { refresh } from "/assets/live.js";

const RETURN_MS = 4000;
const isEmbedded = window.parent !== window;
let returning = null;
/** The origin of the page that embeds the checkout, once it has introduced itself. */
let embedder = null;

const main = () => document.querySelector("main");

/** Shows how long the code is valid. The server's clock counts, so the page gets a duration. */
let deadline = 0;
function startCountdown() {
  const timer = main().querySelector("[data-expires-in]");
  if (!timer) return;
  deadline = performance.now() + Number(timer.dataset.expiresIn);
  timer.parentElement.hidden = false;
  showCountdown();
}

function showCountdown() {
  const timer = main().querySelector("[data-expires-in]");
  if (!timer) return;
  const seconds = Math.ceil((deadline - performance.now()) / 1000);
  const pad = (number) => String(number).padStart(2, "0");
  const left = Math.max(seconds, 0);
  const hours = Math.floor(left / 3600);
  const minutes = Math.floor(left / 60) % 60;
  timer.textContent = `${hours ? `${hours}:${pad(minutes)}` : minutes}:${pad(left % 60)}`;
  if (seconds <= 0) refresh({ evenIfSame: true });
}

function setUpPrint() {
  const button = document.getElementById("print");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    clearTimeout(returning);
    window.print();
  });
}

/** Tells the embedding page the status. It is a hint: the shop's server reads the payment. */
function report() {
  if (!embedder) return;
  const { view, payment } = main().dataset;
  window.parent.postMessage({ type: "bakong.checkout", status: view, payment }, embedder);
}

window.addEventListener("message", ({ source, origin, data }) => {
  const allowed = main().dataset.embedders.split(" ");
  if (!isEmbedded || source !== window.parent || data?.type !== "bakong.hello" || !allowed.includes(origin)) return;
  embedder = origin;
  report();
});

document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && embedder) window.parent.postMessage({ type: "bakong.close" }, embedder);
});

document.addEventListener("page-changed", ({ detail: { before } }) => {
  startCountdown();
  setUpPrint();
  report();
  const { view, success } = main().dataset;
  // Only a payment that arrives while the page is open leads away, so that a receipt can be opened again.
  if (view === "paid" && before !== "paid" && success && !isEmbedded) {
    returning = setTimeout(() => location.assign(success), RETURN_MS);
  }
});

setInterval(showCountdown, 1000);
startCountdown();
setUpPrint();
