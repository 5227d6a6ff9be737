// Recordings as the explorer opens them in Chromium: good ones, damaged ones; and
// the state that its views share.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { launch, missing, serve } from "./chromium.mjs";
import { MOST } from "../static/explore/recording-shape.js";
import { read } from "../static/explore/read-recording.js";
import { State } from "../static/explore/state.js";

const skip = await missing([]);
const RECORDING = "recordings/needle-9000.json.gz", SHORT = "recordings/needle-300.json.gz";
let site, browser, page, lines, short;
const served = new Map();

before(async () => {
  [lines, short] = await Promise.all([RECORDING, SHORT].map(async (name) => (
    gunzipSync(await readFile(new URL(`../static/${name}`, import.meta.url))).toString().trim().split("\n").map((l) => JSON.parse(l)))));
  if (skip) return;
  const routes = {};
  for (const name of ["packed", "decoded"]) {
    routes[`/${name}.json.gz`] = (_, response) => {
      if (name === "decoded") response.setHeader("Content-Encoding", "gzip"); // the browser unpacks it itself
      response.end(gzipSync(served.get(name)));
    };
  }
  site = await serve(routes);
  browser = await launch();
  page = await browser.newPage();
  await page.goto(`${site.origin}/blank.html`);
});

after(async () => {
  await browser?.close();
  await site?.close();
});

const textOf = (all) => all.map((l) => JSON.stringify(l)).join("\n") + "\n";

/** What Run.open says of a file's bytes, or of an address. */
const open = (bytes, name = "run.json.gz") => page.evaluate(async ({ bytes, name, url }) => {
  const { Run } = await import("/explore/run.js");
  const source = url ?? new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name);
  try {
    const from = performance.now(), run = await Run.open(source), took = performance.now() - from;
    const first = run.steps[0], at = run.rowAt(run.marks[0]?.start ?? 0);
    return {
      took, steps: run.steps.length, rows: run.rows, answer: run.answer, layers: run.model.layers, texts: run.steps.map((s) => s.text),
      spelled: run.layout && run.document.text.startsWith(Array.from({ length: 500 }, (_, i) => run.textOf(run.layout.first + i)).join("")),
      mark: run.marks[0] ? run.textOf(at) : null, next: run.textOf(first.n), behind: run.rowAt(1e9) === run.layout.first + run.layout.ends.length - 1,
      step: { ...first, layers: [{ rows: first.layers[0].rows.length, votes: first.layers[0].votes?.length ?? null, mass: first.layers[0].mass?.length ?? null }] },
      scores: run.steps.flatMap((s) => s.layers.flatMap((l) => l.scores ?? [])).map((s) => ({ head: s.head, lo: Math.min(...s.values), hi: Math.max(...s.values), want: [s.lo, s.hi] }))[0] ?? null,
      nothing: first.layers[0].votes === null && first.layers[0].mass === null && first.p === null,
    };
  } catch (error) {
    return { error: error.message };
  }
}, typeof bytes === "string" ? { url: bytes } : { bytes: bytes.toString("base64"), name });

test("a recording opens from a file and from an address, packed or not", { skip, timeout: 60_000 }, async () => {
  const tokens = lines.filter((l) => l.type === "token" && l.step), text = textOf(lines);
  served.set("packed", text);
  served.set("decoded", text);
  for (const source of [gzipSync(text), Buffer.from(text), `${site.origin}/packed.json.gz`, `${site.origin}/decoded.json.gz`, `${site.origin}/${RECORDING}`]) {
    const run = await open(source);
    assert.equal(run.error, undefined);
    assert.equal(run.steps, tokens.length);
    assert.equal(run.rows, tokens.at(-1).step.n);
    assert.equal(run.answer, lines.at(-1).text);
    assert.equal(run.texts.join(""), run.answer);
    assert.equal(run.spelled, true);
    assert.equal(run.behind, true);
    assert.ok(lines[0].marks[0].label.includes(run.mark.trim()));
    assert.equal(run.next, tokens[0].text, "the first token of the answer is the row behind the prompt");
    assert.equal(run.step.layers[0].votes, run.step.layers[0].rows);
    assert.equal(run.step.ms, null);
    assert.ok(Math.abs(run.scores.lo - run.scores.want[0]) < 1e-4 && Math.abs(run.scores.hi - run.scores.want[1]) < 1e-4);
  }
});

test("what was not recorded is null, and text left open goes to the token before", { skip, timeout: 60_000 }, async () => {
  const bare = structuredClone(short);
  for (const l of bare.filter((e) => e.step)) {
    delete l.p;
    delete l.top;
    l.step.layers = l.step.layers.map(({ a, r, "+": add, "-": drop }) => ({ a, r, "+": add, "-": drop }));
  }
  bare.splice(-1, 0, { type: "token", id: 3, text: "é", token: 1, len: 9 });
  const run = await open(gzipSync(textOf(bare)));
  assert.equal(run.error, undefined);
  assert.equal(run.nothing, true);
  assert.equal(run.texts.at(-1).slice(-1), "é");
});

/** Why a file's bytes are refused by the module that reads them in the worker. */
const refused = (bytes) => read(new Blob([bytes]).stream()).then(() => "opened", (error) => error.message);

test("a damaged recording is refused with line, field, what was found and what was expected", { timeout: 60_000 }, async () => {
  const changed = (act) => {
    const copy = structuredClone(short);
    act(copy);
    return gzipSync(textOf(copy));
  };
  const at = short.findIndex((l) => l.step), layer = (copy) => copy[at].step.layers[2];
  const units = short[0].document.text.length, n = short[at].step.n;
  const whole = gzipSync(textOf(short));
  for (const [bytes, said] of [
    [Buffer.alloc(0), /^the file is empty, expected a recording$/],
    [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe]), /the file is no text/],
    [Buffer.from("<!doctype html>\n"), /line 1 is "<!doctype html>", expected JSON/],
    [Buffer.from("{}\n"), /header: tokenselect is undefined, expected "recording"/],
    [Buffer.from("null\n"), /header: tokenselect is undefined, expected "recording"/],
    [whole.subarray(0, whole.length / 2), /the file cannot be unpacked/],
    [changed((c) => { c[0].v = 2; }), /header: v is 2, expected 1/],
    [changed((c) => { c[0].model.layers = 0; }), /model\.layers is 0, expected a whole number from 1 to/],
    [changed((c) => { c[0].marks[0].end = 1e8; }), new RegExp(`marks\\[0\\] is .*expected a piece of the document's ${units}`)],
    [changed((c) => { c.splice(1); }), /there is no step in it/],
    [changed((c) => { c[1].document.lens[5] = -1; }), /^line 2: layout: document\.lens/],
    [changed((c) => { c[1].document.lens[5] = 1e6; }), /line 2: .*document's last token is \d+, expected at most/],
    [changed((c) => { c[at].step.layers.pop(); }), new RegExp(`line ${at + 1}: step: layers is 7, expected 8`)],
    [changed((c) => { c[at].step.n = 0; }), /step: n is 0, expected more than 0/],
    [changed((c) => { layer(c).r[3] = 0; }), /layer 2: row \d+ is behind \d+, expected ascending rows/],
    [changed((c) => { layer(c).r[0] = 1e6; }), new RegExp(`layer 2: the last selected row is \\d+, expected one of ${n}`)],
    [changed((c) => { layer(c).v = "AAAA"; }), /layer 2: v is of 3 values, expected 512 of them/],
    [changed((c) => { layer(c).v = "!"; }), /layer 2: v is !, expected base64/],
    [changed((c) => { layer(c).hv = "AAAA"; }), /layer 2: hv is of 3 bytes, expected 512 of them/],
    [changed((c) => { layer(c).mass.pop(); }), /layer 2: mass is of 7 values, expected 8/],
    [changed((c) => { layer(c).mass[1] = [1]; }), /layer 2: mass of head 1 is \[1\], expected 4 shares/],
    [changed((c) => { layer(c).w = "AAAA"; }), /layer 2: w is of 3 values, expected 128/],
    [changed((c) => { layer(c).top[0][0] = -1; }), /layer 2: top\[0\]\[0\] is -1, expected a whole number/],
    [changed((c) => { layer(c).top[0][0] = n; }), new RegExp(`layer 2: top is ${n}, expected one of ${n} rows`)],
    [changed((c) => { layer(c).cut = [1]; }), /layer 2: cut is of 1 values, expected 2 of them/],
    // What is of another kind than it should be is told before a view meets it.
    [changed((c) => { c.splice(at, 0, null); }), new RegExp(`line ${at + 1}: event is null, expected an object`)],
    [changed((c) => { c[0].sweep = [null]; }), /header: sweep\[0\] is null, expected an object/],
    [changed((c) => { c[0].marks[0].label = {}; }), /header: marks\[0\]\.label is \{\}, expected a text/],
    [changed((c) => { c[0].question = ["q"]; }), /header: question is \["q"\], expected a text/],
    [changed((c) => { c[1].rows = [null]; }), /line 2: layout: rows\[0\] is null, expected an object/],
    [changed((c) => { c[at].text = 7; }), /token: text is 7, expected a text/],
    [changed((c) => { c[at].p = "high"; }), /token: p is high, expected a number/],
    [changed((c) => { c[at].step = "x"; }), /token: step is x, expected an object/],
    [changed((c) => { c[at].step.kernels = [null]; }), /token: step\.kernels\[0\] is null, expected an object/],
    [changed((c) => { c[at].step.n_local = "x"; }), /token: step\.n_local is x, expected a whole number/],
    [changed((c) => { c[at].step.layers[2] = null; }), /layer 2 is null, expected an object/],
    [changed((c) => { layer(c).r = 4e9; }), /layer 2: r is 4000000000, expected a list/],
    [changed((c) => { layer(c).near[0] = null; }), /layer 2: near\[0\] is null, expected a number/],
    [changed((c) => { c.at(-1).stats = 5; }), new RegExp(`line ${short.length}: done: stats is 5, expected an object`)],
    [changed((c) => { c.splice(-1, 0, c[1]); }), /layout is behind \d+ steps, expected one before them/],
    [changed((c) => { delete layer(c).r; layer(c)["-"] = [77]; }), new RegExp(`line ${at + 1}: step over ${n} rows`)],
  ]) {
    assert.match(await refused(bytes), said);
  }
});

test("what the page is told of a bad file names the file", { skip, timeout: 60_000 }, async () => {
  const whole = gzipSync(textOf(short));
  for (const [source, said] of [
    [Buffer.alloc(0), /^run\.json\.gz: the file is empty, expected a recording$/],
    [whole.subarray(0, whole.length / 2), /^run\.json\.gz: the file cannot be unpacked/],
    [gzipSync(textOf(short.with(1, null))), /^run\.json\.gz: line 2: event is null, expected an object$/],
    [gzipSync(Buffer.alloc(130e6, "\n"), { level: 1 }), /^run\.json\.gz: line 1 is "", expected JSON$/],
    [gzipSync(Buffer.alloc(20e6, "["), { level: 1 }), /^run\.json\.gz: line 1 is longer than 16 MB/],
    [`${site.origin}/missing.json.gz`, /^missing\.json\.gz: the server answers 404, expected a recording$/],
  ]) {
    assert.match((await open(source)).error ?? "opened", said);
  }
});

test("a small file that claims to be a very large one is refused", { timeout: 60_000 }, async (t) => {
  const limits = { ...MOST };
  t.after(() => Object.assign(MOST, limits));
  Object.assign(MOST, { steps: 100, held: 1e6 }); // what reaches them as they are takes long to make
  const [head, laid] = short, at = short.findIndex((l) => l.step), bare = { a: 1 };
  const steps = (number, first, next) => gzipSync([head, laid, ...Array.from({ length: number }, (_, i) => (
    { type: "token", text: "a", step: { n: 300_000 + i, n_init: 1, n_local: 1, layers: Array(head.model.layers).fill(i === 0 ? first : next) } }))].map((l) => JSON.stringify(l)).join("\n"));
  for (const [file, said] of [
    [gzipSync(textOf([{ ...head, model: { ...head.model, heads: 1e9 } }])), /model\.heads is 1000000000, expected a whole number from 1 to/],
    [gzipSync(textOf(short.with(at, { ...short[at], step: { ...short[at].step, n: 1e9 } }))), /step\.n is 1000000000, expected a whole number from 0 to/],
    [steps(101, { a: 1, all: true }, { a: 1, all: true }), /the number of steps is 101, expected at most 100/],
    [steps(40, { a: 1, r: Array(10_000).fill(1) }, bare), /the number of selected rows so far is 1040000, expected at most 1000000/],
  ]) {
    assert.match(await refused(file), said);
  }
});

test("a state tells only of what differs, and a link carries it", () => {
  const state = new State(), told = [];
  const off = state.subscribe((s, patch) => told.push([s === state, patch]));
  state.set({ step: 0, pinned: [] });
  assert.equal(told.length, 0);
  state.set({ step: 5, layer: 3, head: 0, pinned: [9023, 9024], mark: { start: 10, end: 20 } });
  assert.equal(told.length, 1);
  assert.equal(told[0][0], true);
  assert.equal(state.hash("recordings/needle-9000.json.gz"), "#run=recordings/needle-9000.json.gz&step=5&layer=3&head=0&row=9023,9024&mark=10-20");
  const other = new State();
  assert.equal(other.follow(state.hash("a b&c.gz")), "a b&c.gz");
  assert.deepEqual({ ...other }, { ...state });
  assert.equal(new State().hash(), "");
  const wrong = new State();
  assert.equal(wrong.follow("#step=-3&layer=x&head=1e9&row=,,7,q&mark=20-10"), null);
  assert.deepEqual({ ...wrong }, { step: 0, layer: "all", head: null, hover: null, pinned: [7], mark: null });
  other.within({ model: { layers: 2, heads: 1 }, steps: [1, 2], rows: 9024, document: { text: "short" } });
  assert.deepEqual({ ...other }, { step: 1, layer: "all", head: 0, hover: null, pinned: [9023], mark: null });
  off();
  state.set({ step: 6 });
  assert.equal(told.length, 1);
});
