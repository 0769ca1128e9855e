// The panel of favourites and of the history, as small pictures.

import { Frame } from "./frame.js";
import { findOffered } from "./offer.js";

const WIDTH = 132, HEIGHT = 88; // CSS px of a small picture

export class GalleryPanel {
  constructor(panel, choice, album) {
    Object.assign(this, { panel, choice, album, items: new Map() });
    panel.addEventListener("open", () => this.fill());
    album.addEventListener("change", () => this.fill());
    panel.querySelector("#clear-history").addEventListener("click", () => album.clear("history"));
  }

  /** Fills both lists, if they are seen. */
  fill() {
    if (this.panel.hidden) return;
    for (const name of ["favourites", "history"]) {
      const wishes = this.album.list(name, this.choice.models);
      const list = this.panel.querySelector(`#${name}`);
      list.replaceChildren(...wishes.map((wish) => this.find(name, wish)));
      list.nextElementSibling.hidden = wishes.length > 0;
    }
    this.panel.querySelector("#clear-history").hidden = !this.album.lists.history.length;
  }

  /** Finds the small picture of a wish in a list; it is drawn once. */
  find(name, wish) {
    const key = JSON.stringify([name, wish]);
    if (!this.items.has(key)) this.items.set(key, this.build(wish));
    return this.items.get(key);
  }

  build(wish) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.setAttribute("aria-label", `Show seed ${wish.seed} of ${wish.model.name}`);
    button.addEventListener("click", () => this.choice.set(wish));
    item.append(button);

    const factor = Math.min(2, devicePixelRatio);
    const frame = new Frame(button);
    const place = { width: Math.round(WIDTH * factor), height: Math.round(HEIGHT * factor) };
    const size = findOffered(place);
    frame.show(wish, size).catch(() => item.remove()); // no place for what cannot be drawn any more
    return item;
  }
}
