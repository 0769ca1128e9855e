// The view of real screens side by side, each of its true shape. A click shows its exact pixels.

import { Exact } from "./exact.js";
import { Frame } from "./frame.js";
import { findOffered, isListed, listScreens } from "./offer.js";
import { formatSize, measure } from "./screen.js";

export class ScreensView {
  isStill = true;

  constructor(place) {
    this.exact = new Exact(document.querySelector("#exact"));
    this.devices = listScreens().map((screen) => this.build(screen));
    place.querySelector(".devices").replaceChildren(...this.devices.map(({ button }) => button));
  }

  /** Shows a wish on every screen, as large as it stands in the page if that size is drawn. */
  async show(wish) {
    this.wish = wish;
    const shown = this.devices.map(({ frame, screen }) =>
      frame.show(wish, isListed() ? screen : findOffered(measure(frame.place))));
    return (await Promise.all(shown)).every(Boolean);
  }

  hide() {
    this.devices.forEach(({ frame }) => frame.clear());
  }

  build(screen) {
    const template = document.querySelector("#device").content.cloneNode(true);
    const button = template.querySelector("button");
    button.classList.add(screen.id);
    button.querySelector(".name").textContent = screen.name;
    button.querySelector(".size").textContent = formatSize(screen);

    const frame = new Frame(button.querySelector(".glass"));
    button.addEventListener("click", () => this.exact.open(this.wish, screen, frame.blob));
    return { button, frame, screen };
  }
}
