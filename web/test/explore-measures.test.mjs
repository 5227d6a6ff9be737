// What the explorer's views say about heads, passages and budgets.
import test from "node:test";
import assert from "node:assert/strict";
import { atStep, keyOf, likelihood, measured, nearest, reference } from "../static/explore/budget/measure.js";
import { csv } from "../static/explore/csv.js";
import { LEFT_OUT, LOCAL, SELECTED, SINK, attended, localFrom, readersOf } from "../static/explore/attended.js";
import { agreement, concentrations, heaviest, mostVoted, recalls, votesFor } from "../static/explore/heads/measures.js";
import { passageRows, presence } from "../static/explore/needle/presence.js";
import { oneLine, percent, probability } from "../static/explore/numbers.js";
import { columnsOf } from "../static/explore/skyline.js";

const close = (got, want, what) => assert.ok(Math.abs(got - want) < 1e-6, `${what ?? ""} ${got}, expected ${want}`);

test("agreement counts the heads of each row, and what two heads share", () => {
  // Head 0 has rows 0, 1, 2; head 1 rows 1, 2; head 9 row 2; row 3 has nobody.
  const masks = Uint8Array.from([0b01, 0, 0b11, 0, 0b11, 0b10, 0, 0]);
  const { counts, byCount, own, alike } = agreement({ rows: Uint32Array.from([20, 21, 30, 40]), heads: masks }, 10);
  assert.deepEqual([...counts], [1, 2, 3, 0]);
  assert.deepEqual(byCount, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(own, [3, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
  close(alike[0][1], 2 / 3);
  close(alike[1][9], 1 / 2);
  close(alike[9][0], 1 / 3);
  close(alike[0][0], 1);
  assert.equal(alike[2][2], 0);
  assert.equal(votesFor(masks, 10, 2, 9), true);
  assert.equal(votesFor(masks, 10, 2, 8), false);
  assert.equal(agreement({ rows: null, heads: masks }, 10), null);
  assert.equal(agreement({ rows: Uint32Array.from([1]), heads: null }, 10), null);
});

test("recall, concentration and the heaviest row come from what was recorded, or are null", () => {
  const layer = { mass: [[0.1, 0.2, 0.3, 0.4], [0, 0, 0, 1]], weights: [Float32Array.from([0.5, 0.25]), Float32Array.from([0.625])] };
  close(recalls(layer)[0], 0.6);
  assert.equal(recalls(layer)[1], 0);
  assert.deepEqual(concentrations(layer), [0.75, 0.625]);
  assert.deepEqual(heaviest([{ weights: null }, layer]), { layer: 1, head: 1, weight: 0.625 });
  assert.equal(heaviest([{ weights: null }, { weights: [new Float32Array(0)] }]), null);
  assert.equal(recalls({ mass: null }), null);
  assert.equal(concentrations({ weights: null }), null);
  assert.deepEqual(mostVoted({ rows: [5, 6, 7, 8], votes: [1, 3, 3, 2] }, 3), [1, 2, 3]);
});

const selected = { attended: 2 + 4 + 11, rows: Uint32Array.from([10, 11, 40, 60]), votes: Float32Array.from([0.5, 2, 0.25, 0.25]), cut: [0.25, 0.125], hit: false };
const step = { n: 100, nInit: 2, nLocal: 10 };

test("a passage is read where it is selected, or among the first and the local rows", () => {
  assert.equal(localFrom(step, selected), 89);
  assert.deepEqual(presence(step, selected, [9, 10, 11, 12]), { read: 2, selected: 2, always: 0, best: 2, margin: 4, bestRow: 11 });
  assert.deepEqual(presence(step, selected, [61, 62]), { read: 0, selected: 0, always: 0, best: null, margin: null, bestRow: null });
  assert.deepEqual(presence(step, selected, [0, 1, 2]), { read: 2, selected: 0, always: 2, best: null, margin: null, bestRow: null });
  assert.deepEqual(presence(step, selected, [88, 89, 99]), { read: 2, selected: 0, always: 2, best: null, margin: null, bestRow: null });
  assert.equal(presence(step, { ...selected, votes: null, cut: null, hit: true }, [10]).margin, null);
  assert.deepEqual(presence(step, { attended: 100, rows: null }, [50, 51]), { read: 2, selected: 0, always: 2, best: null, margin: null, bestRow: null });
  // The window alone: nothing is selected, and its budget is local.
  assert.equal(presence(step, { attended: 62, rows: new Uint32Array(0) }, [39, 40]).read, 1);
});

test("a layer with a sliding window reads what is in it, and not the first rows", () => {
  const sliding = { attended: 50, sliding: true, hit: false, rows: new Uint32Array(0), votes: null };
  const at = (layers) => ({ ...step, layers }), runs = (values) => Object.values(values).reduce((all, v) => (v === all.at(-1) ? all : [...all, v]), []);
  assert.equal(localFrom(step, sliding), 50);
  assert.deepEqual(presence(step, sliding, [0, 1, 49, 50, 99]), { read: 2, selected: 0, always: 2, best: null, margin: null, bestRow: null });
  for (const kinds of [attended(at([sliding]), 0).kinds, columnsOf(at([sliding]), 0, 100, 100).kinds]) {
    assert.deepEqual(runs(kinds), [LEFT_OUT, LOCAL]);
    assert.equal(kinds.indexOf(LOCAL), 50);
  }
  // Beside one that selects, whose rows are seen in the window too.
  for (const kinds of [attended(at([sliding, selected]), "all").kinds, columnsOf(at([sliding, selected]), "all", 100, 100).kinds]) {
    assert.deepEqual(runs(kinds), [SINK, LEFT_OUT, SELECTED, LEFT_OUT, SELECTED, LEFT_OUT, LOCAL, SELECTED, LOCAL]);
    assert.deepEqual([kinds[1], kinds[2], kinds[50], kinds[60], kinds[61]], [SINK, LEFT_OUT, LOCAL, SELECTED, LOCAL]);
  }
  assert.deepEqual([0, 20, 40, 60, 70, 95].map((row) => readersOf(at([sliding, selected]), "all", row)), [1, 0, 1, 2, 1, 2]);
  // And beside one that reads all, nothing is left out.
  const dense = { attended: 100, sliding: false, rows: null, votes: null };
  assert.deepEqual(runs(attended(at([sliding, dense]), "all").kinds), [SELECTED, LOCAL]);
  assert.deepEqual([0, 70].map((row) => readersOf(at([sliding, dense]), "all", row)), [1, 2]);
});

test("a passage's rows are those with some of its text", () => {
  const ends = Uint32Array.from([3, 6, 6, 10]); // a character of two tokens belongs to its last
  const run = { layout: { first: 4, ends }, offsetsOf: (row) => ({ start: row > 4 ? ends[row - 5] : 0, end: ends[row - 4] }) };
  assert.deepEqual(passageRows(run, { start: 2, end: 7 }), [4, 5, 7]);
  assert.deepEqual(passageRows(run, { start: 3, end: 6 }), [5]);
  assert.deepEqual(passageRows(run, { start: 30, end: 60 }), []);
  assert.deepEqual(passageRows({ layout: null }, { start: 0, end: 9 }), []);
});

const said = (...tokens) => ({ steps: tokens.map(([text, p, top = []]) => ({ token: text.length * 31 + text.charCodeAt(text.length - 1), text, p, top, layers: [] })) });
const id = (text) => text.length * 31 + text.charCodeAt(text.length - 1);

test("the right answer's tokens are those that spell it; without one, all count", () => {
  const run = { ...said([" She", 0.9], [" keeps", 0.9], [" a", 0.9], [" par", 0.5], ["rot", 0.125], [".", 0.9]), expected: "parrot" };
  assert.deepEqual(reference(run).counts, [false, false, false, true, true, false]);
  close(likelihood(run, reference(run)).p, 0.25);
  assert.deepEqual(reference({ ...run, expected: "owl" }).counts, [true, true, true, true, true, true]);
  assert.equal(reference({ ...run, expected: null }).right, "She keeps a parrot.");
});

test("a run is compared up to where it says something else", () => {
  const run = { ...said([" a", 0.9], [" par", 0.5], ["rot", 0.5]), expected: "parrot" }, ref = reference(run);
  const other = said([" a", 0.9], [" owl", 0.8, [{ token: id(" owl"), p: 0.8 }, { token: id(" par"), p: 0.1 }]], ["s", 0.9]);
  const got = likelihood(other, ref);
  close(got.p, 0.1);
  assert.equal(got.bound, false);
  assert.deepEqual(got.left, { step: 1, said: " owl", wanted: " par" });
  const unlisted = likelihood(said([" a", 0.9], [" owl", 0.8, [{ token: id(" owl"), p: 0.8 }, { token: 1, p: 0.05 }]]), ref);
  close(unlisted.p, 0.05);
  assert.equal(unlisted.bound, true);
  assert.deepEqual(likelihood(said([" a", null]), ref), { p: null, bound: false, left: null });
  assert.deepEqual(atStep(other, ref, 1), { p: 0.1, bound: false });
  assert.deepEqual(atStep(other, ref, 2), null);
});

test("a run measured as a budget leaves the prompt's last chunk out", () => {
  const layer = (attended, out) => ({ attended, rows: Uint32Array.from([10]), mass: [[0, 0, 1 - out, out]] });
  const run = {
    selection: { policy: "tokenselect", k: 1, n_local: 4, n_init: 2 }, answer: "a b", marks: [{ start: 0, end: 3 }],
    layout: { first: 10, ends: Uint32Array.from([3, 6]) }, offsetsOf: (row) => ({ start: (row - 10) * 3, end: (row - 9) * 3 }),
    steps: [[900, 0], [8, 0.5], [10, 0.7]].map(([a, out], i) => ({ token: i, text: "a", p: 0.5, top: [], n: 100, nInit: 2, nLocal: 4, layers: [layer(a, out)] })),
  };
  const b = measured(run, reference(run), 12);
  assert.equal(b.rows, 9);
  close(b.recall, 0.4);
  close(b.p, 0.5);
  assert.equal(b.in, 1);
  assert.equal(b.ms, 12);
});

test("the nearest budget is one of those that there are", () => {
  const budgets = [{ policy: "tokenselect", k: 512 }, { policy: "tokenselect", k: 128 }, { policy: "window", k: 512 }, { policy: "dense", k: 512 }];
  assert.equal(nearest(budgets, "tokenselect", 200).k, 128);
  assert.equal(nearest(budgets, "tokenselect", 260).k, 512);
  assert.equal(nearest(budgets, "tokenselect", 256).k, 128, "as far from both");
  assert.equal(nearest(budgets, "dense", 16).policy, "dense");
  assert.equal(nearest(budgets, "topk", 16), null);
  assert.equal(keyOf({ policy: "dense", k: 1 }), keyOf({ policy: "dense", k: 2 }));
  assert.notEqual(keyOf({ policy: "window", k: 1 }), keyOf({ policy: "window", k: 2 }));
});

test("numbers and tables in words", () => {
  assert.deepEqual([0, 0.0004, 0.0123, 0.5, 1, null].map(percent), ["0 %", "<0.1 %", "1.2 %", "50 %", "100 %", "–"]);
  assert.deepEqual([0.9989, 0.00002, 0, undefined].map((p) => probability(p)), ["0.999", "2e-5", "0", "–"]);
  assert.deepEqual([0.99996, 1].map((p) => probability(p)), [">0.999", "1.000"]);
  assert.equal(probability(0.25, true), "at most 0.250");
  assert.equal(oneLine(`a\nb${"\n".repeat(40)}`), "a⏎b⏎ ×40 ");
  assert.equal(oneLine("abcdef", 4), "abc…");
  assert.equal(csv([["a", "b"], [1, 'say "x, y"'], [null, "two\nlines"]]), 'a,b\r\n1,"say ""x, y"""\r\n,"two\nlines"\r\n');
});
