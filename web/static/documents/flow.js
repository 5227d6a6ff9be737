/**
 * Text in the making: words run on in a line, white space collapses, and the
 * breaks asked for between two pieces of text are merged into the largest.
 */
export class Flow {
  #parts = [];
  #breaks = 0;
  #space = false;
  #length = 0;
  #limit;

  /** @param {number} limit length at which the text is refused, with a RangeError */
  constructor(limit) {
    this.#limit = limit;
  }

  /** Running text, as in a paragraph. @param {string} text */
  words(text) {
    const clean = text.replace(/[ \t\n\r\f]+/g, " ");
    if (clean === "") return;
    if (clean === " ") {
      this.#space = true;
      return;
    }
    if (clean.startsWith(" ")) this.#space = true;
    this.#put(clean.trim());
    this.#space = clean.endsWith(" ");
  }

  /** Text whose line breaks and spaces stay. @param {string} text */
  verbatim(text) {
    if (text !== "") this.#put(text);
  }

  /** What follows stands on a new line. */
  line() {
    this.#breaks = Math.max(this.#breaks, 1);
  }

  /** A line break by hand; two of them make a paragraph. */
  lineBreak() {
    this.#breaks = Math.min(this.#breaks + 1, 2);
  }

  /** What follows stands in a new paragraph. */
  paragraph() {
    this.#breaks = 2;
  }

  /** @returns {string} the text so far, without white space at its ends */
  text() {
    return this.#parts.join("").trim();
  }

  #put(text) {
    if (this.#parts.length > 0) {
      if (this.#breaks > 0) this.#parts.push("\n".repeat(this.#breaks));
      else if (this.#space) this.#parts.push(" ");
    }
    this.#breaks = 0;
    this.#space = false;
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > this.#limit) {
      throw new RangeError(`its text is longer than ${this.#limit} characters`);
    }
  }
}
