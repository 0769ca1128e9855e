// The panel where a photo is dropped, from which the service trains a model of its own.

import { beginTraining, cancelTraining, findTraining, readTraining } from "./source.js";

const EVERY = 1000; // ms between two questions how far it is
const UNDER_WAY = ["training", "exporting"];

export class TrainingPanel {
  /** whenDone is called with the name of a new model. */
  constructor(panel, notice, whenDone) {
    Object.assign(this, { panel, notice, whenDone });
    const ids = ["photo", "name", "begin", "drop", "job", "job-name", "job-detail", "job-left",
      "job-share", "cancel"];
    this.parts = Object.fromEntries(ids.map((id) => [id, panel.querySelector(`#training-${id}`)]));
    this.listen();
    this.resume();
  }

  listen() {
    const { parts } = this;
    parts.photo.addEventListener("change", () => this.choose(parts.photo.files[0]));
    parts.begin.addEventListener("submit", (event) => {
      event.preventDefault();
      this.begin();
    });
    parts.cancel.addEventListener("click", () => this.cancel());

    addEventListener("dragover", (event) => event.preventDefault()); // else a drop leaves the page
    addEventListener("drop", (event) => {
      event.preventDefault();
      const [file] = event.dataTransfer.files;
      if (!file) return;
      if (this.panel.hidden) document.querySelector(`[aria-controls=${this.panel.id}]`).click();
      this.choose(file);
    });
  }

  /** Goes on to watch a training that began before the page was opened. */
  async resume() {
    const job = await findTraining().catch(() => null);
    if (job && UNDER_WAY.includes(job.state)) this.watch(job);
  }

  choose(file) {
    if (!file) return;
    this.photo = file;
    this.parts.drop.querySelector("span").textContent = file.name;
    this.parts.name.value = suggestName(file.name);
    this.parts.begin.querySelector("button").disabled = false;
    if (this.preview) URL.revokeObjectURL(this.preview.src);
    this.preview = new Image();
    this.preview.alt = "";
    this.preview.src = URL.createObjectURL(file);
    this.preview.onerror = () => this.preview.remove(); // a photo that this browser cannot show
    this.parts.drop.querySelector("img")?.remove();
    this.parts.drop.prepend(this.preview);
  }

  async begin() {
    try {
      this.watch(await beginTraining(this.photo, this.parts.name.value.trim()));
    } catch (error) {
      this.notice.show(error.message, true);
    }
  }

  async cancel() {
    await cancelTraining(this.job.id).catch((error) => this.notice.show(error.message));
  }

  /** Shows how far a training is until it ends. */
  async watch(job) {
    this.fill(job);
    while (UNDER_WAY.includes(job.state)) {
      await new Promise((resolve) => setTimeout(resolve, EVERY));
      try {
        job = await readTraining(job.id);
      } catch (error) {
        if (error.status) job = { ...job, state: "failed", detail: error.message };
      }
      this.fill(job);
    }
    await this.finish(job);
  }

  fill(job) {
    const { parts } = this;
    this.job = job;
    parts.job.hidden = false;
    parts.begin.hidden = UNDER_WAY.includes(job.state);
    parts.cancel.hidden = !UNDER_WAY.includes(job.state);
    parts["job-name"].textContent = job.name;
    parts["job-detail"].textContent = job.detail;
    parts["job-left"].textContent = UNDER_WAY.includes(job.state) ? sayLeft(job.seconds_left) : "";
    parts["job-share"].value = job.share;
  }

  async finish(job) {
    const said = {
      done: `${job.name} is trained.`,
      failed: `The training failed: ${job.detail}`,
      cancelled: "The training was cancelled.",
    };
    this.parts.job.hidden = job.state !== "failed";
    if (job.state === "done") await this.whenDone(job.model.split("/").pop());
    this.notice.show(said[job.state], job.state === "failed");
  }
}

/** Suggests the name of a model for a photo: a-z, 0-9, _ and -. */
function suggestName(file) {
  const name = file.replace(/\.[^.]*$/, "").toLowerCase().replace(/[^a-z0-9_-]+/g, "-");
  return name.replace(/^-+|-+$/g, "").slice(0, 40);
}

function sayLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 10) return "a few seconds left";
  if (seconds < 90) return `about ${Math.round(seconds)} seconds left`;
  return `about ${Math.round(seconds / 60)} minutes left`;
}
