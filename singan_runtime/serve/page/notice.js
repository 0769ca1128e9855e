// Notices: short sentences that are seen for a while, and said by screen readers.

const SECONDS = 4;

export class Notice {
  constructor(seen, said) {
    Object.assign(this, { seen, said });
  }

  /** Shows a sentence, for a while unless it is to stay. */
  show(words, isLasting = false) {
    clearTimeout(this.ending);
    this.seen.textContent = words;
    this.seen.hidden = false;
    this.announce(words);
    if (!isLasting) this.ending = setTimeout(() => this.clear(), SECONDS * 1000);
  }

  /** Says a sentence to those who hear the page. */
  announce(words) {
    this.said.textContent = words;
  }

  clear() {
    clearTimeout(this.ending);
    this.seen.hidden = true;
  }
}
