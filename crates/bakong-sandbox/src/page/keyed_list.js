// Lists of things with a key: each stands there once, and what has not changed stays as it is, with what
// is open in it and has the focus.

const KEPT = 200;
const FOCUSABLE = "button, summary, input, select";

export class Feed {
  #list;
  #key;
  #render;
  #shown = new Map();

  /** Items are told apart by their field `key`; `render` makes one's element. */
  constructor(list, key, render) {
    this.#list = list;
    this.#key = key;
    this.#render = render;
  }

  /** All of them, in their order. */
  replace(items) {
    const keys = new Set(items.map((item) => String(item[this.#key])));
    for (const key of [...this.#shown.keys()].filter((it) => !keys.has(it))) this.#remove(key);
    items.forEach((item, place) => {
      const made = this.#element(item);
      const there = this.#list.children[place];
      if (there !== made) this.#list.insertBefore(made, there ?? null);
    });
  }

  /** One more, which is the newest, or the new state of one that is there. */
  put(item) {
    const isNew = !this.#shown.has(String(item[this.#key]));
    const made = this.#element(item);
    if (isNew) this.#list.prepend(made);
    while (this.#list.children.length > KEPT) this.#remove(this.#list.lastElementChild.dataset.key);
  }

  #element(item) {
    const key = String(item[this.#key]);
    const text = JSON.stringify(item);
    const known = this.#shown.get(key);
    if (known?.text === text) return known.made;
    const made = this.#render(item);
    made.dataset.key = key;
    if (known) takeOver(known.made, made);
    this.#shown.set(key, { text, made });
    return made;
  }

  #remove(key) {
    const { made } = this.#shown.get(key);
    this.#shown.delete(key);
    const hadFocus = made.contains(document.activeElement);
    made.remove();
    if (hadFocus) this.#list.focus();
  }
}

/** Puts an element in another's place, as open as that was and with the focus where it was. */
function takeOver(old, made) {
  const all = (of) => [...of.querySelectorAll(FOCUSABLE)];
  const focused = all(old).indexOf(document.activeElement);
  const details = [...made.querySelectorAll("details")];
  old.querySelectorAll("details").forEach((it, place) => {
    if (details[place]) details[place].open = it.open;
  });
  old.replaceWith(made);
  all(made)[focused]?.focus();
}
