// A recording's lines as a run's parts: the same for a file, in a worker, and for
// the events of a live run. What is wrong is told with line, field, what was found
// and what was expected, so that whoever draws need not doubt a number.
import { StepDecoder, layout } from "../trace.js";

/** Version of recordings; engine/trace/recording has the same. */
export const VERSION = 1;

export class RecordingError extends Error {
  constructor(message) {
    super(message);
    this.name = "RecordingError";
  }
}

function expect(holds, what, found, expected) {
  if (!holds) throw new RecordingError(`${what} is ${typeof found === "object" ? JSON.stringify(found)?.slice(0, 60) : String(found).slice(0, 60)}, expected ${expected}`);
}

const whole = (v) => Number.isSafeInteger(v) && v >= 0;
const list = (v) => Array.isArray(v);

/** Checks a header, and fills in what Go leaves out: a share of 0. */
export function header(line) {
  expect(line && typeof line === "object" && line.tokenselect === "recording", "header: tokenselect", line?.tokenselect, '"recording"');
  expect(line.v === VERSION, "header: v", line.v, `${VERSION}: another version of tokenselect wrote this file`);
  expect(whole(line.model?.layers) && line.model.layers > 0, "header: model.layers", line.model?.layers, "at least 1");
  expect(whole(line.model?.heads) && line.model.heads > 0, "header: model.heads", line.model?.heads, "at least 1");
  expect(typeof line.document?.text === "string", "header: document.text", line.document?.text, "a text");
  const marks = line.marks ?? [], units = line.document.text.length;
  expect(list(marks), "header: marks", marks, "a list");
  marks.forEach((m, i) => expect(whole(m?.start) && whole(m?.end) && m.start < m.end && m.end <= units, `header: marks[${i}]`, m, `a piece of the document's ${units} UTF-16 code units`));
  expect(line.sweep === undefined || list(line.sweep), "header: sweep", line.sweep, "a list");
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

const values = (text, what) => Float32Array.from(bytes(text, what), (b) => log8[b]);

/** Decodes the events of one answer, in order. */
export class EventDecoder {
  #steps = new StepDecoder();
  #model;
  #units;
  #before = null; // ms of the token before
  #n = 0;

  /** @param {number} units UTF-16 code units of the document */
  constructor(model, units) {
    this.#model = model;
    this.#units = units;
  }

  /** @returns {{layout: {first: number, ends: Uint32Array} | null, around: Map<number, string>}} */
  layout(event) {
    const around = new Map();
    for (const { row, text } of event.rows ?? []) {
      expect(whole(row), "layout: rows: row", row, "0 or more");
      around.set(row, text ?? "");
    }
    if (!event.document) return { layout: null, around };
    const { first, lens } = event.document;
    expect(whole(first), "layout: document.first", first, "0 or more");
    expect(list(lens) && lens.every(whole), "layout: document.lens", lens, "lengths of 0 or more");
    const laid = layout(event.document), end = laid.ends.at(-1) ?? 0;
    expect(end <= this.#units, "layout: the end of the document's last token", end, `at most its ${this.#units} UTF-16 code units`);
    return { layout: laid, around };
  }

  /** A token with a step. */
  token(event) {
    const { step } = event, { layers, heads } = this.#model;
    expect(list(step.layers) && step.layers.length === layers, "step: layers", step.layers?.length, `${layers} of them`);
    expect(whole(step.n) && step.n > this.#n, "step: n", step.n, `more than ${this.#n}`);
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
    for (let i = 1; i < chosen; i++) expect(rows[i] > rows[i - 1], `${what}: row ${rows[i]}`, `behind ${rows[i - 1]}`, "ascending rows");
    const votes = raw.v === undefined ? null : values(raw.v, `${what}: v`);
    if (votes) expect(votes.length === chosen, `${what}: v`, `of ${votes.length} values`, `${chosen} of them`);
    const masks = raw.hv === undefined ? null : bytes(raw.hv, `${what}: hv`), width = Math.ceil(heads / 8);
    if (masks) expect(masks.length === chosen * width, `${what}: hv`, `of ${masks.length} bytes`, `${chosen * width} of them`);
    for (const name of ["mass", "near", "top"]) {
      if (raw[name]) expect(list(raw[name]) && raw[name].length === heads, `${what}: ${name}`, `of ${raw[name].length} values`, `${heads} of them`);
    }
    raw.mass?.forEach((m, h) => expect(list(m) && m.length === 4, `${what}: mass of head ${h}`, m, "4 shares"));
    let weights = null;
    if (raw.top) {
      const all = values(raw.w ?? "", `${what}: w`), number = raw.top.reduce((sum, t) => sum + t.length, 0);
      expect(all.length === number, `${what}: w`, `of ${all.length} values`, `${number} of them`);
      let from = 0;
      weights = raw.top.map((t) => all.subarray(from, (from += t.length)));
      for (const t of raw.top) for (const row of t) expect(whole(row) && row < n, `${what}: top`, row, `one of ${n} rows`);
    }
    const scores = raw.scores?.map((s) => {
      const b = bytes(s.b ?? "", `${what}: scores: b`);
      expect(b.length === n, `${what}: scores of head ${s.head}`, `of ${b.length} values`, `${n} of them`);
      return { head: s.head, lo: s.lo, hi: s.hi, values: Float32Array.from(b, (v) => s.lo + ((s.hi - s.lo) * v) / 255), q: s.q ?? null, keys: s.keys ?? [] };
    }) ?? null;
    return {
      ...layer, votes, cut: raw.cut ?? null, candidates: raw.candidates ?? null, q: raw.q ?? null, mass: raw.mass ?? null, near: raw.near ?? null,
      top: raw.top?.map((t) => Uint32Array.from(t)) ?? null, weights, heads: masks, scores, blocks: raw.blocks ?? null,
    };
  }
}
