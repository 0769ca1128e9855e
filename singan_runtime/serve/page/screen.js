// Sizes in pixels: that of the window on this screen, and those of other people's screens.

export const SCREENS = [
  { id: "phone", name: "Phone", width: 1080, height: 2400 },
  { id: "tablet", name: "Tablet", width: 2048, height: 2732 },
  { id: "banner", name: "Banner", width: 1500, height: 500 },
  { id: "wall", name: "Wall of six panels", width: 5760, height: 2160 },
];

/** Measures an element in pixels of the screen. */
export function measure(element) {
  const { width, height } = element.getBoundingClientRect();
  return {
    width: Math.max(1, Math.round(width * devicePixelRatio)),
    height: Math.max(1, Math.round(height * devicePixelRatio)),
  };
}

/** Says what a size is, as in 1920 × 1080. */
export function formatSize({ width, height }) {
  return `${width} × ${height}`;
}

/** Whether the person at this screen has asked for less motion. */
export function isMotionReduced() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
