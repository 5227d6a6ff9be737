// Which rows a step attended to, and how much they were wanted.
import { lowerBound } from "../app/attention.js";

/** What a row is to a step. */
export const LEFT_OUT = 0, SELECTED = 1, SINK = 2, LOCAL = 3;

/** The layers that are looked at: one, or all. */
export const layersOf = (step, layer) => (layer === "all" ? step.layers : step.layers.slice(layer, layer + 1));

/** Where the first rows, which are read at every step, end. A layer with a sliding window has none. */
export const firstTo = (step, layer) => (layer.sliding ? 0 : Math.min(step.nInit, step.n));

/**
 * Where the local window begins in a step: what is attended to behind the selected
 * rows, a chunk's own tokens too. Every row from there on is read.
 */
export function localFrom(step, layer) {
  if (!layer.rows) return 0;
  const first = firstTo(step, layer);
  return Math.max(first, step.n - (layer.attended - first - layer.rows.length));
}

/** Does a layer attend to a row without having selected it? */
export const unasked = (step, layer, row) => row < firstTo(step, layer) || row >= localFrom(step, layer);

/**
 * What is read without being selected by those of the layers that do not read all:
 * up to the end of the first rows, and from where the first of the windows begins;
 * behind where the last one does, nothing is selected.
 */
export function unaskedOf(step, layers) {
  const some = layers.filter((l) => l.rows);
  const local = some.map((l) => localFrom(step, l));
  return { to: Math.max(0, ...some.map((l) => firstTo(step, l))), from: Math.min(step.n, ...local), last: Math.max(0, ...local) };
}

/** Place of a row in ascending rows, or -1. */
export function placeOf(rows, row) {
  const i = lowerBound(rows, row);
  return rows[i] === row ? i : -1;
}

/** Octaves of votes below one that are told apart. */
const OCTAVES = 14;

/** A vote as a strength of 0 to 1, on a scale of octaves. */
export const strength = (vote) => (vote > 0 ? Math.min(1, Math.max(0.08, 1 + Math.log2(vote) / OCTAVES)) : 0.08);

/**
 * What a step attended to, row by row: kinds, and for selected rows the strength
 * of their votes, or the share of the layers where votes were not recorded.
 * @returns {{kinds: Uint8Array, strengths: Float32Array, votes: boolean, dense: boolean}} [step.n]; dense: a layer read every row
 */
export function attended(step, layer) {
  const kinds = new Uint8Array(step.n), strengths = new Float32Array(step.n);
  const layers = layersOf(step, layer), votes = layers.some((l) => l.votes);
  const dense = layers.filter((l) => l.rows === null).length;
  if (dense > 0) {
    kinds.fill(SELECTED);
    strengths.fill(0.35 * (dense / layers.length));
  }
  if (dense < layers.length) {
    const { to, from } = unaskedOf(step, layers);
    kinds.fill(SINK, 0, to);
    kinds.fill(LOCAL, from);
  }
  for (const l of layers) {
    if (!l.rows) continue;
    for (let i = 0; i < l.rows.length; i++) {
      const row = l.rows[i];
      kinds[row] = SELECTED;
      if (l.votes) strengths[row] = Math.max(strengths[row], strength(l.votes[i]));
      else if (!votes) strengths[row] += 1 / layers.length;
    }
  }
  return { kinds, strengths, votes, dense: dense > 0 };
}

/** The greatest vote for a row in the layers that are looked at; null: none was recorded. */
export function voteOf(step, layer, row) {
  let most = null;
  for (const l of layersOf(step, layer)) {
    if (!l.rows || !l.votes) continue;
    const i = placeOf(l.rows, row);
    if (i >= 0) most = Math.max(most ?? 0, l.votes[i]);
  }
  return most;
}

/** In how many of the layers that are looked at a row was attended to. */
export function readersOf(step, layer, row) {
  return layersOf(step, layer).filter((l) => unasked(step, l, row) || placeOf(l.rows, row) >= 0).length;
}

/**
 * Stretches of selected rows with little between them, those with the most votes first.
 * @returns {{from: number, to: number, weight: number}[]} rows [from, to)
 */
export function clusters({ kinds, strengths, dense }, most, gap = 6) {
  const found = [];
  if (dense) return found;
  let now = null;
  for (let row = 0; row < kinds.length; row++) {
    if (kinds[row] !== SELECTED) continue;
    if (!now || row - now.to > gap) found.push(now = { from: row, to: row, weight: 0 });
    now.to = row + 1;
    // Votes, not their octaves: one strong token counts more than many weak ones.
    now.weight += 2 ** (OCTAVES * (strengths[row] - 1));
  }
  return found.sort((a, b) => b.weight - a.weight).slice(0, most);
}
