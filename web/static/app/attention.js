// What the rows that the layers attended to say about the document: how strongly
// each of its tokens is read at a step, and where an answer was read from. Pure
// functions and data, without a page.

/** @typedef {import("../tokenselect.js").Step} Step */
/** @typedef {import("../tokenselect.js").Layout} Layout */

/**
 * For every token of the document the number of layers that chose it at a step.
 * Layers that attended to everything chose nothing.
 * @param {Step} step
 * @param {Layout} layout
 * @param {Uint8Array} [into] as long as the document has tokens; is overwritten
 * @returns {Uint8Array}
 */
export function tally(step, layout, into = new Uint8Array(layout.ends.length)) {
  into.fill(0);
  for (const { rows } of step.layers) {
    if (!rows) continue;
    for (let i = lowerBound(rows, layout.first); i < rows.length; i++) {
      const token = rows[i] - layout.first;
      if (token >= into.length) break;
      into[token]++;
    }
  }
  return into;
}

/**
 * Neighbouring tokens of equal weight as one run, those of weight 0 left out.
 * @param {Uint8Array} counts of tokens
 * @param {number} from first token
 * @param {number} to past the last
 * @param {(count: number) => number} level of a count; equal levels join
 * @returns {{from: number, to: number, level: number}[]}
 */
export function runs(counts, from, to, level) {
  const found = [];
  let open = null;
  for (let i = from; i < to; i++) {
    const now = counts[i] === 0 ? 0 : level(counts[i]);
    if (open && open.level === now) {
      open.to = i + 1;
      continue;
    }
    open = now === 0 ? null : { from: i, to: i + 1, level: now };
    if (open) found.push(open);
  }
  return found;
}

/** Sums of counts over equal stretches of the document, for an overview. */
export function bins(counts, number) {
  const out = new Float32Array(number);
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] > 0) out[Math.floor((i * number) / counts.length)] += counts[i];
  }
  return out;
}

/** The first index of ascending rows whose value is at least v. */
export function lowerBound(rows, v) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] < v) low = middle + 1;
    else high = middle;
  }
  return low;
}

const meaning = (text) => {
  const word = text.trim().toLowerCase();
  return /[\p{L}\p{N}]/u.test(word) ? word : "";
};

/** The words of a document's tokens, for finding those that an answer repeats. */
class Words {
  #ids = new Map();
  /** @type {Int32Array} id of each token's word, -1 where it has none */
  of;
  /** @type {number[][]} by id: the tokens */
  places = [];

  constructor(document, { ends }) {
    this.of = new Int32Array(ends.length).fill(-1);
    for (let i = 0; i < ends.length; i++) {
      const word = meaning(document.slice(i > 0 ? ends[i - 1] : 0, ends[i]));
      if (word === "") continue;
      let id = this.#ids.get(word);
      if (id === undefined) {
        id = this.places.length;
        this.#ids.set(word, id);
        this.places.push([]);
      }
      this.of[i] = id;
      this.places[id].push(i);
    }
  }

  id(text) {
    return this.#ids.get(meaning(text)) ?? -1;
  }

  /** 1 for a word that is there once in a long document, 0 for one that is everywhere. */
  rarity(id) {
    const tokens = this.of.length + 1;
    return Math.log(tokens / (1 + this.places[id].length)) / Math.log(tokens);
  }
}

// Rows that are attended to all through an answer say little about where it
// comes from: eight lookalike facts are all chosen. What does tell is a row that
// is attended to while its own token, or the one after it, is being written. So
// that counts, rare words more than common ones, and mere attention only where
// there is nothing else. On long documents of lookalike facts, keys and numbers
// this ranks the right sentence first every time, even when the model then
// misquotes it; attention alone does so for half of them.
const RARITY = 4; // the power of a word's rarity: from 3 on "tiger" wins over "it"
const SPREAD = 8; // tokens that a score reaches on either side
const REACH = 4; // answer tokens over which other steps fade, for one token's source
const FLOOR = 0.05; // weight of those that are farther
const ALWAYS = 0.5; // weight of a row that is attended to without being chosen, at the start and in the local window

/** Collects the steps of one answer and finds what it was read from. */
export class Sources {
  #document;
  #layout;
  #words = null;
  #copies = []; // by piece: Map from token to score
  #mere; // by token: layers and steps that chose it

  /**
   * @param {string} document
   * @param {Layout} layout
   */
  constructor(document, layout) {
    this.#document = document;
    this.#layout = layout;
    this.#mere = new Float32Array(layout.ends.length);
  }

  get length() {
    return this.#copies.length;
  }

  /**
   * Takes the next piece of the answer.
   * @param {string} text
   * @param {Step} [step] what its token was computed from
   */
  add(text, step) {
    const scores = new Map();
    this.#copies.push(scores);
    if (!step) return;
    this.#words ??= new Words(this.#document, this.#layout);
    const { first } = this.#layout;
    const words = this.#words, id = words.id(text);
    const weight = id < 0 ? 0 : words.rarity(id) ** RARITY;
    const count = (token, seen, share = 1) => {
      if (seen.has(token)) return;
      seen.add(token);
      scores.set(token, (scores.get(token) ?? 0) + weight * share);
    };
    const places = id < 0 ? [] : words.places[id];
    const unchosen = places.filter((token) => first + token < step.n_init || first + token >= step.n - step.n_local);
    for (const { rows, sliding, attended } of step.layers) {
      const seen = new Set();
      if (!rows) {
        if (id >= 0) for (const token of words.places[id]) count(token, seen);
        continue;
      }
      for (let i = lowerBound(rows, first); i < rows.length; i++) {
        const token = rows[i] - first;
        if (token >= this.#mere.length) break;
        this.#mere[token]++;
        if (id < 0) continue;
        if (words.of[token] === id) count(token, seen);
        if (words.of[token + 1] === id) count(token + 1, seen);
      }
      const always = sliding ? places.filter((token) => first + token >= step.n - attended) : unchosen;
      for (const token of always) count(token, seen, ALWAYS);
    }
  }

  /**
   * Where a piece was read from, or the whole answer.
   * @param {number} [piece] index; absent: the answer
   * @returns {{start: number, end: number, token: number} | null} UTF-16 offsets
   *   of a sentence of the document and the token in its heart; null where
   *   nothing points anywhere
   */
  find(piece) {
    const scores = new Map();
    this.#copies.forEach((copies, i) => {
      const weight = piece === undefined ? 1 : FLOOR + Math.exp(-Math.abs(i - piece) / REACH);
      for (const [token, score] of copies) scores.set(token, (scores.get(token) ?? 0) + score * weight);
    });
    let token = peak([...scores].sort((a, b) => a[0] - b[0]));
    if (token < 0) token = peak(Array.from(this.#mere, (score, i) => [i, score]).filter(([, score]) => score > 0));
    if (token < 0) return null;
    const { ends } = this.#layout;
    return { token, ...sentence(this.#document, token > 0 ? ends[token - 1] : 0, ends[token]) };
  }
}

/**
 * The token whose score, with its neighbours' in weights that fall in a straight
 * line to both sides, is highest; -1 where there is none.
 * @param {[number, number][]} scores of tokens, ascending by token
 */
export function peak(scores) {
  let best = -1, highest = 0;
  for (let i = 0, from = 0; i < scores.length; i++) {
    const [token] = scores[i];
    while (scores[from][0] < token - SPREAD) from++;
    let sum = 0;
    for (let j = from; j < scores.length && scores[j][0] <= token + SPREAD; j++) {
      sum += scores[j][1] * (1 - Math.abs(scores[j][0] - token) / (SPREAD + 1));
    }
    if (sum > highest) {
      highest = sum;
      best = token;
    }
  }
  return best;
}

const FARTHEST = 400; // UTF-16 units, where a sentence has no end

/** The sentence of text around [start, end), without blanks at its ends. */
export function sentence(text, start, end) {
  while (start < end && /\s/.test(text[start])) start++; // a token's blank is the end of the sentence before
  const before = text.slice(Math.max(0, start - FARTHEST), start);
  const after = text.slice(end, end + FARTHEST);
  const breaks = [...before.matchAll(/[.!?]["'”’)]*\s+|\n/g)];
  const last = breaks.at(-1);
  let from = start - before.length + (last ? last.index + last[0].length : 0);
  const closes = /[.!?]$/.test(text.slice(start, end).trim());
  const next = closes ? null : after.match(/[.!?]["'”’)]*(?=\s|$)|\n/);
  let to = end + (closes ? 0 : next ? next.index + next[0].length : after.length);
  while (from < to && /\s/.test(text[from])) from++;
  while (to > from && /\s/.test(text[to - 1])) to--;
  return { start: from, end: to };
}
