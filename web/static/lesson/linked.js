// What the lesson's figures look at together: a step of the answer, a layer, and a
// head of the layer whose scores were recorded. It is in the page's address, so that a
// link shows what was looked at.

export class Linked {
  #told = new Set();

  /** @param {{step: number, layer: number, head: number, scored: number}} start  scored: the layer whose heads' scores there are */
  constructor(start) {
    Object.assign(this, start);
  }

  /** f is called after every change. Returns how to stop that. */
  subscribe(f) {
    this.#told.add(f);
    return () => this.#told.delete(f);
  }

  set(patch) {
    const changed = Object.entries(patch).some(([name, value]) => this[name] !== value);
    if (!changed) return;
    Object.assign(this, patch);
    for (const f of this.#told) f();
  }
}

/** The layer whose heads' scores a run has, else the one in the middle. */
export function layerOf(run) {
  const found = run.steps[0]?.layers.findIndex((layer) => layer.scores) ?? -1;
  return found < 0 ? run.model.layers >> 1 : found;
}

/** The step that writes the expected answer, else the last but one. */
export function stepOf(run) {
  const found = run.expected ? run.steps.findIndex((step) => step.text.trim() && run.expected.startsWith(step.text.trim())) : -1;
  return found < 0 ? Math.max(0, run.steps.length - 2) : found;
}

/** Where a run is looked at first, with what an address asks for. */
export function beginning(run, parameters) {
  const number = (name, most, otherwise) => {
    const given = parameters.get(name);
    return given !== null && /^\d+$/.test(given) && Number(given) < most ? Number(given) : otherwise;
  };
  return { scored: layerOf(run), layer: number("layer", run.model.layers, layerOf(run)), step: number("step", run.steps.length, stepOf(run)), head: number("head", run.model.heads, loudest(run)) };
}

/** The head with the widest scores at the step that is looked at first. */
function loudest(run) {
  const scores = run.steps[stepOf(run)]?.layers[layerOf(run)]?.scores;
  if (!scores) return 0;
  return scores.reduce((most, one) => (one.hi - one.lo > most.hi - most.lo ? one : most)).head;
}
