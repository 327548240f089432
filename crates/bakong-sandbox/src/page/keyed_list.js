// A list whose items have a key. Updates only the items that changed, and keeps focus and open details.

const MAX_ITEMS = 200;
const FOCUSABLE = "button, summary, input, select";

export class KeyedList {
  #list;
  #key;
  #render;
  #shown = new Map();

  /** `key` is the name of the field that identifies an item. `render` creates the element of an item. */
  constructor(list, key, render) {
    this.#list = list;
    this.#key = key;
    this.#render = render;
  }

  /** Shows exactly these items, in this order. */
  replace(items) {
    const keys = new Set(items.map((item) => String(item[this.#key])));
    for (const key of [...this.#shown.keys()].filter((shown) => !keys.has(shown))) this.#remove(key);
    items.forEach((item, index) => {
      const row = this.#row(item);
      const current = this.#list.children[index];
      if (current !== row) this.#list.insertBefore(row, current ?? null);
    });
  }

  /** Adds an item at the top, or updates the item with the same key. */
  put(item) {
    const isNew = !this.#shown.has(String(item[this.#key]));
    const row = this.#row(item);
    if (isNew) this.#list.prepend(row);
    while (this.#list.children.length > MAX_ITEMS) this.#remove(this.#list.lastElementChild.dataset.key);
  }

  #row(item) {
    const key = String(item[this.#key]);
    const json = JSON.stringify(item);
    const known = this.#shown.get(key);
    if (known?.json === json) return known.row;
    const row = this.#render(item);
    row.dataset.key = key;
    if (known) replaceRow(known.row, row);
    this.#shown.set(key, { json, row });
    return row;
  }

  #remove(key) {
    const { row } = this.#shown.get(key);
    this.#shown.delete(key);
    const hadFocus = row.contains(document.activeElement);
    row.remove();
    if (hadFocus) this.#list.focus();
  }
}

/** Replaces a row, and moves the focus and the open details to the new row. */
function replaceRow(old, row) {
  const focusable = (root) => [...root.querySelectorAll(FOCUSABLE)];
  const focused = focusable(old).indexOf(document.activeElement);
  const details = [...row.querySelectorAll("details")];
  old.querySelectorAll("details").forEach((it, index) => {
    if (details[index]) details[index].open = it.open;
  });
  old.replaceWith(row);
  focusable(row)[focused]?.focus();
}
