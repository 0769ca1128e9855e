// A frame: a place in the page that shows the picture of the last wish.

import { isLimited } from "./offer.js";
import { addressPicture, fetchFile } from "./source.js";
import { describe } from "./wish.js";

const ROUGH = 384; // longer side, in px, of what is shown until the picture has been drawn

/** A frame in an element. What was asked for before and is not wanted any more is given up. */
export class Frame {
  constructor(place) {
    this.place = place;
    this.asking = new AbortController();
  }

  /**
   * Shows the picture of a wish at a size in pixels of the screen, first as a rough one: the same
   * seed and shape have the same composition at every size. Returns whether it was not given up.
   */
  async show(wish, size) {
    const { signal } = this.restart();
    const shrinking = ROUGH / Math.max(size.width, size.height);
    const exact = fetchFile(addressPicture(wish, size), signal);
    let isDrawn = false;
    const isRoughWanted = () => !isDrawn && !signal.aborted;

    if (shrinking < 0.5 && !isLimited()) {
      const url = addressPicture(wish, scale(size, shrinking));
      const showRough = (blob) => this.display(blob, wish, "rough", isRoughWanted);
      fetchFile(url, signal).then(showRough).catch(() => {}); // the exact one says what is wrong
    }
    return this.finish(exact, wish, signal, () => (isDrawn = true));
  }

  /** Shows what an URL stands for. Returns whether it was not given up. */
  async showUrl(url, wish) {
    const { signal } = this.restart();
    return this.finish(fetchFile(url, signal), wish, signal);
  }

  /** Shows a file that is there already, if it is still wanted when it has been decoded. */
  async display(blob, wish, kind = "exact", isWanted = () => true) {
    const image = new Image();
    image.alt = describe(wish);
    image.className = kind;
    image.draggable = false;
    image.src = URL.createObjectURL(blob);
    await image.decode().catch(() => {});
    URL.revokeObjectURL(image.src);
    if (!isWanted()) return;

    const before = [...this.place.querySelectorAll("img")];
    this.place.append(image);
    before.forEach((one) => one.setAttribute("aria-hidden", "true"));
    setTimeout(() => before.forEach((one) => one.remove()), 400); // it fades in over them
  }

  /** Gives up what was asked for, and takes away what was shown. */
  clear() {
    this.restart();
    this.place.querySelectorAll("img").forEach((one) => one.remove());
  }

  restart() {
    this.asking.abort();
    this.asking = new AbortController();
    return this.asking;
  }

  async finish(fetching, wish, signal, note = () => {}) {
    try {
      const blob = await fetching;
      if (signal.aborted) return false;
      note();
      this.blob = blob;
      await this.display(blob, wish);
      return true;
    } catch (error) {
      if (error.name === "AbortError") return false;
      throw error;
    }
  }
}

function scale(size, factor) {
  return { width: Math.round(size.width * factor), height: Math.round(size.height * factor) };
}
