// Begins: asks which models there are, and makes the page for them.

import { Notice } from "./notice.js";
import { Page } from "./page.js";
import { listModels } from "./source.js";
import { followTheme } from "./theme.js";

async function start() {
  const notice = new Notice(document.querySelector("#notice"), document.querySelector("#said"));
  followTheme(document.querySelector("#theme"));
  try {
    const models = await listModels();
    if (models.length) new Page(models, notice);
    else notice.show("The service has no models yet. Make one with singan export.", true);
  } catch (error) {
    notice.show(error.message, true);
  }
}

start();
