// Sets the tokens of a run in lines, at any size of type: from a pixel a token up
// to readable words. Widths are measured once, at one size, for each different text.

export const MEASURED = 16; // pixels
const LINE = 1.55;   // of the size of type
export const READABLE = 7; // from this size on words are drawn, below it cells
export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

export class Typesetter {
  #context = new OffscreenCanvas(1, 1).getContext("2d");
  #known = new Map();
  #widths = new Float32Array(0); // at size MEASURED
  #breaks = new Uint8Array(0);   // line breaks in a row's text
  #texts = [];
  #fitted = { of: "", size: 0 };
  #last = { of: "", set: null };

  /** Takes the texts of rows that are not measured yet: rows are only ever added. */
  take(run) {
    const rows = run.rows, have = this.#texts.length;
    if (rows <= have) return;
    const widths = new Float32Array(rows), breaks = new Uint8Array(rows);
    widths.set(this.#widths);
    breaks.set(this.#breaks);
    this.#context.font = `${MEASURED}px ${FONT}`;
    for (let row = have; row < rows; row++) {
      const text = run.textOf(row), shown = text.replace(/\n/g, "");
      let width = this.#known.get(shown);
      if (width === undefined) this.#known.set(shown, width = this.#context.measureText(shown).width);
      this.#texts.push(shown);
      widths[row] = width;
      breaks[row] = Math.min(255, text.length - shown.length);
    }
    this.#widths = widths;
    this.#breaks = breaks;
  }

  get rows() {
    return this.#texts.length;
  }

  textOf(row) {
    return this.#texts[row];
  }

  /**
   * Where each row stands: its line and its left and right edge in it.
   * @returns {{size: number, line: number, left: Float32Array, right: Float32Array, lines: Uint32Array, starts: number[], height: number}}
   */
  set(width, size) {
    const of = `${this.rows} ${width} ${size}`;
    if (this.#last.of !== of) this.#last = { of, set: this.#lines(width, size) };
    return this.#last.set;
  }

  #lines(width, size) {
    const rows = this.rows, scale = size / MEASURED, words = size >= READABLE;
    const left = new Float32Array(rows), right = new Float32Array(rows), lines = new Uint32Array(rows), starts = [0];
    let x = 0, y = 0;
    for (let row = 0; row < rows; row++) {
      const wide = Math.max(this.#widths[row] * scale, words ? 0 : 0.8);
      if (x > 0 && x + wide > width) {
        x = 0;
        y++;
        starts.push(row);
      }
      left[row] = x;
      x = right[row] = Math.min(width, x + wide);
      lines[row] = y;
      // Paragraphs begin a line where there are words; many empty lines are one.
      if (words && this.#breaks[row] > 0 && row + 1 < rows) {
        x = 0;
        y += Math.min(2, this.#breaks[row]);
        while (starts.length <= y) starts.push(row + 1);
      }
    }
    const line = words ? Math.round(size * LINE) : Math.max(1, size * LINE);
    return { size, line, left, right, lines, starts, height: (y + 1) * line };
  }

  /** The largest size of type at which all of it is no higher than height. */
  fit(width, height, most) {
    const of = `${this.rows} ${width} ${height} ${most}`;
    if (this.#fitted.of === of) return this.#fitted.size;
    let lo = 0.6, hi = most;
    for (let i = 0; i < 9; i++) {
      const mid = Math.sqrt(lo * hi);
      if (this.#lines(width, mid).height <= height) lo = mid;
      else hi = mid;
    }
    this.#fitted = { of, size: lo };
    return lo;
  }
}
