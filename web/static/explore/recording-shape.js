// What a recording's lines have to look like. A file comes from anywhere: what is
// of another kind than it should be is told here, once, with its name, and no view
// need doubt what it is given. What is not listed is not looked at by any view.

/** The most that is taken: far above what a model can do, and what a page can still show. Tests lower them. */
export const MOST = { layers: 512, heads: 1024, rows: 2 ** 21, steps: 4096, held: 5e7 };

export class RecordingError extends Error {
  constructor(message) {
    super(message);
    this.name = "RecordingError";
  }
}

export function expect(holds, what, found, expected) {
  if (!holds) throw new RecordingError(`${what} is ${typeof found === "object" ? JSON.stringify(found)?.slice(0, 60) : String(found).slice(0, 60)}, expected ${expected}`);
}

// A kind is asked first and named only if it does not hold: lists are long.
const kind = (holds, expected) => Object.assign((v, at) => expect(holds(v), at, v, expected), { holds });

const text = kind((v) => typeof v === "string", "a text");
const number = kind(Number.isFinite, "a number");
const truth = kind((v) => typeof v === "boolean", "true or false");
const within = (least, most) => kind((v) => Number.isSafeInteger(v) && v >= least && v <= most, `a whole number from ${least} to ${most}`);
const whole = kind((v) => Number.isSafeInteger(v) && v >= 0, "a whole number, 0 or more");
const row = within(0, MOST.rows);

const list = (of, most = Infinity) => (v, at) => {
  expect(Array.isArray(v), at, v, "a list");
  expect(v.length <= most, at, `of ${v.length} values`, `at most ${most}`);
  for (let i = 0; i < v.length; i++) if (!of.holds?.(v[i])) of(v[i], `${at}[${i}]`);
};

/** An object with what it must have and what it may have; null is as good as nothing. */
const object = (must, may = {}) => (v, at) => {
  expect(v !== null && typeof v === "object" && !Array.isArray(v), at.trimEnd().replace(/[.:]$/, ""), v, "an object");
  for (const [name, of] of Object.entries(must)) of(v[name], `${at}${name}`);
  for (const [name, of] of Object.entries(may)) if (v[name] !== undefined && v[name] !== null) of(v[name], `${at}${name}`);
};
const nested = (must, may) => {
  const of = object(must, may);
  return (v, at) => {
    expect(v !== null && typeof v === "object" && !Array.isArray(v), at, v, "an object");
    of(v, `${at}.`);
  };
};

const selection = nested({}, { policy: text, n_init: whole, n_local: whole, k: whole, chunk: whole, tail: whole, theta: number, pool: whole, index: text });

/** The first line; called with the words that its fields' names follow. */
export const headerShape = object({
  model: nested({ model: text, layers: within(1, MOST.layers), heads: within(1, MOST.heads), context: whole }, { kv_heads: within(1, MOST.heads), head_dim: whole, adapter: text, selection, policies: list(text) }),
  document: nested({ text }, { name: text }),
}, {
  created: text, question: text, expected: text, selection, record: nested({}),
  marks: list(nested({ start: whole, end: whole }, { label: text })),
  sweep: list(nested({}, { policy: text, k: whole, n_local: whole, n_init: whole, rows: number, p: number, recall: number, ms: number, answer: text, in: number }), 256),
});

export const layoutShape = object({}, {
  document: nested({ first: row, lens: list(whole, MOST.rows) }),
  rows: list(nested({ row }, { text }), MOST.rows),
});

export const tokenShape = object({}, {
  text, token: whole, ms: number, p: number, top: list(nested({ token: whole }, { text, p: number }), 64),
  step: nested({ n: row, n_init: whole, n_local: whole, layers: list(() => {}) }, { kernels: list(nested({ name: text, ms: number }), 64) }),
});

export const layerShape = object({ a: whole }, {
  h: truth, c: number, all: truth, sliding: truth, r: list(row), "+": list(row), "-": list(row),
  v: text, cut: list(number), candidates: whole, hv: text, q: number,
  mass: list(list(number)), near: list(number), top: list(list(row)), w: text, blocks: nested({}, Object.fromEntries([1, 8, 16, 32, 64, 128].map((size) => [size, number]))),
  scores: list(nested({ head: whole, lo: number, hi: number }, { b: text, q: list(number), keys: list(nested({ row, k: list(number) })) })),
});

export const doneShape = object({}, { text, stats: nested({}, { first_ms: number, prefill_tps: number, decode_tps: number }) });

/** What every line but the first is. */
export const eventShape = object({ type: text });
