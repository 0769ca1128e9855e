// The panels beside the picture, of which one at a time is open.

export class Panels {
  constructor() {
    this.buttons = [...document.querySelectorAll("[aria-controls][aria-expanded]")];
    for (const button of this.buttons) {
      button.addEventListener("click", () => this.toggle(button));
      const panel = find(button);
      panel.querySelector(".close").addEventListener("click", () => this.close());
    }
  }

  /** Opens the panel of a button, or closes it. */
  toggle(button) {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    this.close();
    if (isOpen) return;

    const panel = find(button);
    button.setAttribute("aria-expanded", "true");
    panel.hidden = false;
    panel.dispatchEvent(new Event("open"));
    panel.querySelector("h2").focus();
    this.open = button;
  }

  /** Closes the one that is open, and goes back to its button. Returns whether one was open. */
  close() {
    const button = this.open;
    if (!button) return false;
    const panel = find(button), hadFocus = panel.contains(document.activeElement);
    button.setAttribute("aria-expanded", "false");
    panel.hidden = true;
    this.open = null;
    if (hadFocus) button.focus();
    return true;
  }
}

function find(button) {
  return document.getElementById(button.getAttribute("aria-controls"));
}
