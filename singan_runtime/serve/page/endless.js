// The view of an endless picture. It is one wide picture that meets itself at its ends. Windows of
// it are drawn as they come into view; their pixels are those of the whole, so there is no seam.

import { isMotionReduced, measure } from "./screen.js";
import { addressPicture, fetchFile } from "./source.js";
import { findZoom } from "./wish.js";

const STRIP = 512; // px of the screen: the width of a window
const HEIGHTS = 12; // after so many of its heights the picture begins again
const AHEAD = 2, AT_ONCE = 2; // strips that are drawn before they are seen; and at the same time
const DRIFT = 40; // CSS px a second
const KEPT = 24; // strips: at 2500 px of height they take 120 MB

export class EndlessView {
  isStill = false;

  constructor(place) {
    this.canvas = place.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    this.isPlaying = !isMotionReduced();
    this.strips = new Map();
    this.asking = new AbortController();
    this.listen();
  }

  /** Shows the picture of a wish from its beginning. Returns when the window is full of it. */
  show(wish) {
    this.hide();
    const size = measure(this.canvas);
    Object.assign(this.canvas, size);
    this.count = Math.ceil((HEIGHTS * size.height) / STRIP);
    this.size = { width: this.count * STRIP, height: size.height };
    const { seed, model } = wish;
    const zoom = (size.height / model.height) * wish.zoom;
    this.wish = { seed, model, zoom: zoom / findZoom(model, this.size), startScale: 0 };
    this.position = 0;
    this.direction = 1;

    const full = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.moved();
    return full;
  }

  setPlaying(isPlaying) {
    this.isPlaying = isPlaying;
    this.moved();
  }

  hide() {
    this.asking.abort();
    this.asking = new AbortController();
    this.resolve?.(false);
    [...this.strips.keys()].forEach((index) => this.forget(index));
    this.size = null;
  }

  /** Moves by so many pixels of the screen. */
  move(by) {
    if (!this.size) return;
    this.position = wrap(this.position + by, this.size.width);
    if (by) this.direction = Math.sign(by);
    this.moved();
  }

  moved() {
    this.waiting ??= requestAnimationFrame((now) => {
      this.waiting = null;
      if (this.size) this.draw(now);
    });
  }

  /** Draws what is there, asks for what is not, and drifts on if all was there. */
  draw(now) {
    const { canvas, pen, strips } = this;
    const seen = this.listStrips(0);
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const { index, left } of seen) {
      const picture = strips.get(index)?.picture;
      if (picture) pen.drawImage(picture, left, 0);
    }

    const isFull = seen.every(({ index }) => strips.get(index)?.picture);
    if (isFull) this.resolve(true);
    this.ask();
    const seconds = Math.min(now - (this.last ?? now), 50) / 1000;
    this.last = this.isPlaying ? now : undefined;
    if (this.isPlaying && isFull && !this.isHeld) {
      this.move(DRIFT * devicePixelRatio * seconds * this.direction);
    }
  }

  /** Lists the strips in view and so many beyond, those in view first. */
  listStrips(ahead) {
    const first = Math.floor(this.position / STRIP);
    const last = Math.floor((this.position + this.canvas.width - 1) / STRIP);
    const columns = Array.from({ length: last - first + 1 }, (_, at) => first + at);
    for (let step = 1; step <= ahead; step++) {
      columns.push(this.direction > 0 ? last + step : first - step);
    }
    return columns.map((column) => ({
      index: wrap(column, this.count), left: Math.round(column * STRIP - this.position),
    }));
  }

  ask() {
    const missing = this.listStrips(AHEAD).filter(({ index }) => !this.strips.has(index));
    const drawing = [...this.strips.values()].filter(({ picture }) => !picture).length;
    for (const { index } of missing.slice(0, AT_ONCE - drawing)) this.load(index);
  }

  async load(index) {
    const { strips, asking: { signal } } = this;
    const strip = {};
    strips.set(index, strip);
    if (strips.size > KEPT) this.forget(strips.keys().next().value);

    const window = `${index * STRIP},0,${STRIP},${this.size.height}`;
    const url = addressPicture(this.wish, this.size, "jpeg", { tileable: "x", window });
    try {
      strip.picture = await createImageBitmap(await fetchFile(url, signal));
      if (!signal.aborted) this.moved();
    } catch (error) {
      if (signal.aborted) return;
      this.forget(index);
      this.reject(error);
    }
  }

  forget(index) {
    this.strips.get(index)?.picture?.close();
    this.strips.delete(index);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.isHeld = true;
    });
    canvas.addEventListener("pointermove", (event) => {
      if (this.isHeld) this.move(-event.movementX * devicePixelRatio);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => {
        this.isHeld = false;
        this.moved();
      });
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.move((event.deltaX || event.deltaY) * devicePixelRatio);
    }, { passive: false });
  }
}

function wrap(number, period) {
  return ((number % period) + period) % period;
}
