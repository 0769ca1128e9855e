// Keys: one letter for each of the page's functions, unless the person at the keyboard says no.

import { read, write } from "./store.js";

/** Listens to keys. actions: {key: what to do}, by KeyboardEvent.key in small letters. */
export function listenToKeys(actions, choosing) {
  choosing.checked = read("keys") !== "off";
  choosing.addEventListener("change", () => write("keys", choosing.checked ? "on" : "off"));

  addEventListener("keydown", (event) => {
    const isModified = event.ctrlKey || event.metaKey || event.altKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isAllowed = choosing.checked || key.length > 1;
    if (!isAllowed || isModified || isNeeded(event, key) || !(key in actions)) return;
    if (actions[key](event) !== false) event.preventDefault();
  });
}

/** Whether what has the focus needs a key itself. */
function isNeeded({ target }, key) {
  if (document.querySelector("dialog[open]")) return true;
  if (key === "Escape") return false;
  if (target.closest("input[type=text], select")) return true;
  if (key.startsWith("Arrow")) return Boolean(target.closest("input"));
  return key === " " && Boolean(target.closest("button, input"));
}
