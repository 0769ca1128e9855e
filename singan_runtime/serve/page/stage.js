// The stage: shows one of the views, says when it is at work, and why something cannot be drawn.

import { describe } from "./wish.js";

const PATIENCE = 250; // ms: what is there sooner needs no sign that it is being drawn

export class Stage {
  constructor(views, notice) {
    Object.assign(this, { views, notice });
    this.current = null;
    this.turn = 0;
  }

  /** Shows a wish in the view of a name. */
  async show(name, wish) {
    const turn = ++this.turn;
    this.enter(name);
    this.notice.clear();
    const signal = setTimeout(() => this.setBusy(true), PATIENCE);

    try {
      const isShown = await this.view.show(wish);
      if (isShown && turn === this.turn) this.notice.announce(describe(wish));
    } catch (error) {
      if (turn === this.turn) this.notice.show(error.message, true);
    } finally {
      clearTimeout(signal);
      if (turn === this.turn) this.setBusy(false);
    }
  }

  get view() {
    return this.views[this.current];
  }

  setBusy(isBusy) {
    document.body.classList.toggle("busy", isBusy);
    document.querySelector("#stage").setAttribute("aria-busy", isBusy);
  }

  enter(name) {
    if (name === this.current) return;
    if (this.current) this.view.hide();
    this.current = name;
    for (const other of Object.keys(this.views)) {
      document.querySelector(`#view-${other}`).hidden = other !== name;
    }
    document.body.dataset.view = name;
  }
}
