// A recording's lines as a run's parts: the same for a file, in a worker, and for
// the events of a live run. What is wrong is told with line, field, what was found
// and what was expected, so that whoever draws need not doubt a number.
import { StepDecoder, layout } from "../trace.js";
import { MOST, RecordingError, doneShape, eventShape, expect, headerShape, layerShape, layoutShape, tokenShape } from "./recording-shape.js";

export { RecordingError } from "./recording-shape.js";

/** Version of recordings; engine/trace/recording has the same. */
export const VERSION = 1;

/** Checks a header, and fills in what Go leaves out: a share of 0. */
export function header(line) {
  expect(line && typeof line === "object" && line.tokenselect === "recording", "header: tokenselect", line?.tokenselect, '"recording"');
  expect(line.v === VERSION, "header: v", line.v, `${VERSION}: another version of tokenselect wrote this file`);
  headerShape(line, "header: ");
  const marks = line.marks ?? [], units = line.document.text.length;
  marks.forEach((m, i) => expect(m.start < m.end && m.end <= units, `header: marks[${i}]`, m, `a piece of the document's ${units} UTF-16 code units`));
  return { ...line, marks, sweep: (line.sweep ?? []).map((b) => ({ ...b, p: b.p ?? 0, recall: b.recall ?? 0, in: b.in ?? (marks.length > 0 ? 0 : null) })) };
}

const log8 = Float32Array.from({ length: 256 }, (_, b) => (b === 0 ? 0 : 2 ** ((b - 192) / 8)));

function bytes(text, what) {
  let raw;
  try {
    raw = atob(text);
  } catch {
    expect(false, what, text, "base64");
  }
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < out.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

/** Of each byte what it stands for. A loop: Float32Array.from takes many times as long. */
function each(coded, of) {
  const out = new Float32Array(coded.length);
  for (let i = 0; i < out.length; i++) out[i] = of[coded[i]];
  return out;
}

const values = (text, what) => each(bytes(text, what), log8);

/** Checks that a line is an event. */
export const event = (line) => eventShape(line, "event: ");

/** Decodes the events of one answer, in order. */
export class EventDecoder {
  #steps = new StepDecoder();
  #model;
  #units;
  #before = null; // ms of the token before
  #n = 0;
  #end = 0;   // of the document's rows
  #count = 0; // of steps
  #lens = []; // of each layer's rows in the step before
  #held = 0;  // rows of all steps and layers: a few bytes of a file can repeat many

  /** @param {number} units UTF-16 code units of the document */
  constructor(model, units) {
    this.#model = model;
    this.#units = units;
  }

  /** @returns {{layout: {first: number, ends: Uint32Array} | null, around: Map<number, string>}} */
  layout(event) {
    layoutShape(event, "layout: ");
    expect(this.#count === 0, "layout", `behind ${this.#count} steps`, "one before them");
    const around = new Map();
    for (const { row, text } of event.rows ?? []) around.set(row, text ?? "");
    if (!event.document) return { layout: null, around };
    const end = event.document.lens.reduce((sum, length) => sum + length, 0);
    expect(end <= this.#units, "layout: the end of the document's last token", end, `at most its ${this.#units} UTF-16 code units`);
    this.#end = event.document.first + event.document.lens.length;
    return { layout: layout(event.document), around };
  }

  /** The answer's end, or a token without a step. */
  rest(event) {
    if (event.type === "done") doneShape(event, "done: ");
    else tokenShape(event, "token: ");
  }

  /** A token with a step. */
  token(event) {
    tokenShape(event, "token: ");
    const { step } = event, { layers, heads } = this.#model;
    expect(step.layers.length === layers, "step: layers", step.layers.length, `${layers} of them`);
    expect(step.n > this.#n, "step: n", step.n, `more than ${this.#n}`);
    expect(step.n >= this.#end, "step: n", step.n, `at least the document's ${this.#end} rows`);
    expect(++this.#count <= MOST.steps, "the number of steps", this.#count, `at most ${MOST.steps}`);
    step.layers.forEach((layer, i) => {
      layerShape(layer, `layer ${i}: `);
      this.#lens[i] = layer.r?.length ?? (layer.all ? 0 : (this.#lens[i] ?? 0) + (layer["+"]?.length ?? 0) - (layer["-"]?.length ?? 0));
      this.#held += Math.max(0, this.#lens[i]);
    });
    expect(this.#held <= MOST.held, "the number of selected rows so far", this.#held, `at most ${MOST.held}`);
    this.#n = step.n;
    let decoded;
    try {
      decoded = this.#steps.decode(step);
    } catch (error) {
      throw new RecordingError(`step over ${step.n} rows: ${error.message}`);
    }
    const at = event.ms ?? 0, ms = this.#before === null ? null : at - this.#before;
    this.#before = at;
    return {
      token: event.token ?? 0, text: event.text ?? "", p: event.p ?? (event.top ? 0 : null), top: event.top ?? null,
      n: step.n, nInit: step.n_init, nLocal: step.n_local, ms, at, kernels: step.kernels ?? null,
      layers: decoded.layers.map((layer, i) => this.#layer(layer, step.layers[i], step.n, heads, `layer ${i}`)),
    };
  }

  #layer(layer, raw, n, heads, what) {
    const { rows } = layer, chosen = rows?.length ?? 0;
    if (chosen > 0) expect(rows[chosen - 1] < n, `${what}: the last selected row`, rows[chosen - 1], `one of ${n}`);
    for (let i = 1; i < chosen; i++) if (rows[i] <= rows[i - 1]) expect(false, `${what}: row ${rows[i]}`, `behind ${rows[i - 1]}`, "ascending rows");
    const votes = raw.v === undefined ? null : values(raw.v, `${what}: v`);
    if (votes) expect(votes.length === chosen, `${what}: v`, `of ${votes.length} values`, `${chosen} of them`);
    const masks = raw.hv === undefined ? null : bytes(raw.hv, `${what}: hv`), width = Math.ceil(heads / 8);
    if (masks) expect(masks.length === chosen * width, `${what}: hv`, `of ${masks.length} bytes`, `${chosen * width} of them`);
    for (const name of ["mass", "near", "top"]) {
      if (raw[name]) expect(raw[name].length === heads, `${what}: ${name}`, `of ${raw[name].length} values`, `${heads} of them`);
    }
    raw.mass?.forEach((m, h) => expect(m.length === 4, `${what}: mass of head ${h}`, m, "4 shares"));
    if (raw.cut) expect(raw.cut.length === 2, `${what}: cut`, `of ${raw.cut.length} values`, "2 of them");
    let weights = null;
    if (raw.top) {
      const all = values(raw.w ?? "", `${what}: w`), number = raw.top.reduce((sum, t) => sum + t.length, 0);
      expect(all.length === number, `${what}: w`, `of ${all.length} values`, `${number} of them`);
      let from = 0;
      weights = raw.top.map((t) => all.subarray(from, (from += t.length)));
      for (const t of raw.top) for (const row of t) if (row >= n) expect(false, `${what}: top`, row, `one of ${n} rows`);
    }
    const scores = raw.scores?.map((s) => {
      const b = bytes(s.b ?? "", `${what}: scores: b`);
      expect(s.head < heads, `${what}: scores: head`, s.head, `one of ${heads}`);
      expect(b.length === n, `${what}: scores of head ${s.head}`, `of ${b.length} values`, `${n} of them`);
      for (const key of s.keys ?? []) {
        expect(key.row < n, `${what}: scores of head ${s.head}: key of row`, key.row, `one of ${n} rows`);
        expect(key.k.length === s.q?.length, `${what}: scores of head ${s.head}: key of row ${key.row}`, `of ${key.k.length} values`, `as many as q, ${s.q?.length ?? 0}`);
      }
      return { head: s.head, lo: s.lo, hi: s.hi, values: each(b, Float32Array.from({ length: 256 }, (_, v) => s.lo + ((s.hi - s.lo) * v) / 255)), q: s.q ?? null, keys: s.keys ?? [] };
    }) ?? null;
    return {
      ...layer, votes, cut: raw.cut ?? null, candidates: raw.candidates ?? null, q: raw.q ?? null, mass: raw.mass ?? null, near: raw.near ?? null,
      top: raw.top?.map((t) => new Uint32Array(t)) ?? null, weights, heads: masks, scores, blocks: raw.blocks ?? null,
    };
  }
}
