// The clipboard. Browsers let a page write to it only if it came by https or from this machine, and
// only soon after a click; else a dialog shows the text.

/** Copies a text, or shows it to be copied by hand. Returns whether it was copied. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    showText(text);
    return false;
  }
}

function showText(text) {
  const dialog = document.querySelector("#text");
  const field = dialog.querySelector("textarea");
  field.value = text;
  dialog.showModal();
  field.select();
}
