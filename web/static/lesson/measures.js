// What figures compute of a run.
import { mean } from "../explore/heads/measures.js";
import { passageRows } from "../explore/needle/presence.js";

export { mean };

/** Rows of a run's first marked passage; none where there is no mark. */
export const marked = (run) => (run.marks[0] ? passageRows(run, run.marks[0]) : []);

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b), n = sorted.length;
  return n === 0 ? NaN : n % 2 ? sorted[n >> 1] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/** The rows of a step that a layer scores: between the first ones and the local window. */
export function candidates(run, step, layer) {
  const lo = step.nInit;
  return { lo, hi: lo + (step.layers[layer].candidates ?? Math.max(0, step.n - 1 - step.nLocal - lo)) };
}

/** Scores of heads as eq. 5 to 7 have them, q·k without 1/√d, of the candidates alone. */
export function raw(run, step, layer) {
  const { lo, hi } = candidates(run, step, layer), scale = Math.sqrt(run.model.head_dim);
  return step.layers[layer].scores.map(({ head, values }) => ({ head, lo, values: values.subarray(lo, hi).map((v) => v * scale) }));
}

/** Softmax of scores. */
export function softmax(values) {
  let most = -Infinity, sum = 0;
  for (const v of values) most = Math.max(most, v);
  const out = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) sum += out[i] = Math.exp(values[i] - most);
  for (let i = 0; i < out.length; i++) out[i] /= sum;
  return out;
}

/** The sum of lists of the same length. */
export function sum(lists) {
  const out = new Float64Array(lists[0].length);
  for (const list of lists) for (let i = 0; i < out.length; i++) out[i] += list[i];
  return out;
}

/** Places of values, the largest first, equal ones in order. */
export function order(values) {
  return Uint32Array.from(values, (_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
}

/** Standard deviation: how loud a head is. */
export function spread(values) {
  const m = mean(values);
  let squares = 0;
  for (const v of values) squares += (v - m) ** 2;
  return Math.sqrt(squares / values.length);
}

/** A token, or several up to another one, with a few words before and after. */
export function context(run, row, around = 3, last = row) {
  const say = (from, to) => {
    let text = "";
    for (let r = from; r < to; r++) text += run.textOf(r);
    return text.replace(/\s+/g, " ");
  };
  return { before: say(Math.max(0, row - around), row).replace(/^[^\p{L}\p{N}]+/u, ""), token: last === row ? run.textOf(row) : say(row, last + 1), after: say(last + 1, Math.min(run.rows, last + 1 + around)) };
}

/** Row of the budgets of a sweep: with the run's own budgets, of a policy. */
export function swept(run, policy) {
  const rows = run.sweep.filter((row) => row.policy === policy);
  return rows.find((row) => row.k === run.selection.k) ?? rows.at(-1) ?? null;
}
