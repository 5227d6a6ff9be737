// What the recorded parts of a layer say about its heads. A layer is one of a
// run's steps; what was not recorded gives null.

export const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** For each head the share of dense attention's mass that lies on rows that were attended to. */
export const recalls = (layer) => layer.mass?.map((shares) => 1 - shares[3]) ?? null;

/** For each head the share of its attention that its recorded rows hold: those with the most weight between the first and the local ones. */
export const concentrations = (layer) => layer.weights?.map((weights) => weights.reduce((sum, w) => sum + w, 0)) ?? null;

/** The head with the heaviest row, as {layer, head, weight}; null where no weights were recorded. */
export function heaviest(layers) {
  let best = null;
  layers.forEach((layer, i) => layer.weights?.forEach((weights, head) => {
    if (weights.length > 0 && (best === null || weights[0] > best.weight)) best = { layer: i, head, weight: weights[0] };
  }));
  return best;
}

/** Has a head a row among its own k best? */
export const votesFor = (masks, heads, i, head) => (masks[i * Math.ceil(heads / 8) + (head >> 3)] & (1 << (head & 7))) !== 0;

/**
 * How far the heads of a layer agree on its selected rows.
 * @returns {{counts: Uint8Array, byCount: number[], own: number[], alike: number[][]} | null}
 * counts: for each selected row the heads that have it among their own k best;
 * byCount: how many rows have so many; own: how many selected rows each head has;
 * alike: of the rows of either of two heads, the share that both have (Jaccard)
 */
export function agreement(layer, heads) {
  if (!layer.heads || !layer.rows) return null;
  const rows = layer.rows.length, counts = new Uint8Array(rows);
  const byCount = new Array(heads + 1).fill(0), both = Array.from({ length: heads }, () => new Array(heads).fill(0));
  const having = [];
  for (let i = 0; i < rows; i++) {
    having.length = 0;
    for (let h = 0; h < heads; h++) {
      if (votesFor(layer.heads, heads, i, h)) having.push(h);
    }
    counts[i] = having.length;
    byCount[having.length]++;
    for (const a of having) for (const b of having) both[a][b]++;
  }
  const own = both.map((row, h) => row[h]);
  const alike = both.map((row, a) => row.map((n, b) => (n === 0 ? 0 : n / (own[a] + own[b] - n))));
  return { counts, byCount, own, alike };
}

/** Places of the selected rows with the most votes, the most first; of equal ones the first in the text. */
export function mostVoted(layer, number) {
  const places = Array.from(layer.rows, (_, i) => i);
  return places.sort((a, b) => layer.votes[b] - layer.votes[a] || a - b).slice(0, number);
}
