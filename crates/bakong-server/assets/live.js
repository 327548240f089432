// Keeps a part of the page up to date: the element with `data-version`. The server renders every state; this script fetches the page
// again when its version changes.

const POLL_MS = 5000;
const news = document.getElementById("news");
let source = null;
let fetching = false;
// The options of the next fetch.
let wanted = null;

const part = (page = document) => page.querySelector("[data-version]");

/** Whether a person has typed something that a new page would delete. */
const isEdited = () => [...part().querySelectorAll("input:not([type=hidden]), textarea")].some((field) =>
  field.value !== field.defaultValue || field.checked !== field.defaultChecked);

/** Fetches the page and shows it, unless it shows the same version. */
export async function refresh({ evenIfSame = false } = {}) {
  wanted = { evenIfSame: evenIfSame || wanted?.evenIfSame };
  if (fetching) return;
  fetching = true;
  // The answer to a fetch may be older than a version that was announced meanwhile.
  while (wanted) {
    const options = wanted;
    wanted = null;
    await fetchPage(options);
  }
  fetching = false;
}

async function fetchPage({ evenIfSame }) {
  try {
    const response = await fetch(location.href);
    // A session that has ended leads to another page.
    if (response.redirected) return location.reload();
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fetched = part(page);
    if (!fetched || (!evenIfSame && fetched.dataset.version === part().dataset.version)) return;
    if (isEdited()) {
      news.textContent = news.dataset.edited;
      return;
    }
    show(document.adoptNode(fetched), page.title);
  } catch {
    // The network is away. The next version or the next poll tries again.
  }
}

function show(fetched, title) {
  const before = part();
  const focused = document.activeElement?.id;
  before.replaceWith(fetched);
  document.title = title;
  if (focused) document.getElementById(focused)?.focus();
  if (fetched.dataset.news !== before.dataset.news) news.textContent = fetched.dataset.news ?? "";
  document.dispatchEvent(new CustomEvent("page-changed", { detail: { before: before.dataset.view } }));
}

function connect() {
  source = new EventSource(part().dataset.events);
  source.onmessage = ({ data }) => {
    if (data !== part().dataset.version) refresh();
  };
}

if (part()?.dataset.events) {
  connect();
  // A browser has few connections to a server, and keeps pages that a person has left.
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) connect();
  });
  // Proxies can block streams, and browsers do not repeat a stream that was refused.
  setInterval(() => {
    if (source.readyState === EventSource.OPEN) return;
    refresh();
    if (source.readyState === EventSource.CLOSED) connect();
  }, POLL_MS);
}
