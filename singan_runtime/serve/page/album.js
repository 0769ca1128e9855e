// The album: favourites and the history of what was seen, kept in this browser.

import { read, write } from "./store.js";

const MOST = { favourites: 200, history: 36 };

/** Two lists of wishes, the newest first. It fires "change" after either has changed. */
export class Album extends EventTarget {
  constructor() {
    super();
    this.lists = { favourites: load("favourites"), history: load("history") };
  }

  /** Lists the wishes of a list whose models are still there. */
  list(name, models) {
    const found = this.lists[name].map((kept) => ({
      ...kept, model: models.find((model) => model.name === kept.model),
    }));
    return found.filter((wish) => wish.model);
  }

  has(name, wish) {
    return this.lists[name].some((kept) => isSame(kept, reduce(wish)));
  }

  /** Puts a wish at the head of a list. */
  add(name, wish) {
    const kept = reduce(wish);
    const others = this.lists[name].filter((other) => !isSame(other, kept));
    this.store(name, [kept, ...others].slice(0, MOST[name]));
  }

  /** Adds a favourite, or takes it away if it is one. Returns whether it is one now. */
  toggle(wish) {
    const isKept = this.has("favourites", wish);
    if (isKept) {
      const kept = reduce(wish);
      this.store("favourites", this.lists.favourites.filter((other) => !isSame(other, kept)));
    } else {
      this.add("favourites", wish);
    }
    return !isKept;
  }

  clear(name) {
    this.store(name, []);
  }

  /** Returns the wish that was seen so many steps before another, or after it if negative. */
  step(wish, steps, models) {
    const seen = this.list("history", models);
    const at = seen.findIndex((other) => isSame(reduce(other), reduce(wish)));
    return seen[at + steps];
  }

  store(name, list) {
    this.lists[name] = list;
    write(name, list);
    this.dispatchEvent(new Event("change"));
  }
}

function load(name) {
  const list = read(name);
  return Array.isArray(list) ? list.filter((kept) => kept?.model && kept.seed) : [];
}

/** What is kept of a wish: the name of its model stands for it. */
function reduce({ model, seed, zoom, startScale }) {
  return { model: model.name, seed, zoom, startScale };
}

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
