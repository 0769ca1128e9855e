// What is chosen: a model, a seed, sliders and a view. It stands in the address of the page, so
// that a reload or a link shows the same.

import { isLimited, listScreens } from "./offer.js";
import { chooseSeed } from "./wish.js";

const VIEWS = ["picture", "screens", "motion", "endless"];

/** Lists the views that can be shown with the sizes that are drawn here. */
export function listViews() {
  const isPossible = { screens: listScreens().length > 0, endless: !isLimited() };
  return VIEWS.filter((view) => isPossible[view] ?? true);
}

/** The choice. It fires "change" after anything has changed. */
export class Choice extends EventTarget {
  constructor(models) {
    super();
    this.models = models;
    this.read();
    addEventListener("hashchange", () => {
      this.read();
      this.dispatchEvent(new Event("change"));
    });
  }

  /** Reads what the page's address says; the rest is as at first. */
  read() {
    const words = new URLSearchParams(location.hash.slice(1));
    this.model = this.find(words.get("model")) ?? this.models[0];
    this.seed = words.get("seed") || chooseSeed();
    this.zoom = hold(Number(words.get("zoom")) || 1, 0.5, 2);
    this.startScale = hold(Number(words.get("start")) | 0, 0, this.model.start_scales - 1);
    this.view = listViews().includes(words.get("view")) ? words.get("view") : VIEWS[0];
    this.write();
  }

  /** Changes some of it. */
  set(changes) {
    Object.assign(this, changes);
    this.startScale = hold(this.startScale, 0, this.model.start_scales - 1);
    this.write();
    this.dispatchEvent(new Event("change"));
  }

  /** Finds a model by its name. */
  find(name) {
    return this.models.find((model) => model.name === name);
  }

  /** What a picture is to show, without its size. */
  get wish() {
    const { model, seed, zoom, startScale } = this;
    return { model, seed, zoom, startScale };
  }

  write() {
    const words = new URLSearchParams({ model: this.model.name, seed: this.seed });
    if (this.zoom !== 1) words.set("zoom", this.zoom);
    if (this.startScale) words.set("start", this.startScale);
    if (this.view !== VIEWS[0]) words.set("view", this.view);
    history.replaceState(null, "", `#${words}`);
  }
}

function hold(number, least, most) {
  return Math.min(Math.max(number, least), most);
}
