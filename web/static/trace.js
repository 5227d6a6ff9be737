// The messages of engine/trace, as far as their coding needs undoing.

/** Version of the messages; engine/trace has the same. */
export const VERSION = 2;

const NONE = new Uint32Array(0);

/** Undoes the coding of rows: the first, then distances. */
function sums(deltas) {
  const rows = new Uint32Array(deltas);
  for (let i = 1; i < rows.length; i++) rows[i] += rows[i - 1];
  return rows;
}

/** Rows before, without drop, with add; all ascending. */
function change(before, add, drop) {
  const rows = new Uint32Array(before.length + add.length - drop.length);
  let n = 0, a = 0, d = 0;
  for (const row of before) {
    while (a < add.length && add[a] < row) rows[n++] = add[a++];
    if (d < drop.length && drop[d] === row) d++;
    else rows[n++] = row;
  }
  while (a < add.length) rows[n++] = add[a++];
  if (n !== rows.length) throw new Error("trace: a step of the answer is missing");
  return rows;
}

/** Decodes the steps of one answer, in order. */
export class StepDecoder {
  #before = [];

  /** @returns {import("./tokenselect.js").Step} */
  decode(step) {
    const layers = step.layers.map((layer, i) => {
      let rows = null;
      if (layer.r) rows = sums(layer.r);
      else if (!layer.all) rows = change(this.#before[i] ?? NONE, sums(layer["+"] ?? []), sums(layer["-"] ?? []));
      this.#before[i] = rows;
      return { attended: layer.a, hit: layer.h ?? false, cosine: layer.c ?? 0, sliding: layer.sliding ?? false, rows };
    });
    return { n: step.n, n_init: step.n_init, n_local: step.n_local, layers };
  }
}

/** Where the document's tokens end, from their lengths. */
export function layout(rows) {
  return { first: rows.first, ends: sums(rows.lens) };
}
