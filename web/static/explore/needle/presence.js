// Is a passage among the rows that a layer attends to, and by how much?
import { placeOf, unasked } from "../attended.js";

/** The rows of a passage of the document. @returns {number[]} */
export function passageRows(run, { start, end }) {
  const rows = [];
  if (!run.layout) return rows;
  for (let row = run.layout.first; row < run.layout.first + run.layout.ends.length; row++) {
    const at = run.offsetsOf(row);
    if (at.start >= end) break;
    if (at.end > start && at.end > at.start) rows.push(row);
  }
  return rows;
}

/**
 * How a layer of a step treats a passage.
 * @returns {{read: number, selected: number, always: number, best: number | null, margin: number | null, bestRow: number | null}}
 * read: its rows that were attended to, of them selected ones and those that
 * always are (first or local); best: the largest vote of its selected rows;
 * margin: the octaves (log2) by which that is above the greatest vote left out,
 * null where no row of it was selected or there was no vote
 */
export function presence(step, layer, rows) {
  if (!layer.rows) return { read: rows.length, selected: 0, always: rows.length, best: null, margin: null, bestRow: null };
  let selected = 0, always = 0, best = null, bestRow = null;
  for (const row of rows) {
    if (unasked(step, layer, row)) {
      always++;
      continue;
    }
    const i = placeOf(layer.rows, row);
    if (i < 0) continue;
    selected++;
    const vote = layer.votes?.[i] ?? null;
    if (vote !== null && (best === null || vote > best)) {
      best = vote;
      bestRow = row;
    }
  }
  const out = layer.cut?.[1];
  const margin = best !== null && out > 0 ? Math.max(0, Math.log2(best / out)) : null;
  return { read: selected + always, selected, always, best, margin, bestRow };
}
