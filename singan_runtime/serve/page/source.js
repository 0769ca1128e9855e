// Where pictures come from: the URLs of this service. Views know this module alone, so that
// another one with the same functions, such as an engine inside the browser, can stand here.

import { setOffer } from "./offer.js";
import { listWords } from "./wish.js";

const ROOT = new URL("v1/", document.baseURI);
const MOST_TRIES = 6; // of a picture for which the service has no room at the moment

/** Why something could not be had, in one sentence for people. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Lists the models: name, id, width, height, detail, start_scales. Learns what sizes are drawn. */
export async function listModels() {
  const { models, sizes } = await (await ask(new URL("models", ROOT), { cache: "no-cache" })).json();
  setOffer(sizes);
  return models;
}

/** Returns the URL of a picture; words such as a window or a quality may be added. */
export function addressPicture(wish, size, format = "webp", words = {}) {
  const all = { ...listWords(wish, size), ...words };
  return address(wish, `${size.width}x${size.height}.${format}`, all);
}

/** Returns the URL of a moving picture, an endless loop. */
export function addressClip(wish, size, words) {
  const { seed, zoom, start_scale } = listWords(wish, size);
  return address(wish, `animate/${size.width}x${size.height}.webp`, {
    seed, zoom, start_scale, loop: true, ...words,
  });
}

/** Fetches what an URL of this source stands for, as a Blob. */
export async function fetchFile(url, signal) {
  return (await ask(url, { signal })).blob();
}

/** Fetches the lines of HTML that show a picture in a page at every width. */
export async function fetchMarkup(wish, size) {
  const words = { ...listWords(wish, size), size: `${size.width}x${size.height}` };
  return (await ask(address(wish, "picture.html", words))).text();
}

/** Reads the training that is under way, or was the last one; null if there is none. */
export async function findTraining() {
  return (await (await ask(new URL("training", ROOT), { cache: "no-store" })).json()).job;
}

/** Sends a photo, from which a model is trained. */
export async function beginTraining(photo, name) {
  const body = new FormData();
  body.append("photo", photo, photo.name);
  if (name) body.append("name", name);
  return (await ask(new URL("training", ROOT), { method: "POST", body })).json();
}

/** Reads how far a training is. */
export async function readTraining(id) {
  return (await ask(new URL(`training/${id}`, ROOT), { cache: "no-store" })).json();
}

/** Stops a training. */
export async function cancelTraining(id) {
  await ask(new URL(`training/${id}`, ROOT), { method: "DELETE" });
}

function address(wish, name, words) {
  const url = new URL(`${wish.model.name}@${wish.model.id}/${name}`, ROOT);
  for (const [word, value] of Object.entries(words)) {
    if (value !== undefined) url.searchParams.set(word, value);
  }
  return url.href;
}

async function ask(url, options = {}) {
  for (let tries = 1; ; tries++) {
    const answer = await send(url, options);
    if (answer.ok) return answer;

    const seconds = Number(answer.headers.get("Retry-After"));
    if (!seconds || tries === MOST_TRIES) throw await readRefusal(answer);
    await wait(seconds * 1000);
  }
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The service does not answer. Is it still running?");
  }
}

async function readRefusal(answer) {
  const problem = await answer.json().catch(() => ({}));
  return new Refusal(answer.status, problem.detail ?? `The service answered ${answer.status}.`);
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
