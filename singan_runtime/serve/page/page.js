// The page: its parts, and how they hear of one another.

import { AdjustPanel } from "./adjust.js";
import { Album } from "./album.js";
import { Choice, listViews } from "./choice.js";
import { EndlessView } from "./endless.js";
import { GalleryPanel } from "./gallery.js";
import { listenToKeys } from "./keys.js";
import { MotionView } from "./motion.js";
import { findOffered } from "./offer.js";
import { Panels } from "./panels.js";
import { PictureView } from "./picture.js";
import { SavePanel } from "./save.js";
import { formatSize, measure } from "./screen.js";
import { ScreensView } from "./screens.js";
import { listModels } from "./source.js";
import { Stage } from "./stage.js";
import { TrainingPanel } from "./training.js";
import { chooseSeed } from "./wish.js";

const RESIZED = 300; // ms without a change, after which a new size counts
const STEP = 120; // CSS px that an arrow key moves the endless picture

const find = (selector) => document.querySelector(selector);

export class Page {
  constructor(models, notice) {
    this.notice = notice;
    this.choice = new Choice(models);
    this.album = new Album();
    this.panels = new Panels();
    const views = {
      picture: PictureView, screens: ScreensView, motion: MotionView, endless: EndlessView,
    };
    const entries = listViews().map((name) => [name, new views[name](find(`#view-${name}`))]);
    this.stage = new Stage(Object.fromEntries(entries), notice);

    new AdjustPanel(find("#adjust"), this.choice);
    new GalleryPanel(find("#gallery"), this.choice, this.album);
    new SavePanel(find("#save"), this.choice, notice);
    if (document.documentElement.dataset.training === "on") this.offerTraining();
    this.listen();
    this.listModels();
    this.show();
  }

  /** Shows what is chosen, and says so in all controls. */
  show() {
    const { choice, album, stage } = this;
    find("#model").value = choice.model.name;
    find(`input[name=view][value=${choice.view}]`).checked = true;
    this.size = formatSize(measure(find("#stage")));
    stage.show(choice.view, choice.wish);
    if (!album.has("history", choice.wish)) album.add("history", choice.wish);
    this.fill();
  }

  /** Fills in what depends on the choice, the album and the window. */
  fill() {
    const { choice, album, stage } = this;
    const isFavourite = album.has("favourites", choice.wish);
    find("#favourite").setAttribute("aria-pressed", isFavourite);
    find("#older").disabled = !album.step(choice.wish, 1, choice.models);
    find("#newer").disabled = !album.step(choice.wish, -1, choice.models);
    find("#play").hidden = stage.view.isStill;
    find("#play").setAttribute("aria-pressed", Boolean(stage.view.isPlaying));
    find("#size").textContent = formatSize(findOffered(measure(find("#stage"))));
    find("#seen-seed").textContent = `seed ${choice.seed}`;
    document.title = `${choice.model.name}, seed ${choice.seed} - singan`;
  }

  listModels() {
    const { models, model } = this.choice;
    find("#model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
    find("#model").value = model.name;
  }

  listen() {
    const { choice, album } = this;
    choice.addEventListener("change", () => this.show());
    album.addEventListener("change", () => this.fill());
    find("#model").addEventListener("change", (event) =>
      choice.set({ model: choice.find(event.target.value) }));
    for (const input of document.querySelectorAll("input[name=view]")) {
      input.addEventListener("change", () => choice.set({ view: input.value }));
      input.closest("label").hidden = !listViews().includes(input.value);
    }
    find("#views").addEventListener("click", ({ detail, target }) => {
      const blur = () => target.closest("label")?.control.blur();
      if (detail) setTimeout(blur); // after a click, unlike a key, arrows are for the view
    });

    const clicks = {
      new: () => this.renew(), older: () => this.step(1), newer: () => this.step(-1),
      favourite: () => this.like(), play: () => this.play(), help: () => find("#keys").showModal(),
    };
    for (const [id, act] of Object.entries(clicks)) find(`#${id}`).addEventListener("click", act);
    for (const dialog of [find("#keys"), find("#text")]) {
      dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    }
    find("#view-picture").addEventListener("click", () => this.panels.close() || this.bare());
    find("#view-motion").addEventListener("click", () => this.panels.close() || this.bare());
    this.listenToWindow();
    this.listenToKeys();
  }

  listenToWindow() {
    new ResizeObserver(() => {
      clearTimeout(this.resizing);
      this.resizing = setTimeout(() => this.resize(), RESIZED);
    }).observe(find("#stage"));
  }

  resize() {
    if (formatSize(measure(find("#stage"))) !== this.size) this.show();
  }

  listenToKeys() {
    const views = listViews().map((view, at) => [String(at + 1), () => this.choice.set({ view })]);
    const ids = { a: "open-adjust", g: "open-gallery", s: "open-save", t: "open-training",
      d: "theme", "?": "help", p: "play", f: "favourite" };
    const press = (button) => button.hidden || button.click();
    const clicks = Object.entries(ids).map(([key, id]) => [key, () => press(find(`#${id}`))]);
    const actions = {
      ...Object.fromEntries([...views, ...clicks]),
      n: () => this.renew(), " ": () => this.renew(), h: () => this.bare(),
      ArrowLeft: () => this.move(-1), ArrowRight: () => this.move(1),
      Escape: () => this.panels.close() || this.bare(false),
      Tab: () => this.bare(false) || false, // controls that have the focus are seen
    };
    listenToKeys(actions, find("#use-keys"));
  }

  /** Shows a picture of another seed. */
  renew() {
    this.choice.set({ seed: chooseSeed() });
  }

  /** Goes so many steps back in the history. */
  step(steps) {
    const wish = this.album.step(this.choice.wish, steps, this.choice.models);
    if (wish) this.choice.set(wish);
  }

  /** Moves the endless picture, or goes through the history, to the left or to the right. */
  move(direction) {
    const { view } = this.stage;
    if (view.move) view.move(direction * STEP * devicePixelRatio);
    else this.step(-direction);
  }

  like() {
    const isFavourite = this.album.toggle(this.choice.wish);
    this.notice.show(isFavourite ? "Kept as a favourite" : "No favourite any more");
  }

  play() {
    const { view } = this.stage;
    if (view.isStill) return;
    view.setPlaying(!view.isPlaying);
    this.fill();
  }

  /** Hides the controls, or shows them again. */
  bare(isBare = !document.body.classList.contains("bare")) {
    document.body.classList.toggle("bare", isBare);
  }

  offerTraining() {
    find("#open-training").hidden = false;
    new TrainingPanel(find("#training"), this.notice, async (name) => {
      this.choice.models = await listModels();
      this.listModels();
      this.choice.set({ model: this.choice.find(name) ?? this.choice.model });
    });
  }
}
