// The numbers in the lesson's sentences, of the run that its figures show. The
// page comes with those of the recording, so that there is something to read
// before it has arrived.
import { count } from "../app/format.js";
import { percent, probability, quoted } from "../explore/numbers.js";
import { candidates, marked, mean, median, order, raw, softmax, spread, sum, swept } from "./measures.js";
import { layerOf, stepOf } from "./linked.js";
import { spoken } from "./drawing.js";

const part = (f) => {
  try {
    return f();
  } catch {
    return null; // not recorded
  }
};

/** @returns {Record<string, string | null>} null: this run does not tell */
export function numbers(run) {
  const last = run.steps.at(-1), { selection, model } = run, layer = layerOf(run), step = run.steps[stepOf(run)];
  const blocks = (size) => mean(run.steps.flatMap((one) => one.layers.map((l) => l.blocks[size])));
  const attended = mean(run.steps.slice(1).map((one) => mean(one.layers.map((l) => l.attended))));
  const loud = part(() => {
    const heads = raw(run, step, layer), shares = heads.map((h) => softmax(h.values)), spreads = heads.map((h) => spread(h.values));
    const by = order(sum(heads.map((h) => h.values))).subarray(0, selection.k), most = spreads.indexOf(Math.max(...spreads));
    const got = shares.map((share) => by.reduce((all, i) => all + share[i], 0));
    return { most, spread: spreads[most], others: Math.max(...spreads.filter((_, i) => i !== most)), starved: got.filter((v) => v < 0.15).length };
  });
  const dense = swept(run, "dense"), window = swept(run, "window"), own = swept(run, "tokenselect");
  const chance = mean(run.steps.map((one) => mean(one.layers.map((l) => l.attended / one.n))));
  const cut = step?.layers[layer].cut;
  return {
    tokens: count(last.n), trained: count(model.context), times: (last.n / model.context).toFixed(1).replace(".0", ""), at: part(() => count(marked(run)[0])),
    sentence: run.marks[0] ? quoted(run.document.text.slice(run.marks[0].start, run.marks[0].end)) : null, question: quoted(run.question), answer: quoted(run.answer),
    k: count(selection.k), init: count(selection.n_init), local: count(selection.n_local), attended: count(attended), share: percent(attended / last.n),
    layers: count(model.layers), heads: count(model.heads), dimensions: model.head_dim ? count(model.head_dim) : null,
    cosine: part(() => median(run.steps.flatMap((one) => one.layers.map((l) => l.q)).filter((v) => v !== null)).toFixed(2)),
    single: part(() => percent(blocks(1))), block16: part(() => percent(blocks(16))), block128: part(() => percent(blocks(128))), blockTimes: part(() => (blocks(1) / blocks(128)).toFixed(1)),
    dense: dense?.p === null ? null : part(() => probability(dense.p)), window: window?.p === null ? null : part(() => probability(window.p)), own: own?.p === null ? null : part(() => probability(own.p)),
    windowAnswer: part(() => quoted(window.answer)), denseRows: part(() => count(dense.rows)), layer: String(layer),
    loudHead: part(() => String(loud.most)), loudness: part(() => loud.spread.toFixed(0)), quieter: part(() => loud.others.toFixed(0)), starved: part(() => String(loud.starved)),
    word: step ? spoken(step.text) : null, candidates: part(() => count(candidates(run, step, layer).hi - candidates(run, step, layer).lo)),
    cutIn: cut ? cut[0].toPrecision(2) : null, far: part(() => percent(mean(run.steps.map((one) => mean(one.layers.map((l) => mean(l.mass.map((m) => 1 - m[3])))))))),
    near: part(() => percent(mean(run.steps.map((one) => mean(one.layers.map((l) => mean(l.near))))))), chance: percent(chance),
    back: part(() => count(last.n - marked(run)[0])), least: part(() => count(Math.min(...run.sweep.filter((row) => row.policy === "tokenselect" && row.answer.includes(run.expected)).map((row) => row.k)))),
  };
}

/** Puts a run's numbers where a page has a place for them. */
export function write(page, run) {
  const all = numbers(run);
  for (const place of page.querySelectorAll("[data-n]")) {
    const value = all[place.dataset.n];
    if (value === undefined) throw new Error(`the lesson has no number ${place.dataset.n}`);
    place.textContent = value?.replace(/ %$/, "\u00a0%") ?? "(not recorded)"; // a number and its unit stay in a line
  }
}
