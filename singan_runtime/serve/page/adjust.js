// The panel of what a picture depends on: its seed, how large the scene is, how much of it stays.

const CLOSENESS = ["new", "partly the photo's", "close to the photo's"];

export class AdjustPanel {
  constructor(panel, choice) {
    this.choice = choice;
    this.fields = Object.fromEntries(
      ["seed", "zoom", "start"].map((name) => [name, panel.querySelector(`#${name}`)]));
    this.notes = {
      zoom: panel.querySelector("#zoom-value"),
      start: panel.querySelector("#start-value"),
    };
    this.listen(panel);
    choice.addEventListener("change", () => this.fill());
    this.fill();
  }

  listen(panel) {
    const { choice, fields } = this;
    fields.seed.addEventListener("change", () =>
      fields.seed.value.trim() ? choice.set({ seed: fields.seed.value.trim() }) : this.fill());
    fields.zoom.addEventListener("input", () => this.say());
    fields.zoom.addEventListener("change", () => choice.set({ zoom: this.zoom }));
    fields.start.addEventListener("input", () => this.say());
    fields.start.addEventListener("change", () =>
      choice.set({ startScale: Number(fields.start.value) }));
    panel.querySelector("#reset").addEventListener("click", () =>
      choice.set({ zoom: 1, startScale: 0 }));
  }

  /** The slider's zoom, which it has as a power of two: both directions are alike. */
  get zoom() {
    return Number((2 ** Number(this.fields.zoom.value)).toFixed(3));
  }

  fill() {
    const { choice, fields } = this;
    fields.seed.value = choice.seed;
    fields.zoom.value = Math.log2(choice.zoom);
    fields.start.max = choice.model.start_scales - 1;
    fields.start.value = choice.startScale;
    this.say();
  }

  say() {
    const { fields, notes } = this;
    const share = Number(fields.start.value) / Math.max(1, Number(fields.start.max));
    notes.zoom.textContent = `${this.zoom.toFixed(2)}×`;
    notes.start.textContent = CLOSENESS[Math.ceil(share * (CLOSENESS.length - 1))];
    fields.zoom.setAttribute("aria-valuetext", `${this.zoom.toFixed(2)} times`);
    fields.start.setAttribute("aria-valuetext", notes.start.textContent);
  }
}
