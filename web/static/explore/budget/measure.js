// What a budget costs and what it gives, from a run with it.
import { mean, recalls } from "../heads/measures.js";
import { passageRows, presence } from "../needle/presence.js";

/** Budgets that differ in nothing that is shown share a key: k means nothing to dense attention. */
export const keyOf = ({ policy, k }) => (policy === "dense" ? policy : `${policy} ${k}`);

/**
 * The answer that others are compared with, and which of its tokens spell what is
 * right in it: the expected text where that is known and was said, else all.
 */
export function reference(run) {
  const texts = run.steps.map((s) => s.text), whole = texts.join("");
  const right = run.expected && whole.includes(run.expected) ? run.expected : null;
  const from = right ? whole.indexOf(right) : 0, to = right ? from + right.length : whole.length;
  let at = 0;
  const counts = texts.map((text) => {
    const begin = at;
    at += text.length;
    return begin < to && at > from;
  });
  return { tokens: run.steps.map((s) => s.token), texts, counts, right: right ?? whole.trim() };
}

/**
 * How likely a run finds a reference's tokens, as long as it says the same.
 * @returns {{p: number | null, bound: boolean, left: {step: number, said: string, wanted: string} | null}}
 * p: geometric mean of the tokens that count, as far as they could be compared;
 * bound: it is at most that, as the wanted token was not among the likeliest;
 * left: where the run said something else
 */
export function likelihood(run, ref) {
  let loss = 0, number = 0, bound = false, left = null;
  for (let i = 0; i < Math.min(run.steps.length, ref.tokens.length) && !left; i++) {
    const step = run.steps[i];
    if (step.p === null || step.p === undefined) return { p: null, bound: false, left: null };
    let p = step.p;
    if (step.token !== ref.tokens[i]) {
      left = { step: i, said: step.text, wanted: ref.texts[i] };
      if (!ref.counts[i] && number > 0) break; // what counts has been compared as far as it goes
      const listed = step.top?.find((t) => t.token === ref.tokens[i]);
      bound = !listed;
      p = listed ? listed.p : Math.min(step.p, ...(step.top ?? []).map((t) => t.p));
    } else if (!ref.counts[i]) {
      continue;
    }
    loss -= Math.log(Math.max(p, Number.MIN_VALUE));
    number++;
  }
  return { p: number > 0 ? Math.exp(-loss / number) : null, bound, left };
}

/** The probability that a run gave a reference's token at a step, if it had said the same until then. */
export function atStep(run, ref, i) {
  for (let n = 0; n < i; n++) {
    if (run.steps[n]?.token !== ref.tokens[n]) return null;
  }
  const step = run.steps[i];
  if (!step || step.p === null || step.p === undefined) return null;
  if (step.token === ref.tokens[i]) return { p: step.p, bound: false };
  const listed = step.top?.find((t) => t.token === ref.tokens[i]);
  return listed ? { p: listed.p, bound: false } : { p: Math.min(step.p, ...(step.top ?? []).map((t) => t.p)), bound: true };
}

/**
 * A run as a budget beside others.
 * @param {number | null} ms per token of a run in which nothing was recorded; null: not measured
 */
export function measured(run, ref, ms) {
  const { policy, k, n_local, n_init } = run.selection;
  // The first token's step is that of the prompt's last chunk, which reads more.
  const steps = run.steps.length > 1 ? run.steps.slice(1) : run.steps;
  const layers = steps.flatMap((step) => step.layers.map((layer) => ({ step, layer })));
  const recall = layers.flatMap(({ layer }) => recalls(layer) ?? (layer.rows === null ? [1] : []));
  const mark = run.marks?.[0], passage = mark ? passageRows(run, mark) : [];
  return {
    policy, k, n_local, n_init, ...likelihood(run, ref),
    rows: layers.length > 0 ? mean(layers.map(({ layer }) => layer.attended)) : null,
    recall: recall.length > 0 ? mean(recall) : null,
    ms, answer: run.answer, run,
    in: passage.length > 0 && layers.length > 0 ? mean(layers.map(({ step, layer }) => (presence(step, layer, passage).read === passage.length ? 1 : 0))) : null,
  };
}

/** The budget nearest to k among those of a policy, by ratio; of equally near ones the smaller. Null if there is none. */
export function nearest(budgets, policy, k) {
  let best = null, far = Infinity;
  for (const b of [...budgets].filter((x) => x.policy === policy).sort((a, c) => a.k - c.k)) {
    const distance = policy === "dense" ? 0 : Math.abs(Math.log((b.k || 1) / (k || 1)));
    if (distance < far) [best, far] = [b, distance];
  }
  return best;
}
