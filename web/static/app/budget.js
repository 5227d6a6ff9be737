// Policy and k: what the model attends to.
import { byId } from "./dom.js";
import { count } from "./format.js";

const STEP = 16;

/** The largest k with which no step attends to more tokens than the model was trained for. */
export function largestK({ context, selection: { n_init, n_local, chunk } }) {
  return Math.max(STEP, Math.floor((context - n_init - n_local - chunk) / STEP) * STEP);
}

/** A line about a policy for this model and document. */
export function describePolicy(policy, k, info, tokens) {
  const { n_init, n_local } = info.selection;
  switch (policy) {
    case "dense":
      if (tokens > info.context) {
        return `Every token is attended to. This model was trained on ${count(info.context)}; in a document of ${count(tokens)} it gets lost.`;
      }
      return "Every token is attended to: the time of a step grows with the document.";
    case "window":
      return `Only the first ${count(n_init)} and the last ${count(n_local + k)} tokens are attended to; what stands between them is not seen.`;
  }
  if (tokens > 0 && tokens < n_init + k + n_local) return `The document is short: its ${count(tokens)} tokens are all attended to, and none need to be chosen.`;
  return `Each layer picks ${count(k)} tokens at every step, beside the first ${count(n_init)} and last ${count(n_local)}.`;
}

/**
 * Wires the two controls.
 * @param {(selection: import("../tokenselect.js").Selection) => void} changed
 */
export function budget(changed) {
  const policy = byId("policy"), k = byId("k"), value = byId("k-value");
  let info = null, tokens = 0;

  const describe = () => {
    value.textContent = count(k.value);
    k.disabled = policy.value === "dense";
    byId("policy-note").textContent = info ? describePolicy(policy.value, Number(k.value), info, tokens) : "";
  };
  const selection = () => ({ policy: policy.value, k: Number(k.value) });
  const change = () => {
    describe();
    changed(selection());
  };
  policy.onchange = change;
  k.oninput = describe;
  k.onchange = change;
  describe();

  return {
    selection,
    /** Bounds for a model, and what the user wanted within them. */
    model(given, wanted) {
      info = given;
      for (const option of policy.options) option.disabled = info.policies.length > 0 && !info.policies.includes(option.value);
      k.max = largestK(info);
      k.min = Math.min(STEP, k.max);
      k.value = wanted.k ?? info.selection.k;
      policy.value = wanted.policy && (info.policies.length === 0 || info.policies.includes(wanted.policy)) ? wanted.policy : info.selection.policy;
      describe();
    },
    document(number) {
      tokens = number;
      describe();
    },
  };
}
