// The sandbox's server-sent events. Each connection starts by reading all resources. Events that arrive during
// that read wait until its result is shown, so that none is lost and no older state is shown last.

const RETRY_MS = 2000;

/**
 * Listens until the page is left. `readAll` fetches all resources and `showAll` shows them. `handlers` has a function
 * for each event name except `reset`, which reads all resources again. `showConnection` receives `live`,
 * `lost`, or `crowded` when the sandbox accepts no more listeners.
 */
export function listen({ readAll, showAll, handlers, showConnection }) {
  let source = null;
  let pending = null;
  let timer = null;
  let lastState = "";

  function setState(state) {
    lastState = state;
    showConnection(state);
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
    pending = null;
  }

  function open() {
    close();
    const opened = (source = new EventSource("/sandbox/events"));
    opened.addEventListener("open", synchronize);
    opened.addEventListener("error", () => {
      if (opened !== source) return;
      if (opened.readyState !== EventSource.CLOSED) {
        setState("lost");
        return;
      }
      // The browser does not reconnect after a response that is not an event stream.
      retryLater();
      poll();
    });
    for (const name of Object.keys(handlers)) {
      opened.addEventListener(name, ({ data }) => {
        if (opened !== source) return;
        const event = JSON.parse(data);
        if (pending) pending.push([name, event]);
        else handlers[name](event);
      });
    }
    opened.addEventListener("reset", synchronize);
  }

  async function synchronize() {
    const events = (pending = []);
    let resources;
    try {
      resources = await readAll();
    } catch {
      if (events === pending) retryLater();
      return;
    }
    // A newer connection or a newer read has replaced this one.
    if (events !== pending) return;
    showAll(resources);
    pending = null;
    events.forEach(([name, event]) => handlers[name](event));
    setState("live");
  }

  /** Shows the current state without an event stream. */
  async function poll() {
    const resources = await readAll().catch(() => null);
    if (source) return;
    if (resources) showAll(resources);
    setState(resources ? "crowded" : "lost");
  }

  function retryLater() {
    close();
    // After `crowded`, the poll that follows sets the state. Setting `lost` here would alternate the two messages.
    if (lastState !== "crowded") setState("lost");
    timer = setTimeout(open, RETRY_MS);
  }

  // A hidden page closes its stream, because a browser opens at most six connections to one address.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  if (!document.hidden) open();
}
