// The explorer's page in Chromium: opening, stepping, links; the document, the
// skyline and the timeline are held against the recording, decoded here again.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { launch, missing, serve } from "./chromium.mjs";

const skip = await missing([]);
const RECORDING = "recordings/needle-9000.json.gz", HITS = "recordings/four-numbers.json.gz";
let site, browser, page, raw;
const wrong = [];

/** Header, steps and every layer's selected rows of a recording. */
async function decode(name) {
  const lines = gunzipSync(await readFile(new URL(`../static/${name}`, import.meta.url))).toString().trim().split("\n").map((l) => JSON.parse(l));
  const sums = (d = []) => { let at = 0; return d.map((x) => (at += x)); }, before = [];
  const steps = lines.filter((e) => e.type === "token" && e.step).map(({ step, ...token }) => ({
    ...token, ...step, layers: step.layers.map((l, i) => {
      const drop = new Set(sums(l["-"]));
      before[i] = l.r ? sums(l.r) : [...before[i].filter((r) => !drop.has(r)), ...sums(l["+"])].sort((a, b) => a - b);
      return { ...l, rows: before[i] };
    }),
  }));
  return { header: lines[0], layout: lines.find((e) => e.type === "layout"), steps };
}

before(async () => {
  if (skip) return;
  raw = await decode(RECORDING);
  site = await serve();
  browser = await launch();
  page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on("pageerror", (error) => wrong.push(error.message));
});
after(async () => {
  await browser?.close();
  await site?.close();
});

const ready = (on = page) => on.waitForFunction(() => globalThis.explorer?.views.timeline && document.querySelector(".timeline-view svg"), null, { timeout: 30_000 });
const drawn = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
const state = () => page.evaluate(() => { const { step, layer, head, pinned, mark } = explorer.state; return { step, layer, head, pinned: [...pinned], mark }; });

/** Opens the explorer afresh: an address that differs behind # only would not load. */
async function visit(hash = "") {
  await page.goto("about:blank");
  await page.goto(`${site.origin}/explore.html${hash}`);
  await ready();
  await drawn();
}

test("the first recording opens by itself; steps go by keys, slider, tokens and play", { skip, timeout: 60_000 }, async () => {
  await visit();
  assert.equal(await page.textContent("#question"), raw.header.question);
  assert.deepEqual(await page.$$eval("#answer .token", (all) => all.length), raw.steps.length);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal((await state()).step, 2);
  await page.keyboard.press("ArrowLeft");
  await page.locator("#step").fill("4");
  assert.equal((await state()).step, 4);
  assert.match(await page.textContent("#step-text"), new RegExp(`5 of ${raw.steps.length}: “${raw.steps[4].text.trim()}”`));
  await page.click(`#answer [data-step="1"]`);
  assert.equal((await state()).step, 1);
  await page.click("#play");
  await page.waitForFunction(() => explorer.state.step === 2);
  await page.click("#play");
  assert.equal(await page.getAttribute("#play", "aria-pressed"), "false");
  assert.deepEqual(wrong, []);
});

test("each view says what it shows, and is gone to by its name, below the steps that stay in reach", { skip, timeout: 60_000 }, async () => {
  await visit();
  const titles = await page.$$eval("section.view", (all) => all.map((s) => [s.querySelector("h2").textContent, s.querySelector(".about-view").textContent]));
  assert.deepEqual(await page.$$eval("#jumps button", (all) => all.map((b) => b.textContent)), titles.map(([title]) => title));
  assert.ok(titles.every(([, about]) => about.length > 40));
  assert.match(await page.textContent("#facts"), /each layer reads the first 16 tokens \(n_init\), 512 that it selects \(k\) and the last 256 \(n_local\)/);
  for (const [width, high] of [[1280, 70], [390, 150]]) {
    await page.setViewportSize({ width, height: 800 });
    for (const name of ["Skyline", "The marked passage"]) {
      await page.locator("#jumps").getByRole("button", { name }).press("Enter");
      await drawn();
      const [bar, view] = await page.evaluate((name) => [".transport", `section.view[aria-label="${name}"]`].map((s) => document.querySelector(s).getBoundingClientRect()).map(({ top, bottom }) => ({ top, bottom })), name);
      assert.ok(bar.top === 0 && bar.bottom < high, `the steps are at ${JSON.stringify(bar)}, ${width} pixels wide`);
      assert.ok(view.top >= bar.bottom && view.top < bar.bottom + 20, `${name} is at ${view.top}, below ${bar.bottom}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  assert.deepEqual(wrong, []);
});

test("a link says run, step, layer, head, tokens and passage, and leads back there", { skip, timeout: 60_000 }, async () => {
  await visit(`#run=${RECORDING}&step=3&layer=4&head=2&row=9023&mark=10-40`);
  assert.deepEqual(await state(), { step: 3, layer: 4, head: 2, pinned: [9023], mark: { start: 10, end: 40 } });
  assert.equal(await page.inputValue("#layer"), "4");
  await page.selectOption("#layer", "5");
  await page.waitForFunction(() => location.hash.includes("layer=5"));
  const link = page.url();
  await page.goto("about:blank");
  await page.goto(link);
  await ready();
  assert.equal((await state()).layer, 5);
  await visit(`#run=${RECORDING}&step=999&layer=99&head=77`);
  assert.deepEqual(await state(), { step: raw.steps.length - 1, layer: "all", head: null, pinned: [], mark: null });
});

test("the document: the rows that are shaded are those that were selected, of a layer and of all", { skip, timeout: 60_000 }, async () => {
  for (const [step, layer] of [[2, 4], [5, "all"]]) {
    await visit(`#run=${RECORDING}&step=${step}&layer=${layer}`);
    const { rows, from, to } = await page.evaluate(() => { const { rows, from, to } = explorer.views.document.shown(); return { rows, from, to }; });
    const now = raw.steps[step], local = now.n - 1 - now.n_local;
    const want = [...new Set((layer === "all" ? now.layers : [now.layers[layer]]).flatMap((l) => l.rows))].filter((r) => r >= now.n_init && r < local).sort((a, b) => a - b);
    assert.deepEqual(rows, want);
    assert.ok(from === 0 && to >= now.n, "the whole text is in sight at first");
    const table = (await page.evaluate(() => explorer.views.document.csv())).trim().split("\r\n").slice(1).filter((line) => line.includes(",selected,"));
    assert.equal(table.length, want.length);
  }
});

test("the document: from the map to words; a click pins, a drag marks, words are found", { skip, timeout: 60_000 }, async () => {
  await visit(`#run=${RECORDING}&step=5`);
  const map = page.locator(".map"), size = () => page.evaluate(() => explorer.views.document.shown().size);
  const whole = await size();
  await page.getByRole("button", { name: "To the marked passage" }).click();
  await drawn();
  assert.ok(await size() > whole && await size() >= 12, `words of ${await size()} pixels`);
  const [first] = raw.header.marks, at = await page.evaluate(({ start }) => { const row = explorer.run.rowAt(start); return { row, ...explorer.views.document.shown().at(row) }; }, first);
  await map.click({ position: { x: at.x, y: at.y } });
  assert.deepEqual((await state()).pinned, [at.row]);
  const box = await map.boundingBox(), end = await page.evaluate((row) => explorer.views.document.shown().at(row + 1), at.row);
  await page.mouse.move(box.x + at.x, box.y + at.y);
  await page.mouse.down();
  await page.mouse.move(box.x + end.x, box.y + end.y, { steps: 4 });
  await page.mouse.up();
  const { mark } = await state();
  assert.match(raw.header.document.text.slice(mark.start, mark.end), /^Clara Nash|^Clara/);
  await page.getByRole("button", { name: "Unmark" }).click();
  await page.getByRole("searchbox").fill(first.label ?? raw.header.document.text.slice(first.start, first.end));
  await page.keyboard.press("Enter");
  assert.equal((await state()).mark.start, raw.header.document.text.toLowerCase().indexOf(raw.header.document.text.slice(first.start, first.end).toLowerCase()));
  await page.getByRole("searchbox").fill("no such words in it");
  await page.keyboard.press("Enter");
  assert.match(await page.textContent(".document-view [role=status]"), /does not have the words/);
  // By keys alone: a token on, and a passage of two.
  await map.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const [pinned] = (await state()).pinned;
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Enter");
  assert.ok((await state()).mark.end > (await state()).mark.start && pinned >= 0);
  assert.deepEqual(wrong, []);
});

test("the skyline: a column is dark where rows of it were selected, and paper where none were; a click goes there", { skip, timeout: 60_000 }, async () => {
  await visit(`#run=${RECORDING}&layer=3`);
  await page.locator("#view-skyline").scrollIntoViewIfNeeded();
  await drawn();
  const found = await page.evaluate(async () => {
    const { columnsOf } = await import("/explore/skyline.js");
    return explorer.run.steps.map((step) => Array.from(columnsOf(step, 3, explorer.run.rows, 500).kinds));
  });
  raw.steps.forEach((step, i) => {
    // What is attended to besides the first and the selected rows is the end of the text: more of it at the first step, which ends a chunk.
    const { a, rows: selected } = step.layers[3], rows = raw.steps.at(-1).n, column = (row) => Math.min(499, Math.floor((row * 500) / rows)), local = column(step.n - (a - step.n_init - selected.length));
    assert.ok(i > 0 ? a - step.n_init - selected.length === step.n_local + 1 : a - step.n_init - selected.length > step.n_local + 1);
    const want = new Set(step.layers[3].rows.map(column));
    found[i].forEach((kind, c) => {
      const expected = c >= local && c <= column(step.n - 1) ? 3 : c <= column(step.n_init - 1) ? 2 : want.has(c) ? 1 : 0;
      assert.equal(kind, expected, `step ${i}, column ${c}`);
    });
  });
  const canvas = page.locator(".skyline"), box = await canvas.boundingBox();
  const colours = await page.evaluate(() => {
    const canvas = document.querySelector(".skyline"), ratio = devicePixelRatio, at = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), seen = new Map();
    for (let x = Math.ceil(94 * ratio); x < canvas.width - 2; x++) {
      const i = 4 * (Math.round(30 * ratio) * canvas.width + x), key = [...at.data.slice(i, i + 3)].join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    return seen.size;
  });
  assert.ok(colours >= 3, `paper, selected and local in a line, not ${colours} colours`);
  await canvas.click({ position: { x: box.width / 2, y: 50 } });
  const after = await state();
  assert.equal(after.step, 2);
  assert.equal(after.pinned.length, 1);
  await canvas.focus();
  await page.keyboard.press("ArrowDown");
  assert.equal((await state()).step, 3);
  const svg = await page.evaluate(() => explorer.views.skyline.svg());
  assert.ok((svg.match(/<rect/g) ?? []).length > 100);
  assert.deepEqual(wrong, []);
});

test("the timeline: a column for each token, hits of the Selection Cache counted", { skip, timeout: 60_000 }, async () => {
  const recording = await decode(HITS);
  await visit(`#run=${HITS}&step=1`);
  const hits = recording.steps.flatMap((s) => s.layers).filter((l) => l.h).length, all = recording.steps.reduce((n, s) => n + s.layers.length, 0);
  assert.ok(hits > 0, "the recording has hits");
  await page.locator("#view-timeline").scrollIntoViewIfNeeded();
  await drawn();
  assert.match(await page.textContent(".timeline-figures"), new RegExp(`${hits} of ${all} selections from the Selection Cache`));
  assert.equal(await page.locator(".timeline-view .step").count(), recording.steps.length);
  await page.locator('.timeline-view [data-step="3"]').click();
  assert.equal((await state()).step, 3);
  await page.keyboard.press("ArrowRight");
  await drawn();
  assert.equal((await state()).step, 4);
  const lines = (await page.evaluate(() => explorer.views.timeline.csv())).trim().split("\r\n");
  assert.equal(lines.length, recording.steps.length + 1);
  assert.deepEqual(wrong, []);
});

test("another address behind # opens another run, and the list of recordings stays as it is", { skip, timeout: 60_000 }, async () => {
  await visit();
  const listed = await page.$$eval("#recordings option", (all) => all.map((o) => o.value));
  await page.evaluate((hash) => { location.hash = hash; }, `#run=${HITS}&step=2`);
  await page.waitForFunction((n) => explorer.run.steps.length === n && explorer.views.timeline, (await decode(HITS)).steps.length);
  assert.equal((await state()).step, 2);
  assert.deepEqual(await page.$$eval("#recordings option", (all) => all.map((o) => o.value)), listed);
  assert.equal(await page.inputValue("#recordings"), HITS.split("/").pop());
});

test("the document: words are found where they are, whatever is before them and whatever their signs", { skip, timeout: 60_000 }, async () => {
  await visit();
  const bytes = gunzipSync(await readFile(new URL(`../static/${RECORDING}`, import.meta.url))).toString();
  const [header, ...rest] = bytes.split("\n"), given = JSON.parse(header), words = "Why (not)?";
  given.document.text = `İİİ${given.document.text.slice(3, -words.length)}${words}`; // İ is two letters in lower case
  await page.setInputFiles("#file", { name: "signs.json", mimeType: "application/json", buffer: Buffer.from([JSON.stringify(given), ...rest].join("\n")) });
  await page.waitForFunction(() => explorer.run.document.text.startsWith("İ") && explorer.views.timeline);
  await page.getByRole("searchbox").fill(words.toLowerCase());
  await page.keyboard.press("Enter");
  assert.deepEqual((await state()).mark, { start: given.document.text.length - words.length, end: given.document.text.length });
});

test("what is no recording is refused, and what was shown stays", { skip, timeout: 60_000 }, async () => {
  await visit();
  await page.setInputFiles("#file", { name: "book.json", mimeType: "application/json", buffer: Buffer.from("{}\n") });
  await page.waitForSelector("#failure:not([hidden])");
  assert.match(await page.textContent("#failure"), /book\.json.*expected "recording"/);
  assert.equal(await page.textContent("#question"), raw.header.question);
  await page.fill("#address", `${site.origin}/nothing.json.gz`);
  await page.click("#by-address button");
  await page.waitForFunction(() => /nothing\.json\.gz.*404/.test(document.querySelector("#failure").textContent));
  await page.setInputFiles("#file", { name: "short.json.gz", mimeType: "application/gzip", buffer: await readFile(new URL("../static/recordings/needle-300.json.gz", import.meta.url)) });
  await page.waitForFunction(() => document.querySelector("#failure").hidden && explorer.run.rows < 2000);
});

test("the explorer fits 390 and 1280 pixels, light and dark, and its words can be read", { skip, timeout: 90_000 }, async () => {
  for (const [width, colorScheme] of [[390, "dark"], [1280, "light"]]) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, reducedMotion: "reduce" }), narrow = await context.newPage();
    await narrow.goto(`${site.origin}/explore.html`);
    await ready(narrow);
    assert.ok(await narrow.evaluate(() => document.documentElement.scrollWidth) <= width, `wider than ${width} pixels`);
    const faint = await narrow.evaluate(() => {
      const light = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const ground = (node) => { for (let at = node; at; at = at.parentElement) { const c = getComputedStyle(at).backgroundColor; if (!/, 0\)$|transparent|color\(/.test(c)) return c; } return "rgb(255, 255, 255)"; };
      return [...document.querySelectorAll("p, h1, h2, h3, li, button, label, summary, td, th")].filter((n) => n.checkVisibility() && n.textContent.trim() && !n.disabled).map((n) => {
        const [a, b] = [light(getComputedStyle(n).color), light(ground(n))].sort((x, y) => y - x);
        return { text: n.textContent.slice(0, 40), ratio: (a + 0.05) / (b + 0.05) };
      }).filter(({ ratio }) => ratio < 4.5);
    });
    assert.deepEqual(faint, []);
    // Words on the strongest shade: Chromium tells a mix with what is behind as color(srgb r g b / share).
    const marked = await narrow.evaluate(() => {
      const light = (c) => c.map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const parts = (colour) => colour.match(/[\d.]+/g).map(Number), paper = parts(getComputedStyle(document.querySelector("section.view")).backgroundColor).map((v) => v / 255);
      return [...document.querySelectorAll(".reading mark")].map((mark) => {
        mark.style.setProperty("--strength", "1");
        const [r, g, b, share = 1] = parts(getComputedStyle(mark).backgroundColor.replace("srgb", ""));
        const [high, low] = [light(parts(getComputedStyle(mark).color).slice(0, 3).map((v) => v / 255)), light([r, g, b].map((v, i) => v * share + paper[i] * (1 - share)))].sort((x, y) => y - x);
        return { share, ratio: (high + 0.05) / (low + 0.05) };
      });
    });
    assert.ok(marked.length > 0 && marked.every(({ share, ratio }) => share < 1 && ratio >= 4.5), JSON.stringify(marked[0]));
    await context.close();
  }
});
