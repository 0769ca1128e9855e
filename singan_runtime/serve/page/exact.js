// A dialog with the exact pixels of a picture: one for each of this screen's, to be scrolled.

import { Frame } from "./frame.js";
import { downloadPicture } from "./save.js";
import { formatSize } from "./screen.js";
import { addressPicture } from "./source.js";

export class Exact {
  constructor(dialog) {
    this.dialog = dialog;
    this.pane = dialog.querySelector(".pane");
    this.frame = new Frame(dialog.querySelector(".sheet"));
    dialog.addEventListener("close", () => this.frame.clear());
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.querySelector(".download").addEventListener("click", () =>
      downloadPicture(this.wish, this.screen));
    this.pane.addEventListener("pointermove", (event) => this.drag(event));
  }

  /** Opens it for a wish on a screen; a smaller picture stands in until the exact one is drawn. */
  async open(wish, screen, rough) {
    Object.assign(this, { wish, screen });
    const { style } = this.frame.place;
    style.width = `${screen.width / devicePixelRatio}px`;
    style.height = `${screen.height / devicePixelRatio}px`;
    this.say(`${screen.name} · ${formatSize(screen)} px · drawing…`);
    this.dialog.showModal();
    this.pane.scrollTo((this.pane.scrollWidth - this.pane.clientWidth) / 2, 0);

    if (rough) await this.frame.display(rough, wish, "rough");
    try {
      const isShown = await this.frame.showUrl(addressPicture(wish, screen), wish);
      if (isShown) this.say(`${screen.name} · ${formatSize(screen)} px · exact pixels`);
    } catch (error) {
      this.say(error.message);
    }
  }

  say(words) {
    this.dialog.querySelector("h2").textContent = words;
  }

  drag(event) {
    if (event.pointerType === "mouse" && event.buttons === 1) {
      this.pane.scrollBy(-event.movementX, -event.movementY);
    }
  }
}
