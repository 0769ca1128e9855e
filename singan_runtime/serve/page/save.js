// What can be taken away: URLs, markup for other pages, and files.

import { copy } from "./clipboard.js";
import { addressMotion, findSize } from "./motion.js";
import { findOffered, listScreens } from "./offer.js";
import { measure } from "./screen.js";
import { addressPicture, fetchFile, fetchMarkup } from "./source.js";
import { nameFile } from "./wish.js";
import { makeZip } from "./zip.js";

/** The panel from which pictures are taken away. */
export class SavePanel {
  constructor(panel, choice, notice) {
    Object.assign(this, { choice, notice });
    this.stage = document.querySelector("#stage");
    this.format = panel.querySelector("#format");
    const actions = {
      "#copy-url": () => this.copyUrl(),
      "#copy-markup": () => this.copyMarkup(),
      "#download": () => this.download(),
      "#download-all": (button) => this.downloadAll(button),
    };
    for (const [name, act] of Object.entries(actions)) {
      const button = panel.querySelector(name);
      button.addEventListener("click", () => {
        Promise.resolve(act(button)).catch((error) => notice.show(error.message));
      });
    }
  }

  async copyUrl() {
    if (await copy(this.find().url)) {
      this.notice.show("URL copied. It stands for this picture for ever.");
    }
  }

  async copyMarkup() {
    const { choice, stage } = this;
    if (await copy(await fetchMarkup(choice.wish, findOffered(measure(stage))))) {
      this.notice.show("Markup copied. Paste it into a page.");
    }
  }

  async download() {
    const { url, name } = this.find();
    saveFile(await fetchFile(url), name);
    this.notice.show(`Saved ${name}`);
  }

  /** Downloads the picture for this window and for all screens as one archive. */
  async downloadAll(button) {
    const { wish } = this.choice;
    const sizes = [findOffered(measure(this.stage)), ...listScreens()], files = [];
    button.disabled = true;
    try {
      for (const size of sizes) {
        this.notice.show(`Drawing ${files.length + 1} of ${sizes.length}…`, true);
        const blob = await fetchFile(addressPicture(wish, size, this.format.value));
        const bytes = new Uint8Array(await blob.arrayBuffer());
        files.push({ name: nameFile(wish, size, this.format.value), bytes });
      }
    } finally {
      button.disabled = false;
    }
    const name = nameFile(wish, sizes[0], "zip");
    saveFile(makeZip(files), name);
    this.notice.show(`Saved ${files.length} pictures as ${name}`);
  }

  /** Finds the URL and the file name of what is seen: a picture, or a clip if it moves. */
  find() {
    const { choice: { wish, view }, stage, format } = this;
    if (view === "motion") {
      return { url: addressMotion(wish, stage), name: nameFile(wish, findSize(stage), "webp") };
    }
    const size = findOffered(measure(stage));
    const url = addressPicture(wish, size, format.value);
    return { url, name: nameFile(wish, size, format.value) };
  }
}

/** Downloads the picture of a wish at a size. */
export async function downloadPicture(wish, size) {
  saveFile(await fetchFile(addressPicture(wish, size)), nameFile(wish, size, "webp"));
}

/** Lets the browser save a file. */
function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
