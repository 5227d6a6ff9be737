// What the rows attended to say about the document.
import test from "node:test";
import assert from "node:assert/strict";
import { bins, lowerBound, peak, runs, sentence, Sources, tally } from "../static/app/attention.js";

/** A document of words, and where its tokens are when the first is in row first. */
function lay(text, first) {
  let at = 0;
  const words = text.match(/\s*(\w+|[^\w\s])/g);
  return { words, layout: { first, ends: Uint32Array.from(words, (w) => (at += w.length)) } };
}

const step = (...layers) => ({ n: 100, n_init: 2, n_local: 4, layers: layers.map((rows) => ({ attended: 0, hit: false, cosine: 0, rows: rows && Uint32Array.from(rows) })) });

test("tally counts the layers that chose each token of the document, and nothing outside it", () => {
  const layout = { first: 10, ends: Uint32Array.from([3, 6, 9, 12]) };
  assert.deepEqual([...tally(step([2, 10, 11], [11, 13, 14, 99], null, []), layout)], [1, 2, 0, 1]);
  const into = new Uint8Array(4).fill(9);
  assert.equal(tally(step([12]), layout, into), into);
  assert.deepEqual([...into], [0, 0, 1, 0]);
});

test("runs joins neighbours of equal level within bounds", () => {
  const counts = Uint8Array.from([0, 1, 2, 2, 8, 0, 0, 7, 8]);
  const level = (n) => Math.ceil(n / 2);
  assert.deepEqual(runs(counts, 0, 9, level), [{ from: 1, to: 4, level: 1 }, { from: 4, to: 5, level: 4 }, { from: 7, to: 9, level: 4 }]);
  assert.deepEqual(runs(counts, 2, 5, level), [{ from: 2, to: 4, level: 1 }, { from: 4, to: 5, level: 4 }]);
  assert.deepEqual(runs(counts, 5, 7, level), []);
});

test("bins keep the sum", () => {
  const counts = Uint8Array.from({ length: 1000 }, (_, i) => i % 7);
  for (const number of [1, 3, 64, 1000, 1500]) {
    const sums = bins(counts, number);
    assert.equal(sums.length, number);
    assert.equal(sums.reduce((a, b) => a + b), counts.reduce((a, b) => a + b), String(number));
  }
});

test("lowerBound finds the first that is not smaller", () => {
  const rows = Uint32Array.from([3, 3, 5, 9]);
  assert.deepEqual([0, 3, 4, 9, 10].map((v) => lowerBound(rows, v)), [0, 0, 2, 3, 4]);
  assert.equal(lowerBound(new Uint32Array(0), 1), 0);
});

test("peak is where scores are dense", () => {
  assert.equal(peak([]), -1);
  assert.equal(peak([[4, 1], [100, 1], [101, 1.1], [102, 1]]), 101);
  assert.equal(peak([[4, 5], [100, 1], [101, 1], [102, 1]]), 4);
});

test("sentence takes whole sentences without blanks", () => {
  const text = "A first one. Is this it? “Yes.” It is (3.5 of them)\nA heading\n\nThe end";
  const around = (word, length = word.length) => {
    const at = text.indexOf(word);
    const { start, end } = sentence(text, at, at + length);
    return text.slice(start, end);
  };
  assert.equal(around("first"), "A first one.");
  assert.equal(around(" Is"), "Is this it?");
  assert.equal(around("one."), "A first one.");
  assert.equal(around("Yes"), "“Yes.”");
  assert.equal(around("of them"), "It is (3.5 of them)");
  assert.equal(around("heading"), "A heading");
  assert.equal(around("end"), "The end");
  const long = "word ".repeat(1000);
  const { start, end } = sentence(long, 2500, 2504);
  assert.ok(start > 2000 && end < 3000, `${start} to ${end}`);
});

// Lookalike facts among other sentences, all of them attended to throughout; the
// right one's words are attended to while they are written. This is what the
// default model does.
const FIRST = 7;
const TEXT = "It was a modern day. Ada Dixon keeps a fox at home. The road was long. James Wade keeps a owl at home. It was a late day. " +
  "Tina Martin keeps a sheep at home. The judge went home early. James Wade lives in Oslo. It was a cold day.";

function answered(answer, chosen) {
  const { words, layout } = lay(TEXT, FIRST);
  const sources = new Sources(TEXT, layout);
  for (const word of answer) sources.add(word, step(...chosen(words, word, FIRST)));
  return { sources, words };
}

const facts = (words) => words.map((w, i) => i + FIRST).filter((_, i) => i > 5);

test("the source of an answer is the sentence that is attended to as it is repeated", () => {
  const copying = (words, word) => {
    const wade = words.lastIndexOf(" owl");
    const near = words.map((_, i) => i).filter((i) => Math.abs(i - wade) < 6 && words[i] === word).map((i) => i + FIRST);
    return [facts(words), near.length > 0 ? near : [9], [], near.length > 0 ? near.map((r) => r - 1) : [9]];
  };
  const { sources } = answered([" James", " Wade", " keeps", " a", " owl", "."], copying);
  const { start, end } = sources.find();
  assert.equal(TEXT.slice(start, end), "James Wade keeps a owl at home.");
  for (let i = 0; i < sources.length; i++) {
    const token = sources.find(i);
    assert.equal(TEXT.slice(token.start, token.end), "James Wade keeps a owl at home.", `token ${i}`);
  }
});

test("rare words outweigh common ones: the short answer that begins like another sentence", () => {
  const { sources } = answered(["It", " is", " the", " sheep", "."], (words) => [facts(words), facts(words), words.map((_, i) => i + FIRST)]);
  const { start, end } = sources.find();
  assert.equal(TEXT.slice(start, end), "Tina Martin keeps a sheep at home.");
});

test("what stands in the local window is found there, though it is not chosen but always attended to", () => {
  const { words, layout } = lay(TEXT, FIRST);
  const at = words.indexOf(" sheep") + FIRST, n = words.length + 20;
  const sources = new Sources(TEXT, layout);
  for (const word of [" Tina", " Martin", " keeps", " a", " sheep"]) {
    sources.add(word, { ...step([9, 10], [FIRST + words.indexOf(" keeps") - 1]), n, n_local: n - at + 4 });
  }
  const { start, end } = sources.find();
  assert.equal(TEXT.slice(start, end), "Tina Martin keeps a sheep at home.");
});

test("with a sliding window the first tokens of the text are no source, and all of the window is", () => {
  const { words, layout } = lay(TEXT, FIRST), n = FIRST + words.length + 20;
  const found = (attended) => {
    const sources = new Sources(TEXT, layout), { layers } = step([], []);
    for (const word of [" modern", " day"]) sources.add(word, { n, n_init: FIRST + 6, n_local: 4, layers: layers.map((l) => ({ ...l, sliding: true, attended })) });
    return sources.find();
  };
  assert.equal(found(20), null);
  const all = found(n - 1);
  assert.equal(TEXT.slice(all.start, all.end), "It was a modern day.");
});

test("where everything is attended to, the words alone tell", () => {
  const { sources } = answered([" Oslo"], () => [null, null]);
  const { start, end } = sources.find();
  assert.equal(TEXT.slice(start, end), "James Wade lives in Oslo.");
});

test("where no word is repeated, the rows attended to most tell; where nothing is, nothing", () => {
  const { sources } = answered(["Nobody", " knows"], (words) => {
    const judge = words.indexOf(" judge") + FIRST;
    return [[9, 30, judge], [judge, judge + 1], [judge - 1, judge]];
  });
  const { start, end } = sources.find();
  assert.equal(TEXT.slice(start, end), "The judge went home early.");
  const none = answered(["Nobody"], () => [[], [0, 1, 500]]).sources;
  assert.equal(none.find(), null);
  const without = new Sources(TEXT, lay(TEXT, 0).layout);
  without.add("Oslo", undefined);
  assert.equal(without.find(0), null);
});
