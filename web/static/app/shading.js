// Shades the tokens that the model attends to, in the text and beside it, at
// most once a frame and only what is in sight.
import { bins, lowerBound, runs, tally } from "./attention.js";
import { calm, eachFrame } from "./dom.js";
import { Minimap } from "./minimap.js";

const LEVELS = 4;
const FLASHES = 3;

/** @typedef {import("../tokenselect.js").Step} Step */
/** @typedef {import("../tokenselect.js").Layout} Layout */

export class Shading {
  #view;
  #minimap;
  /** @type {Layout | null} */
  #layout = null;
  /** @type {Step | null} */
  #step = null;
  #counts = null;
  #stale = false; // the counts are of an earlier step
  #source = null;
  #highlights = new Map();
  #flash = 0;

  /** @param {import("./document-view.js").DocumentView} view */
  constructor(view, canvas) {
    this.#view = view;
    this.#minimap = new Minimap(canvas, (share) => view.goTo(share));
    for (let level = 1; level <= LEVELS; level++) this.#register(`attended-${level}`, 0);
    this.#register("source", 1);
    this.#register("source-flash", 2);
  }

  /** Browsers without custom highlights have the overview beside the text. */
  #register(name, priority) {
    if (!globalThis.Highlight) return;
    const highlight = new Highlight();
    highlight.priority = priority;
    CSS.highlights.set(name, highlight);
    this.#highlights.set(name, highlight);
  }

  draw = eachFrame(() => this.#draw());

  get step() {
    return this.#step;
  }

  /** @param {Layout | null} layout of the document in the cache; null: another document */
  set layout(layout) {
    this.#layout = layout;
    this.#counts = layout && new Uint8Array(layout.ends.length);
    this.show(null);
  }

  get layout() {
    return this.#layout;
  }

  /** @param {Step | null} step */
  show(step) {
    this.#step = step;
    this.#stale = true;
    this.draw();
  }

  /** Marks where an answer was read from, and flashes it; null: no more. */
  mark(source) {
    this.#source = source;
    clearTimeout(this.#flash);
    this.#set("source", source);
    this.#set("source-flash", null);
    if (source) {
      this.#view.reveal(source.start, source.end);
      if (!calm()) this.#blink(2 * FLASHES);
    }
    this.draw();
  }

  #blink(left) {
    this.#set("source-flash", left % 2 === 0 && left > 0 ? this.#source : null);
    if (left > 0) this.#flash = setTimeout(() => this.#blink(left - 1), 180);
  }

  #set(name, stretch) {
    const highlight = this.#highlights.get(name);
    if (!highlight) return;
    highlight.clear();
    if (stretch) for (const range of this.#view.ranges(stretch.start, stretch.end)) highlight.add(range);
  }

  #draw() {
    if (this.#layout && this.#stale) {
      this.#stale = false;
      if (this.#step) tally(this.#step, this.#layout, this.#counts);
      else this.#counts.fill(0);
    }
    this.#shadeText();
    this.#minimap.draw({
      window: this.#view.window(),
      bins: this.#layout && this.#step ? (number) => bins(this.#counts, number) : null,
      always: this.#always(),
      source: this.#source && this.#share(this.#source.start),
    });
  }

  #shadeText() {
    for (let level = 1; level <= LEVELS; level++) this.#highlights.get(`attended-${level}`)?.clear();
    if (!this.#layout || !this.#step || this.#highlights.size === 0) return;
    const { ends } = this.#layout, { start, end } = this.#view.inSight();
    const from = lowerBound(ends, start + 1), to = Math.min(ends.length, lowerBound(ends, end) + 1);
    const layers = this.#step.layers.length;
    for (const run of runs(this.#counts, from, to, (n) => Math.ceil((n * LEVELS) / layers))) {
      const highlight = this.#highlights.get(`attended-${run.level}`);
      for (const range of this.#view.ranges(run.from > 0 ? ends[run.from - 1] : 0, ends[run.to - 1])) highlight.add(range);
    }
  }

  /** The shares of the document that every layer attends to anyway. */
  #always() {
    if (!this.#layout || !this.#step) return [];
    const { first, ends } = this.#layout, { n, n_init, n_local, layers } = this.#step;
    if (layers.some((l) => l.rows === null)) return [];
    const share = (row) => Math.min(1, Math.max(0, (row - first) / ends.length));
    const windows = layers.filter((l) => l.sliding), local = Math.min(n_local, ...windows.map((l) => l.attended));
    return [[share(0), share(windows.length > 0 ? 0 : n_init)], [share(n - local), share(n)]];
  }

  #share(offset) {
    return this.#view.text.length > 0 ? offset / this.#view.text.length : 0;
  }

  /**
   * The rows of the cache that are shaded now and in sight, read back from the
   * highlights: what a test holds against the engine's own sets.
   * @returns {{from: number, to: number, rows: number[]}} rows [from, to) are in sight
   */
  shaded() {
    if (!this.#layout) return { from: 0, to: 0, rows: [] };
    const { ends, first } = this.#layout, { start, end } = this.#view.inSight();
    const rows = new Set();
    for (let level = 1; level <= LEVELS; level++) {
      for (const range of this.#highlights.get(`attended-${level}`) ?? []) {
        const a = this.#view.offset(range.startContainer, range.startOffset);
        const b = this.#view.offset(range.endContainer, range.endOffset);
        for (let i = lowerBound(ends, a + 1); i < ends.length && (i > 0 ? ends[i - 1] : 0) < b; i++) rows.add(first + i);
      }
    }
    return {
      from: first + lowerBound(ends, start + 1), to: first + Math.min(ends.length, lowerBound(ends, end) + 1),
      rows: [...rows].sort((a, b) => a - b),
    };
  }
}
