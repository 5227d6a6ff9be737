// The lesson's run, made anew in this browser: another sentence, another place,
// another question, and the same numbers recorded of it.
import { follow } from "../explore/live.js";
import { load } from "../tokenselect.js";
import { mean, median } from "./measures.js";

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
 * @param {{text: string, marks: object[], question: string, expected: string | null, layer: number, device: string, compare: boolean}} wish
 * @param {{say: (words: string, done?: number, total?: number) => void, signal: AbortSignal}} watch
 * @returns {Promise<import("../explore/run.js").Run>}
 */
export async function live(wish, { say, signal }) {
  const model = await ready(wish.device, ({ phase, done, total }) => say(phase === "download" ? "Fetching the model" : "Preparing the model", done, total), signal);
  const heads = Math.min(model.info.heads, 8), layer = Math.min(wish.layer, model.info.layers - 1);
  const scores = Array.from({ length: heads }, (_, head) => ({ layer, head }));
  const off = model.on("prefill", ({ done, total }) => say("Reading", done, total));
  const asked = { document: { name: "a text of yours", text: wish.text }, question: wish.question, marks: wish.marks, expected: wish.expected, maxTokens: 40, signal };
  // Each policy reads the text itself: what a layer makes of it depends on what the one below has read.
  const ask = async (policy, record) => {
    const selection = { ...model.info.selection, policy };
    await model.open(wish.text, { selection });
    return follow(model, { ...asked, selection, record }).done;
  };
  try {
    const run = await ask("tokenselect", { votes: true, mass: true, heads: 16, timings: true, scores });
    if (run.steps.length === 0) throw new Error("the answer was stopped before it began");
    if (wish.compare) {
      run.sweep = [budget(run)];
      for (const policy of ["window", "dense"]) {
        say(`Once more, ${policy}`);
        run.sweep.push(budget(await ask(policy, {})));
      }
    }
    return run;
  } finally {
    off();
  }
}

/** What a run came to, as a recording's sweep has it; the probability of an answer that was not given is not known. */
function budget(run) {
  const { policy, k, n_local, n_init } = run.selection, steps = run.steps.slice(1);
  return { policy, k, n_local, n_init, rows: mean(run.steps.flatMap((step) => step.layers.map((one) => one.attended))), p: null, recall: null, in: null, ms: median(steps.map((step) => step.ms)), answer: run.answer };
}
