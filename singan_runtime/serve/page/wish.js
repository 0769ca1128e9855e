// A wish: what a picture shows, whatever its size. It has a model, a seed, a zoom relative to that
// which keeps the photo's height, and a start scale, below which the photo's layout stays.

const LEAST = 0.4, MOST = 2.2; // times the zoom that keeps the photo's area: as the service does

/** Returns the words of a query that say what a wish asks for at a size. */
export function listWords(wish, size) {
  const words = { seed: wish.seed };
  if (wish.zoom !== 1) words.zoom = (wish.zoom * findZoom(wish.model, size)).toPrecision(5);
  if (wish.startScale) words.start_scale = wish.startScale;
  return words;
}

/** Finds the zoom that the service would choose: how much larger than in the photo all is drawn. */
export function findZoom(model, size) {
  const area = Math.sqrt((size.width * size.height) / (model.width * model.height));
  if (!model.detail) return area;
  return Math.min(Math.max(size.height / model.height, LEAST * area), MOST * area);
}

/** Returns a seed that was never seen before, most likely. */
export function chooseSeed() {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]);
}

/** Says in words what a picture is, for those who cannot see it. */
export function describe(wish) {
  return `A new picture of the scene of ${wish.model.name}, seed ${wish.seed}`;
}

/** Returns the name of a picture's file. */
export function nameFile(wish, size, suffix) {
  const seed = wish.seed.replace(/[^\w-]+/g, "_").slice(0, 40);
  return `${wish.model.name}_${size.width}x${size.height}_seed_${seed}.${suffix}`;
}
