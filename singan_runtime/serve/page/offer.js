// Which sizes are drawn here. A service may limit them to a list, or to sides that are multiples of
// a step; then it draws whole pictures alone, no windows of them.

import { SCREENS } from "./screen.js";

let offer = { listed: [], step: 1 };

/** Takes the limits that the service tells: listed sizes (none: any), and the step of sides. */
export function setOffer(limits) {
  offer = limits;
}

/** Whether not every size is drawn. */
export function isLimited() {
  return isListed() || offer.step > 1;
}

/** Whether only some sizes are drawn, whatever the step. */
export function isListed() {
  return offer.listed.length > 0;
}

/** Finds the size that is drawn for a place: its own, or that which comes nearest. */
export function findOffered(size) {
  const choose = (best, one) =>
    (measureDistance(one, size) < measureDistance(best, size) ? one : best);
  if (isListed()) return offer.listed.reduce(choose);
  const round = (side) => Math.ceil(side / offer.step) * offer.step;
  return { width: round(size.width), height: round(size.height) };
}

/** Lists the screens whose sizes are drawn, or rounded up are. */
export function listScreens() {
  const screens = SCREENS.map((screen) => ({ ...screen, ...findOffered(screen) }));
  return screens.filter(({ width, height }, at) => !isListed() ||
    (width === SCREENS[at].width && height === SCREENS[at].height));
}

/** Measures how unlike two sizes are: shape counts first, then what would be enlarged. */
function measureDistance(one, size) {
  const wide = Math.log(one.width / size.width), high = Math.log(one.height / size.height);
  const scale = (wide + high) / 2;
  return 4 * Math.abs(wide - high) + (scale < 0 ? -2 * scale : scale);
}
