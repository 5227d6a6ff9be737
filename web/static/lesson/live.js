// The lesson's run, made anew in this browser: another sentence, another place,
// another question, and the same numbers recorded of it.
import { Run } from "../explore/run.js";
import { load } from "../tokenselect.js";

let engine = null;

/** The engine with the default model, loaded once. */
async function ready(device, onProgress, signal) {
  if (engine && engine.device === device) return engine.engine;
  await engine?.engine.close();
  engine = null;
  const made = await load({ device, onProgress, signal });
  made.on("error", () => { engine = null; });
  engine = { engine: made, device };
  return made;
}

/**
 * A part of a text of about so many characters, with a sentence put in.
 * @param {object} wish
 * @param {string} wish.text prose
 * @param {string} wish.sentence
 * @param {number} wish.at 0 to 1: where in the prose
 * @param {number} wish.length characters of prose
 */
export function compose({ text, sentence, at, length }) {
  let prose = text;
  if (prose.length > length) {
    const end = prose.lastIndexOf(". ", length);
    prose = prose.slice(0, end > 0 ? end + 1 : length);
  }
  if (!sentence) return { text: prose, marks: [] };
  const near = Math.round(at * prose.length), stop = prose.indexOf(". ", near), place = near <= 0 ? 0 : stop < 0 ? prose.length : stop + 2;
  const before = prose.slice(0, place), gap = before === "" || /\s$/.test(before) ? "" : " ";
  const start = before.length + gap.length;
  return { text: `${before}${gap}${sentence} ${prose.slice(place)}`, marks: [{ start, end: start + sentence.length, label: sentence }] };
}

/** The prose of a recording without its marked passage. */
export function prose(run) {
  const mark = run.marks[0], { text } = run.document;
  return mark ? text.slice(0, mark.start) + text.slice(mark.end).replace(/^\s/, "") : text;
}

/**
 * Asks the model, and records what the lesson shows.
 * @param {{text: string, marks: object[], question: string, expected: string | null, selection: object, layer: number, device: string, compare: boolean}} wish
 * @param {{say: (words: string, done?: number, total?: number) => void, signal: AbortSignal}} watch
 * @returns {Promise<Run>}
 */
export async function live(wish, { say, signal }) {
  const model = await ready(wish.device, ({ phase, done, total }) => say(phase === "download" ? "Fetching the model" : "Preparing the model", done, total), signal);
  const heads = Math.min(model.info.heads, 8), layer = Math.min(wish.layer, model.info.layers - 1);
  const selection = { ...model.info.selection, ...wish.selection };
  const document = { name: "a text of yours", text: wish.text };
  const run = new Run({ model: model.info, selection, document, question: wish.question, expected: wish.expected, marks: wish.marks });
  const off = model.on("prefill", ({ done, total }) => say("Reading", done, total));
  try {
    await model.open(wish.text, { selection });
    const record = { votes: true, mass: true, heads: 16, timings: true, scores: Array.from({ length: heads }, (_, head) => ({ layer, head })) };
    await model.ask(wish.question, { record, selection, max_tokens: 40, signal, onEvent: (event) => { if (event.type !== "prefill") run.push(event); } }).done;
    if (run.steps.length === 0) throw new Error("the answer was stopped before it began");
    if (wish.compare) run.sweep = [brief(run, selection), ...await others(model, wish, selection, { say, signal })];
  } finally {
    off();
  }
  return run;
}

/** A budget's row of what a run came to. */
function brief(run, { policy, k, n_local, n_init }) {
  const steps = run.steps.slice(1), rows = steps.flatMap((step) => step.layers.map((layer) => layer.attended));
  return { policy, k, n_local, n_init, rows: rows.reduce((all, v) => all + v, 0) / Math.max(1, rows.length), p: null, recall: null, in: null, ms: median(steps.map((step) => step.ms)), answer: run.answer };
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** The same question with the policies that TokenSelect is compared with; the text is read anew for each. */
async function others(model, wish, selection, { say, signal }) {
  const rows = [];
  for (const policy of ["window", "dense"]) {
    say(`Once more, ${policy}`);
    const own = { ...selection, policy };
    await model.open(wish.text, { selection: own });
    const run = new Run({ model: model.info, selection: own, document: { name: "", text: wish.text }, question: wish.question });
    await model.ask(wish.question, { record: {}, selection: own, max_tokens: 40, signal, onEvent: (event) => { if (event.type !== "prefill") run.push(event); } }).done;
    rows.push(brief(run, own));
  }
  return rows;
}
