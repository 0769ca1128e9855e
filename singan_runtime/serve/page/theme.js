// Light and dark: as the system says, until the button says otherwise.

import { read, write } from "./store.js";

const system = matchMedia("(prefers-color-scheme: dark)");

/** Follows the system and a button. */
export function followTheme(button) {
  let chosen = read("theme");

  function paint() {
    const isDark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    button.setAttribute("aria-label", isDark ? "Use light colours" : "Use dark colours");
  }

  system.addEventListener("change", paint);
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    write("theme", chosen);
    paint();
  });
  paint();
}
