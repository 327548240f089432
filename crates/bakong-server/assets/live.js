// Keeps the page up to date. The server renders every state; this script fetches the page again when its version changes.

const POLL_MS = 5000;
const news = document.getElementById("news");
let source = null;
let fetching = false;

const main = () => document.querySelector("main");

/** Whether a person has typed something that a new page would delete. */
const isEdited = () => [...main().querySelectorAll("input:not([type=hidden]), textarea")].some((field) =>
  field.value !== field.defaultValue || field.checked !== field.defaultChecked);

/** Fetches the page and shows it, unless it shows the same version. */
export async function refresh({ evenIfSame = false } = {}) {
  if (fetching) return;
  fetching = true;
  try {
    const response = await fetch(location.href);
    // A session that has ended leads to another page.
    if (response.redirected) return location.reload();
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = page.querySelector("main");
    if (!next || (!evenIfSame && next.dataset.version === main().dataset.version)) return;
    if (isEdited()) {
      news.textContent = news.dataset.edited;
      return;
    }
    show(document.adoptNode(next), page.title);
  } catch {
    // The network is away. The next version or the next poll tries again.
  } finally {
    fetching = false;
  }
}

function show(next, title) {
  const before = main();
  const focused = document.activeElement?.id;
  before.replaceWith(next);
  document.title = title;
  if (focused) document.getElementById(focused)?.focus();
  if (next.dataset.news !== before.dataset.news) news.textContent = next.dataset.news ?? "";
  document.dispatchEvent(new CustomEvent("page-changed", { detail: { before: before.dataset.view } }));
}

function connect() {
  source = new EventSource(main().dataset.events);
  source.onmessage = ({ data }) => {
    if (data !== main().dataset.version) refresh();
  };
}

if (main().dataset.events) {
  connect();
  // Proxies can block streams, and browsers do not repeat a stream that was refused.
  setInterval(() => {
    if (source.readyState === EventSource.OPEN) return;
    refresh();
    if (source.readyState === EventSource.CLOSED) connect();
  }, POLL_MS);
}
