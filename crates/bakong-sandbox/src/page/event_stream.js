// What happens, as it happens. A connection begins with reading everything anew, and what happens meanwhile
// waits until that is shown: so nothing is missing and nothing older comes last.

const RETRY = 2000;

/**
 * Listens until the page goes. `read` asks for everything, `show` shows it, `on` has a function for each
 * event by its name but for `reset`, after which everything is read anew, and `tell` is told how it goes: `live`,
 * `lost`, or `crowded` where no more may listen.
 */
export function listen({ read, show, on, tell }) {
  let source = null;
  let waiting = null;
  let timer = null;
  let last = "";

  function say(state) {
    last = state;
    tell(state);
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = null;
    waiting = null;
  }

  function open() {
    close();
    const mine = (source = new EventSource("/sandbox/events"));
    mine.addEventListener("open", readAll);
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      if (mine.readyState !== EventSource.CLOSED) {
        say("lost");
        return;
      }
      // After an answer that is no stream the browser does not come back by itself.
      later();
      look();
    });
    for (const name of Object.keys(on)) {
      mine.addEventListener(name, ({ data }) => {
        if (mine !== source) return;
        const told = JSON.parse(data);
        if (waiting) waiting.push([name, told]);
        else on[name](told);
      });
    }
    mine.addEventListener("reset", readAll);
  }

  async function readAll() {
    const mine = (waiting = []);
    let all;
    try {
      all = await read();
    } catch {
      if (mine === waiting) later();
      return;
    }
    // Another connection, or another reading, has begun since.
    if (mine !== waiting) return;
    show(all);
    waiting = null;
    mine.forEach(([name, told]) => on[name](told));
    say("live");
  }

  /** Without a stream: how things are at the moment. */
  async function look() {
    const all = await read().catch(() => null);
    if (source) return;
    if (all) show(all);
    say(all ? "crowded" : "lost");
  }

  function later() {
    close();
    // Where too many listened, the look that follows says how it is: nobody wants to hear both in turns.
    if (last !== "crowded") say("lost");
    timer = setTimeout(open, RETRY);
  }

  // A browser has six connections to one address; a page that nobody sees does not keep one.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && open());
  if (!document.hidden) open();
}
