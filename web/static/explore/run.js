// A run: a question about a document and, step by step, what was attended to while
// it was answered. A recording and a live answer are the same stream of events.
import { lowerBound } from "../app/attention.js";
import { EventDecoder, RecordingError } from "./decode.js";

export { RecordingError } from "./decode.js";

export class Run {
  /** The recording's first line; null on a live run. */
  header = null;
  /** What a live run can do besides: {info, ask(selection, options)}; see live.js. */
  live = null;
  model;
  selection;
  document;
  question;
  marks;
  expected;
  sweep;
  /** What was asked to be recorded. */
  record;
  /** @type {{first: number, ends: Uint32Array} | null} where the document's tokens are */
  layout = null;
  steps = [];
  answer = "";
  stats = null;
  done = false;
  #around = new Map(); // text of the rows outside of the document
  #decoder;

  /** @param {object} given a recording's header, or of a live run {model, selection, document, question, marks, expected, record} */
  constructor(given) {
    if (given.tokenselect) this.header = given;
    this.model = given.model;
    this.selection = given.selection ?? given.model.selection;
    this.document = given.document;
    this.question = given.question ?? "";
    this.marks = given.marks ?? [];
    this.expected = given.expected || null;
    this.sweep = given.sweep ?? [];
    this.record = given.record ?? null;
    this.#decoder = new EventDecoder(this.model, this.document.text.length);
  }

  /** Takes an event, as the engine sends it. */
  push(event) {
    switch (event.type) {
      case "layout": {
        const { layout, around } = this.#decoder.layout(event);
        this.layout = layout;
        this.#around = around;
        return;
      }
      case "token":
        if (event.step) this.steps.push(this.#decoder.token(event));
        else this.#decoder.rest(event);
        this.answer += event.text ?? "";
        if (!event.step && this.steps.length > 0) this.steps[this.steps.length - 1].text += event.text ?? ""; // what its last token had left open
        return;
      case "done":
        this.#decoder.rest(event);
        this.answer = event.text ?? this.answer;
        this.stats = event.stats ?? null;
        this.done = true;
    }
  }

  /** What a worker has decoded. */
  static #of({ header, layout, around, steps, answer, stats, done }) {
    const run = new Run(header);
    Object.assign(run, { layout, steps, answer, stats, done });
    run.#around = around;
    return run;
  }

  /** What a worker hands over. */
  parts() {
    const { header, layout, steps, answer, stats, done } = this;
    return { header, layout, steps, answer, stats, done, around: this.#around };
  }

  /**
   * Opens a recording: a file, or the address of one.
   * @param {Blob | string | URL} source
   * @returns {Promise<Run>}
   */
  static open(source, { signal } = {}) {
    const given = source instanceof Blob ? source : new URL(source, globalThis.document?.baseURI).href;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const worker = new Worker(new URL("open-worker.js", import.meta.url), { type: "module" });
      const end = (act) => {
        worker.terminate();
        signal?.removeEventListener("abort", abort);
        act();
      };
      const abort = () => end(() => reject(signal.reason));
      signal?.addEventListener("abort", abort, { once: true });
      worker.onmessage = ({ data }) => end(() => (data.error ? reject(new RecordingError(data.error)) : resolve(Run.#of(data))));
      worker.onerror = (event) => end(() => reject(new RecordingError(`the recording cannot be opened: ${event.message ?? "its reader does not start"}`)));
      worker.postMessage(given);
    });
  }

  /** Rows of the cache at the end. */
  get rows() {
    return this.steps.length > 0 ? this.steps[this.steps.length - 1].n : this.layout ? this.layout.first + this.layout.ends.length : 0;
  }

  /** A row's text; empty where it is not known. */
  textOf(row) {
    const at = this.offsetsOf(row);
    if (at) return this.document.text.slice(at.start, at.end);
    const around = this.#around.get(row);
    if (around !== undefined) return around;
    return this.steps[row - (this.steps[0]?.n ?? Infinity)]?.text ?? ""; // a token of the answer, which is read in the step after
  }

  /** Where a row's text is in the document, in UTF-16 code units; null outside of it. */
  offsetsOf(row) {
    if (!this.layout) return null;
    const i = row - this.layout.first, { ends } = this.layout;
    return i < 0 || i >= ends.length ? null : { start: i === 0 ? 0 : ends[i - 1], end: ends[i] };
  }

  /** The row whose text holds a place of the document, the last behind its end; null where the document's rows are not known. */
  rowAt(offset) {
    if (!this.layout || this.layout.ends.length === 0) return null;
    const { first, ends } = this.layout;
    return first + Math.min(lowerBound(ends, offset + 1), ends.length - 1);
  }
}
