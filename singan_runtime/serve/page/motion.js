// The view of a picture that moves, in a loop.

import { Frame } from "./frame.js";
import { findOffered } from "./offer.js";
import { isMotionReduced, measure } from "./screen.js";
import { addressClip, addressPicture } from "./source.js";

const LONGEST = 640; // px of a frame's longer side: 32 frames of it are drawn in some seconds
const FRAMES = 32, FPS = 12;

export class MotionView {
  isStill = false;

  constructor(place) {
    this.place = place;
    this.frame = new Frame(place);
    this.isPlaying = !isMotionReduced();
  }

  /** Shows the clip of a wish, and until it is drawn its still picture. */
  async show(wish) {
    this.wish = wish;
    const still = addressPicture(wish, findSize(this.place));
    if (!(await this.frame.showUrl(still, wish))) return false;
    return !this.isPlaying || this.frame.showUrl(addressMotion(wish, this.place), wish);
  }

  setPlaying(isPlaying) {
    this.isPlaying = isPlaying;
    return this.show(this.wish);
  }

  hide() {
    this.frame.clear();
  }
}

/** Returns the URL of the clip that has the shape of an element. */
export function addressMotion(wish, place) {
  return addressClip(wish, findSize(place), { frames: FRAMES, fps: FPS });
}

/** Finds the size of a clip, of even sides, that has the shape of an element. */
export function findSize(place) {
  const size = measure(place);
  const factor = Math.min(1, LONGEST / Math.max(size.width, size.height));
  const reduce = (side) => 2 * Math.round((side * factor) / 2);
  return findOffered({ width: reduce(size.width), height: reduce(size.height) });
}
