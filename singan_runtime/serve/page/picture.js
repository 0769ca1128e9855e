// The view of one picture, which fills the window with one of its pixels for each of the screen's,
// if such a size is drawn here.

import { Frame } from "./frame.js";
import { findOffered } from "./offer.js";
import { measure } from "./screen.js";

export class PictureView {
  isStill = true;

  constructor(place) {
    this.place = place;
    this.frame = new Frame(place);
  }

  show(wish) {
    return this.frame.show(wish, findOffered(measure(this.place)));
  }

  hide() {
    this.frame.clear();
  }
}
