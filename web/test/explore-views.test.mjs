// The views of heads, of a passage and of budgets on a recorded run, in Chromium:
// what they show is what the recording says, decoded here once more.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { launch, missing, serve } from "./chromium.mjs";

const skip = await missing([]);
const RECORDING = "recordings/needle-9000.json.gz";
const STEP = 5; // of " parrot"

const HTML = `<!doctype html><meta charset="utf-8"><title>Views</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/style/base.css"><link rel="stylesheet" href="/style/palette.css"><link rel="stylesheet" href="/style/drawings.css">
<script type="module" src="/views.js"></script><main id="views"></main>`;

/** Opens views on a run of the page's recording, or on what ?change makes of it. */
const SCRIPT = `
import { Run } from "/explore/run.js";
import { State } from "/explore/state.js";
const asked = new URLSearchParams(location.search);
const run = await Run.open("/${RECORDING}"), state = new State();
state.set({ step: ${STEP} });
const changes = {
  bare() { for (const s of run.steps) { s.p = s.top = null; for (const l of s.layers) l.votes = l.cut = l.mass = l.near = l.top = l.weights = l.heads = null; } run.sweep = []; },
  unmarked() { run.marks = []; },
  covered() { document.documentElement.style.scrollPaddingTop = "80px"; },
  unread() { for (const l of run.steps[6].layers) l.rows = l.rows.filter((r) => r < 8000), l.attended = 16 + l.rows.length + 257; },
};
changes[asked.get("change")]?.();
globalThis.explorer = { run, state, views: {} };
for (const name of asked.get("view").split(",")) {
  const { view } = await import("/explore/" + name + ".js"), node = document.createElement("section");
  node.id = name;
  document.getElementById("views").append(node);
  explorer.view = explorer.views[name] = view(node, run, state);
  explorer.view.update();
}
await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
document.documentElement.dataset.ready = "";
`;

let site, browser, raw;

/** The recording, decoded without the page's modules: header, layout, and of each step the token and the layers with their rows. */
async function decode() {
  const lines = gunzipSync(await readFile(new URL(`../static/${RECORDING}`, import.meta.url))).toString().trim().split("\n").map((l) => JSON.parse(l));
  const header = lines[0], layout = lines.find((e) => e.type === "layout"), before = [];
  const sums = (d = []) => { let at = 0; return d.map((x) => (at += x)); };
  const value = (b) => (b === 0 ? 0 : 2 ** ((b - 192) / 8));
  const steps = lines.filter((e) => e.type === "token" && e.step).map((e) => ({
    ...e, layers: e.step.layers.map((l, i) => {
      let rows = l.r ? sums(l.r) : null;
      if (!rows) {
        const drop = new Set(sums(l["-"]));
        rows = [...before[i].filter((r) => !drop.has(r)), ...sums(l["+"])].sort((a, b) => a - b);
      }
      before[i] = rows;
      return { ...l, rows, votes: l.v && [...Buffer.from(l.v, "base64")].map(value), weights: [...Buffer.from(l.w, "base64")].map(value) };
    }),
  }));
  const ends = sums(layout.document.lens), mark = header.marks[0];
  const needle = ends.flatMap((end, i) => (end > mark.start && end - layout.document.lens[i] < mark.end ? [layout.document.first + i] : []));
  return { header, steps, needle, first: layout.document.first, lens: layout.document.lens, ends };
}

before(async () => {
  if (skip) return;
  raw = await decode();
  const send = (type, body) => (_, response) => response.setHeader("Content-Type", type).end(body);
  site = await serve({ "/views.html": send("text/html; charset=utf-8", HTML), "/views.js": send("text/javascript", SCRIPT) });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await site?.close();
});

async function open(view, { change = "", width = 1280, height = 900, scheme = "light" } = {}) {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce" });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (m) => { if (m.type() === "error" && !/favicon/.test(m.location().url)) complaints.push(m.text()); });
  await page.goto(`${site.origin}/views.html?view=${view}&change=${change}`);
  await page.waitForSelector("html[data-ready]", { timeout: 20_000, state: "attached" });
  return { page, complaints };
}

const settle = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
const state = (page) => page.evaluate(() => { const { step, layer, head, pinned, hover } = explorer.state; return { step, layer, head, pinned: [...pinned], hover }; });

/** A drawing as a file: well formed, with colours of its own. */
async function drawing(page) {
  const text = await page.evaluate(() => explorer.view.svg());
  const parsed = await page.evaluate((t) => {
    const doc = new DOMParser().parseFromString(t, "image/svg+xml");
    return { error: doc.querySelector("parsererror")?.textContent ?? "", shapes: doc.querySelectorAll("rect, circle, path, text").length, classes: doc.querySelectorAll("[class]").length };
  }, text);
  assert.equal(parsed.error, "");
  assert.equal(parsed.classes, 0);
  assert.ok(!/var\(|url\(/.test(text), "needs nothing of the page");
  return parsed;
}

const table = (text) => text.trim().split("\r\n").map((line) => line.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((c) => c.replace(/,$/, "").replace(/^"|"$/g, "").replaceAll('""', '"')));

test("heads: the grid, a head's tokens, votes, agreement and mass are those of the recording", { skip, timeout: 60_000 }, async () => {
  const { page, complaints } = await open("heads", { height: 2000 }); // all of it in sight
  const { heads, layers } = raw.header.model, now = raw.steps[STEP].layers;
  const numbers = await page.$$eval(".head-grid .cell", (cells) => cells.map((c) => c.querySelector("text").textContent));
  assert.deepEqual(numbers, now.flatMap((l) => l.mass.map((m) => String(Math.round(100 * (1 - m[3]))))));
  assert.equal(numbers.length, layers * heads);

  // At first that head is shown whose heaviest token has the most weight of all.
  const per = now[0].top[0].length;
  let most = { w: 0 };
  now.forEach((l, layer) => l.top.forEach((rows, head) => { if (l.weights[head * per] > most.w) most = { w: l.weights[head * per], layer, head, row: rows[0] }; }));
  assert.match(await page.textContent("figure:has(.weight) h3"), new RegExp(`Layer ${most.layer}, head ${most.head}`));
  const listed = (p) => p.$$eval("figure:has(.weight) [data-row]", (all) => all.map((b) => [Number(b.dataset.row), b.querySelector("mark").textContent]));
  const text = (row) => raw.header.document.text.slice(raw.ends[row - raw.first] - raw.lens[row - raw.first], raw.ends[row - raw.first]);
  assert.deepEqual((await listed(page)).map(([row]) => row), now[most.layer].top[most.head]);
  assert.deepEqual((await listed(page))[0], [most.row, text(most.row)]);
  assert.ok(raw.needle.includes(most.row), "it reads the needle while it says its word");
  assert.equal(await page.textContent("figure:has(.weight) li .weight"), `${Math.round(100 * most.w)} %`);

  // With the keyboard to another head.
  await page.locator('.cell[tabindex="0"]').focus();
  await page.keyboard.press("ArrowDown");
  await settle(page);
  await page.keyboard.press("ArrowRight");
  await settle(page);
  const at = { layer: most.layer + 1, head: most.head + 1 };
  assert.deepEqual(await state(page), { step: STEP, ...at, pinned: [], hover: null });
  assert.deepEqual((await listed(page)).map(([row]) => row), now[at.layer].top[at.head]);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-selected")), "true", "focus stays in the grid");
  await page.keyboard.press("Escape");
  assert.deepEqual(await state(page), { step: STEP, layer: "all", head: null, pinned: [], hover: null });
  await page.click(`.cell[data-layer="2"][data-head="6"]`);
  await settle(page);
  assert.deepEqual((await listed(page)).map(([row]) => row), now[2].top[6]);

  // Votes and agreement of layer 2.
  const masks = Buffer.from(now[2].hv, "base64"), has = (i, h) => (masks[i] >> h) & 1;
  const own = Array.from({ length: heads }, (_, h) => now[2].rows.reduce((n, _, i) => n + has(i, h), 0));
  const both = now[2].rows.reduce((n, _, i) => n + (has(i, 0) & has(i, 3)), 0);
  const cells = await page.$$eval(".overlap text.number", (all) => all.map((t) => t.textContent));
  assert.deepEqual(own.map(String), own.map((_, h) => cells[h * heads + h]));
  assert.equal(cells[3], String(Math.round((100 * both) / (own[0] + own[3] - both))));
  const best = now[2].votes.indexOf(Math.max(...now[2].votes));
  assert.equal(await page.getAttribute("figure:has(.votes) [data-row]", "data-row"), String(now[2].rows[best]));
  assert.equal(await page.locator("figure:has(.votes) li").first().locator("circle.dot:is(.selected, .needle)").count(), own.reduce((n, _, h) => n + has(best, h), 0));
  assert.equal(await page.$$eval(".by-count text.number", (all) => all.reduce((n, t) => n + Number(t.textContent), 0)), now[2].rows.length);

  // The chosen layer's heads by region.
  assert.deepEqual(await page.$$eval(".mass rect", (all) => all.slice(0, 4).map((r) => r.getAttribute("class"))), ["sink", "selected", "local", "left-out"]);
  const widths = await page.$$eval(".mass rect", (all) => all.slice(0, 4).map((r) => Number(r.getAttribute("width"))));
  now[2].mass[0].forEach((share, r) => assert.ok(Math.abs(widths[r] / widths.reduce((a, b) => a + b) - share) < 0.002));

  // Pointing and pinning.
  await page.hover("figure:has(.weight) [data-row]");
  assert.equal((await state(page)).hover, now[2].top[6][0]);
  await page.click("figure:has(.weight) li:nth-child(2) [data-row]");
  await settle(page);
  await page.click("figure:has(.weight) li:nth-child(3) [data-row]", { modifiers: ["Shift"] });
  await settle(page);
  assert.deepEqual((await state(page)).pinned, now[2].top[6].slice(1, 3));
  assert.deepEqual(await page.$$eval("figure:has(.votes) [data-row]", (all) => all.slice(0, 2).map((b) => Number(b.dataset.row))), now[2].top[6].slice(1, 3), "pinned rows head the list of votes");

  const lines = table(await page.evaluate(() => explorer.view.csv()));
  assert.equal(lines.length, 1 + raw.steps.length * layers * heads);
  const line = lines.find((l) => l[0] === String(STEP) && l[2] === "3" && l[3] === "1");
  assert.deepEqual(line.slice(4, 8).map(Number), now[3].mass[1]);
  assert.ok((await drawing(page)).shapes > layers * heads);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("after fast steps every view shows the last: on paper and in files at once, on the page as if it had been drawn afresh", { skip, timeout: 60_000 }, async () => {
  const { page, complaints } = await open("document,heads,needle");
  const numbers = (i) => raw.steps[i].layers.flatMap((l) => l.mass.map((m) => String(Math.round(100 * (1 - m[3])))));
  const read = `[...document.querySelectorAll("#heads .head-grid .cell")].map((c) => c.querySelector("text").textContent)`;
  // No frame passes between these steps and the paper.
  assert.deepEqual(await page.evaluate(`for (const step of [1, 4, 6]) explorer.state.set({ step }); dispatchEvent(new Event("beforeprint")); ${read}`), numbers(6));
  assert.deepEqual(await page.evaluate(`for (const step of [0, 2]) explorer.state.set({ step }); explorer.views.heads.svg(); ${read}`), numbers(2));

  // What was changed step by step is what is drawn at once; who was in a list or the grid stays there.
  await page.locator("#heads .cell.chosen").focus();
  for (const patch of [{ step: 3 }, { step: 5, layer: 3 }, { step: 1, head: 4 }, { step: 6, pinned: [raw.needle[0]] }, { step: 0, layer: "all", head: null }, { step: 4, pinned: [] }]) {
    await page.evaluate((to) => explorer.state.set(to), patch);
    await settle(page);
  }
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-selected")), "true");
  assert.deepEqual(await page.evaluate(read), numbers(4));
  const other = await page.evaluate(async () => {
    const wrong = [];
    for (const [name, part] of [["document", ".reading"], ["heads", ".heads-view"]]) {
      const { view } = await import(`/explore/${name}.js`), node = document.createElement("section");
      document.getElementById(name).append(node);
      const fresh = view(node, explorer.run, explorer.state);
      fresh.update();
      dispatchEvent(new Event("beforeprint"));
      const [was, is] = [document.querySelector(`#${name} > * ${name === "document" ? part : ""}`), node.querySelector(part)];
      if (!is.isEqualNode(was)) wrong.push(name, was.outerHTML.slice(0, 300), is.outerHTML.slice(0, 300));
      fresh.destroy();
    }
    return wrong;
  });
  assert.deepEqual(other, []);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("what is out of sight waits, shows the step as soon as it is scrolled to, and moves nothing", { skip, timeout: 60_000 }, async () => {
  const { page, complaints } = await open("heads", { change: "covered" });
  const lists = () => page.$$eval("figure:has(.weight), figure:has(.votes)", (all) => all.map((f) => [...f.querySelectorAll("[data-row]")].map((b) => Number(b.dataset.row))));
  const voted = (i, l) => { const { rows, votes } = raw.steps[i].layers[l]; return rows[votes.indexOf(Math.max(...votes))]; };
  const tall = () => page.evaluate(() => document.documentElement.scrollHeight), before = await tall();
  await page.evaluate(() => explorer.state.set({ step: 1, layer: 4, head: 2 }));
  await settle(page);
  const [read, votes] = await lists();
  assert.deepEqual(read, raw.steps[1].layers[4].top[2], "the head's tokens are in sight");
  assert.notEqual(votes[0], voted(1, 4), "the votes are not, and are not drawn");
  assert.equal(await tall(), before);
  await page.evaluate(() => document.querySelector("figure:has(.votes)").scrollIntoView());
  await page.waitForFunction((row) => Number(document.querySelector("figure:has(.votes) [data-row]").dataset.row) === row, voted(1, 4));
  // What stands under something that covers the top of the page is out of sight, too.
  const under = await page.evaluate(async () => {
    const figure = document.querySelector("figure:has(.weight)");
    scrollTo(0, figure.getBoundingClientRect().bottom + scrollY - 60);
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    explorer.state.set({ step: 6 });
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    return [figure.getBoundingClientRect().bottom, Number(figure.querySelector("[data-row]").dataset.row)];
  });
  assert.deepEqual([Math.round(under[0]), under[1]], [60, raw.steps[1].layers[4].top[2][0]]);
  assert.notEqual(raw.steps[6].layers[4].top[2][0], under[1]);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("needle: the raster, the margin and the sweep are those of the recording", { skip, timeout: 60_000 }, async () => {
  const { page, complaints } = await open("needle");
  const read = raw.steps.map((s) => s.layers.map((l) => l.rows.filter((r) => raw.needle.includes(r)).length));
  const shown = () => page.$$eval(".raster .cell", (cells) => cells.map((c) => [Number(c.dataset.step), Number(c.dataset.layer), c.querySelector("text")?.textContent ?? ""]));
  for (const [i, l, number] of await shown()) assert.equal(number, read[i][l] === 0 ? "" : String(read[i][l]), `step ${i}, layer ${l}`);
  const layers = read[STEP];
  assert.match(await page.textContent(".needle-summary"), new RegExp(`“parrot”: ${layers.filter((n) => n > 0).length} of 8 layers read some of the passage’s ${raw.needle.length} tokens`));
  assert.match(await page.textContent(".needle-summary"), new RegExp(`probability ${raw.steps[STEP].p.toFixed(3)}`));
  assert.equal(await page.locator(".raster .bar-out").count(), 0, "some layer read it at every step");

  await page.getByLabel("margin of its best vote over the cut").check();
  await settle(page);
  for (const [i, l, number] of await shown()) {
    const { rows, votes, cut } = raw.steps[i].layers[l];
    const best = Math.max(0, ...rows.flatMap((r, n) => (raw.needle.includes(r) ? [votes[n]] : [])));
    if (best > 0) assert.ok(Math.abs(Number(number) - Math.max(0, Math.log2(best / cut[1]))) <= 0.51, `step ${i}, layer ${l}: ${number}`);
    else assert.ok(number === "" || number === "–");
  }

  // The keyboard moves the step and the layer of all views.
  await page.locator('.raster .cell[tabindex="0"]').focus();
  await page.keyboard.press("ArrowLeft");
  await settle(page);
  await page.keyboard.press("ArrowDown");
  await settle(page);
  assert.deepEqual(await state(page), { step: STEP - 1, layer: 1, head: null, pinned: [], hover: null });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.step), String(STEP - 1));

  // What was answered with other budgets, those without the needle first.
  const rows = await page.$$eval(".needle-sweep tbody tr", (all) => all.map((r) => [...r.cells].map((c) => c.textContent)));
  assert.equal(rows.length, raw.header.sweep.length);
  const lost = raw.header.sweep.filter((b) => !b.in);
  assert.ok(lost.length > 0);
  assert.deepEqual(rows.slice(0, lost.length).map((r) => [r[1], r[3]]).sort(), lost.map((b) => ["never", b.answer]).sort());
  assert.ok(!rows.find((r) => r[0] === "window")[3].includes(raw.header.expected), "an answer without the needle is another");

  // Another passage: one that the reader selects.
  const other = raw.header.document.text.indexOf(" the ", 4000);
  await page.evaluate((start) => explorer.state.set({ mark: { start, end: start + 30 } }), other);
  await settle(page);
  assert.match(await page.$eval(".passages option:checked", (o) => o.textContent), /^selected text: /);
  assert.equal(await page.locator(".passages option").count(), 2);
  assert.match(await page.textContent(".needle-summary"), /layers read/);

  const lines = table(await page.evaluate(() => explorer.view.csv()));
  assert.equal(lines.length, 1 + raw.steps.length * raw.header.model.layers);
  const shapes = await page.$$eval(".layered rect, .layered circle, .layered path, .layered text", (all) => all.length), column = page.locator(".layered .behind .column");
  const marked = await column.getAttribute("x");
  assert.ok((await drawing(page)).shapes >= shapes, "the file has the marks of the step with the rest");
  assert.equal(await column.getAttribute("x"), marked, "which stand where they stood");
  await page.evaluate(() => explorer.state.set({ step: explorer.state.step + 1 }));
  await settle(page);
  const [cell, at] = await page.evaluate(() => [`.raster .cell[data-step="${explorer.state.step}"]`, ".layered .behind .column"].map((s) => document.querySelector(s).getBoundingClientRect()).map(({ x, width }) => [x, x + width]));
  assert.ok(at[0] <= cell[0] && at[1] >= cell[1] - 1 && at[1] - at[0] < 1.5 * (cell[1] - cell[0]), `the column ${at} stands behind the step's cells ${cell}`);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("needle: a step whose layers read none of it is told and drawn so", { skip, timeout: 60_000 }, async () => {
  const { page } = await open("needle", { change: "unread" });
  assert.match(await page.textContent(".needle-summary"), /At 1 of 8 steps no layer read any of it: “\.”/);
  assert.equal(await page.locator(".raster .bar-out").count(), 1);
  await page.close();
});

test("budget: a recording shows its budgets and none between them", { skip, timeout: 60_000 }, async () => {
  const { page, complaints } = await open("budget");
  const { sweep } = raw.header, ks = sweep.filter((b) => b.policy === "tokenselect").map((b) => b.k).sort((a, b) => a - b);
  const column = (n) => page.$$eval(".beside tr", (rows, i) => rows.map((r) => r.cells[i].textContent), n);
  const slider = page.locator("input[type=range]");
  assert.equal(await slider.inputValue(), String(raw.header.selection.k));
  assert.deepEqual([await slider.getAttribute("min"), await slider.getAttribute("max")], [String(ks[0]), String(ks.at(-1))]);

  const between = Math.round(ks[0] * 0.45 + ks[1] * 0.55);
  await slider.fill(String(between));
  await settle(page);
  assert.match(await page.textContent(".budget-status"), new RegExp(`k ${between} was not recorded: this is the nearest that was, k (${ks[0]}|${ks[1]})\\. Nothing is interpolated`));
  await slider.fill(String(ks[0]));
  await settle(page);
  const least = sweep.find((b) => b.policy === "tokenselect" && b.k === ks[0]), dense = sweep.find((b) => b.policy === "dense"), alone = sweep.find((b) => b.policy === "window");
  const [chosen, beside, third] = [await column(1), await column(2), await column(3)];
  assert.equal(chosen[0], `TokenSelect, k ${ks[0]}`);
  assert.deepEqual([beside[0], third[0]], ["dense", `window ${alone.k}`]);
  assert.ok(Math.abs(Number(chosen[1]) - least.p) < 6e-4 && Number(chosen[1]) > 0);
  assert.ok(beside.at(-1).startsWith(dense.answer.trim() === "" ? `${dense.answer.length} blank lines or spaces` : dense.answer.slice(0, 10)), beside.at(-1));
  assert.match(await page.textContent(".budget-view"), /longer than the 2,048 tokens that the model was trained for/);
  assert.ok(chosen.some((t) => t.startsWith(new Intl.NumberFormat("en").format(Math.round(least.rows)))));

  // Points are the recorded budgets; one is chosen with the keyboard.
  assert.equal(await page.locator(".budget-plot .budget").count(), sweep.length);
  await page.locator('.budget-plot .budget[aria-label^="dense"]').focus();
  await page.keyboard.press("Enter");
  await settle(page);
  assert.equal((await column(1))[0], "dense");
  assert.ok(await slider.isDisabled());
  assert.equal(await page.locator(".budget-plot path, .budget-plot polyline").count(), sweep.filter((b) => b.policy === "window").length, "nothing is drawn between points");
  await page.getByLabel("Cost").selectOption("ms");
  await page.getByLabel("Quality").selectOption("recall");
  await settle(page);
  assert.equal(await page.locator(".budget-plot .budget").count(), sweep.filter((b) => b.ms > 0).length);

  const lines = table(await page.evaluate(() => explorer.view.csv()));
  assert.deepEqual(lines.slice(1).map((l) => l.slice(0, 2).join()).sort(), sweep.map((b) => [b.policy, b.k].join()).sort());
  await drawing(page);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("what was not recorded is said, with how to record it", { skip, timeout: 60_000 }, async () => {
  const { page, complaints } = await open("heads,needle,budget", { change: "bare" });
  const said = (view) => page.innerText(`#${view}`);
  for (const part of ["mass", "votes", "heads=16"]) assert.match(await said("heads"), new RegExp(`Record again with -record ${part}\\.`));
  assert.match(await said("needle"), /-sweep/);
  assert.match(await said("needle"), /Probabilities were not recorded/);
  assert.match(await said("budget"), /-sweep/);
  const files = await page.evaluate(() => Object.values(explorer.views).map((v) => [v.csv().split("\r\n").length, v.svg().length]));
  for (const [lines, length] of files) assert.ok(lines > 1 && length > 100);

  // Nothing is left behind of views that are gone.
  await page.evaluate(() => {
    for (const v of Object.values(explorer.views)) v.destroy();
    explorer.state.set({ step: 0 });
  });
  await settle(page);
  assert.equal(await page.$$eval("#views section > *", (all) => all.length), 0);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("without a mark there is nothing to follow, and that is said", { skip, timeout: 60_000 }, async () => {
  const { page } = await open("needle", { change: "unmarked" });
  assert.match(await page.innerText("#needle"), /No passage is marked\. Select some text/);
  await page.evaluate(() => explorer.state.set({ mark: { ...explorer.run.header.marks[0] } }));
  await settle(page);
  assert.equal(await page.locator(".raster .cell").count(), raw.steps.length * raw.header.model.layers);
  await page.close();
});

test("the views fit a phone in the dark, and follow the page's width", { skip, timeout: 60_000 }, async () => {
  const { page } = await open("heads,needle,budget", { width: 390, scheme: "dark" });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "at 390 pixels");
  // A file of a view that is out of sight shows what is chosen now.
  const files = await page.evaluate(() => [0, 3].map((step) => {
    explorer.state.set({ step });
    return explorer.views.needle.svg();
  }));
  assert.notEqual(files[0], files[1]);
  const grid = () => page.$eval(".head-grid", (d) => d.getBoundingClientRect().width);
  const narrow = await grid();
  await page.setViewportSize({ width: 1280, height: 800 });
  await settle(page);
  await settle(page);
  assert.ok(await grid() > narrow);
  const low = await page.evaluate(() => {
    const luminance = (colour) => {
      const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const mix = (over, alpha, under) => `rgb(${[0, 1, 2].map((i) => over.match(/[\d.]+/g)[i] * alpha + under.match(/[\d.]+/g)[i] * (1 - alpha))})`;
    const paper = "rgb(27, 31, 36)";
    // Numbers stand on the fill of their cell, at its strongest at worst.
    return [[".head-grid rect.recall", 0.65], [".overlap rect.recall", 0.65], [".raster rect.needle", 0.55]].flatMap(([selector, most]) => {
      const fill = getComputedStyle(document.querySelector(selector)).fill, ink = getComputedStyle(document.querySelector(".drawing text.number")).fill;
      const [a, b] = [luminance(ink), luminance(mix(fill, most, paper))].sort((x, y) => y - x);
      const strongest = Math.max(...[...document.querySelectorAll(selector)].map((r) => Number(getComputedStyle(r).fillOpacity)));
      return [...(strongest > most + 0.001 ? [`${selector} is filled by ${strongest}`] : []), ...((a + 0.05) / (b + 0.05) < 4.5 ? [`${selector}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`] : [])];
    });
  });
  assert.deepEqual(low, []);
  await page.close();
});
