// Recordings as the explorer opens them in Chromium: good ones, damaged ones; and
// the state that its views share.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { launch, missing, serve } from "./chromium.mjs";
import { State } from "../static/explore/state.js";

const skip = await missing([]);
const RECORDING = "recordings/needle-9000.json.gz", SHORT = "recordings/needle-300.json.gz";
let site, browser, page, lines, short;
const served = new Map();

before(async () => {
  if (skip) return;
  [lines, short] = await Promise.all([RECORDING, SHORT].map(async (name) => (
    gunzipSync(await readFile(new URL(`../static/${name}`, import.meta.url))).toString().trim().split("\n").map((l) => JSON.parse(l)))));
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

test("a damaged recording is refused with file, line, field, what was found and what was expected", { skip, timeout: 60_000 }, async () => {
  const changed = (act) => {
    const copy = structuredClone(short);
    act(copy);
    return gzipSync(textOf(copy));
  };
  const at = short.findIndex((l) => l.step), layer = (copy) => copy[at].step.layers[2];
  const units = short[0].document.text.length, n = short[at].step.n;
  const whole = gzipSync(textOf(short));
  for (const [bytes, said] of [
    [Buffer.alloc(0), /^run\.json\.gz: the file is empty, expected a recording$/],
    [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0xfe]), /the file is no text/],
    [Buffer.from("<!doctype html>\n"), /line 1 is "<!doctype html>", expected JSON/],
    [Buffer.from("{}\n"), /header: tokenselect is undefined, expected "recording"/],
    [Buffer.from("null\n"), /header: tokenselect is undefined, expected "recording"/],
    [whole.subarray(0, whole.length / 2), /the file cannot be unpacked/],
    [changed((c) => { c[0].v = 2; }), /header: v is 2, expected 1/],
    [changed((c) => { c[0].model.layers = 0; }), /model\.layers is 0, expected at least 1/],
    [changed((c) => { c[0].marks[0].end = 1e8; }), new RegExp(`marks\\[0\\] is .*expected a piece of the document's ${units}`)],
    [changed((c) => { c.splice(1); }), /there is no step in it/],
    [changed((c) => { c[1].document.lens[5] = -1; }), /^run\.json\.gz: line 2: layout: document\.lens/],
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
    [changed((c) => { layer(c).top[0][0] = -1; }), new RegExp(`layer 2: top is -1, expected one of ${n} rows`)],
    [changed((c) => { delete layer(c).r; layer(c)["-"] = [77]; }), new RegExp(`line ${at + 1}: step over ${n} rows`)],
    [`${site.origin}/missing.json.gz`, /^missing\.json\.gz: the server answers 404, expected a recording$/],
  ]) {
    const { error } = await open(bytes);
    assert.match(error ?? "opened", said);
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
