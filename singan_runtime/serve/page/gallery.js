// The panel of favourites and of the history, as small pictures.

import { Frame } from "./frame.js";
import { describe } from "./wish.js";

const WIDTH = 132, HEIGHT = 88; // CSS px of a small picture

export class GalleryPanel {
  constructor(panel, choice, album) {
    Object.assign(this, { panel, choice, album, frames: [] });
    panel.addEventListener("open", () => this.fill());
    album.addEventListener("change", () => this.fill());
    panel.querySelector("#clear-history").addEventListener("click", () => album.clear("history"));
  }

  /** Fills both lists, if they are seen. */
  fill() {
    this.frames.forEach((frame) => frame.clear());
    this.frames = [];
    if (this.panel.hidden) return;

    for (const name of ["favourites", "history"]) {
      const wishes = this.album.list(name, this.choice.models);
      const list = this.panel.querySelector(`#${name}`);
      list.replaceChildren(...wishes.map((wish) => this.build(wish)));
      list.nextElementSibling.hidden = wishes.length > 0;
    }
    this.panel.querySelector("#clear-history").hidden = !this.album.lists.history.length;
  }

  build(wish) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.className = "thumb";
    button.setAttribute("aria-label", `Show ${describe(wish).toLowerCase()}`);
    button.addEventListener("click", () => this.choice.set(wish));
    item.append(button);

    const factor = Math.min(2, devicePixelRatio);
    const frame = new Frame(button);
    const size = { width: Math.round(WIDTH * factor), height: Math.round(HEIGHT * factor) };
    frame.show(wish, size).catch(() => button.classList.add("broken"));
    this.frames.push(frame);
    return item;
  }
}
