// The lesson as a class gets it: the files of `tokenselect site` below a path of a
// server that does nothing but hand out files.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { host } from "./page/file-host.mjs";
import { launch, skip } from "./real.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const DEADLINE = { timeout: 60_000 };

let site, browser;

before(async () => {
  if (skip) return;
  site = await host({ path: "/class/7b/" });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  site?.close();
});

/** A page at an address of the site, and what it complains about. */
async function visit(t, path) {
  const page = await browser.context.newPage(), complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  // "The server" has no place here, and the page finds out by asking.
  page.on("console", (message) => { if (message.type() === "error" && !/404/.test(message.text())) complaints.push(message.text()); });
  t.after(() => page.close());
  await page.goto(`${site.url}${path}`);
  return { page, complaints };
}

const lesson = async (t, query = "") => {
  const { page, complaints } = await visit(t, `lesson.html${query}`);
  await page.waitForFunction(() => document.body.dataset.ready === "recording", null, DEADLINE);
  return { page, complaints };
};

const written = (page) => page.$$eval("[data-n]", (all) => all.map((place) => [place.dataset.n, place.textContent]));

test("lesson: every figure is drawn from its recording, and the text has the recording's numbers from the start", { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await lesson(t);
  assert.equal(await page.evaluate(() => crossOriginIsolated), false, "the host sets no headers");
  const figures = await page.$$eval("[data-figure]", (all) => all.map((place) => ({ name: place.dataset.figure, drawn: place.querySelectorAll("svg > *, table tr, .shares li").length, text: place.textContent })));
  assert.equal(figures.length, 13);
  for (const { name, drawn, text } of figures) {
    assert.ok(drawn >= 4, `${name} has ${drawn} parts`);
    assert.doesNotMatch(text, /not recorded|not measured|cannot be shown|NaN|undefined/, name);
  }
  // What is in the file, before any script has run, is what the recording says.
  const said = await written(page);
  const file = [...readFileSync(`${root}web/static/lesson.html`, "utf8").matchAll(/data-n="(\w+)">([^<]*)</g)].map((m) => [m[1], m[2]]);
  assert.deepEqual(said, file);
  const number = Object.fromEntries(said);
  assert.equal(number.trained, "2,048");
  assert.ok(Math.abs(Number(number.at.replace(",", "")) - 9000) < 60, `the sentence stands at ${number.at}`);

  // The claim of the lesson, in its first figure.
  const rows = Object.fromEntries(await page.$$eval("#answers tbody tr", (all) => all.map((row) => [row.dataset.policy, row.textContent])));
  assert.match(rows.tokenselect, /✓.*parrot/);
  for (const policy of ["dense", "window"]) assert.match(rows[policy], /✗/, policy);

  // The retrieving head's best key is the word that comes, and its products add up to the score.
  const product = await page.textContent("#product .drawing p.hint");
  const score = /score (-?\d+\.\d)/.exec(await page.textContent("#scores .drawing"))[1];
  assert.ok(Math.abs(Number(/q · k = (-?\d+\.\d)/.exec(product)[1]) - Number(score)) < 2, `${product} and ${score}`);
  assert.match(await page.textContent("#softmax li:first-child"), /^100 %.*parrot/);
  // A vote gives every head what raw scores give the loud one alone.
  const shares = (await page.$$eval("#loud svg text.number", (all) => all.map((one) => one.textContent))).map((v) => Number(v.replace(/[<% ]/g, "")));
  assert.equal(shares.length, 16);
  assert.ok(shares.filter((_, i) => i % 2 === 1).every((v) => v > 90), `by vote ${shares}`);
  assert.ok(shares.filter((v, i) => i % 2 === 0 && v < 15).length >= 4, `by raw scores ${shares}`);
  assert.deepEqual(complaints, []);
});

test("lesson: the five minutes lead to places that are there, and to the explorer at the word that was looked for", { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await lesson(t);
  const links = await page.$$eval(".short a", (all) => all.map((a) => a.getAttribute("href")));
  assert.equal(links.length, 5);
  for (const link of links.slice(0, 4)) {
    await page.click(`.short a[href="${link}"]`);
    // The words about a figure come with it, not the figure alone.
    const [words, figure] = await page.evaluate((id) => {
      const place = document.getElementById(id), figures = [...document.querySelectorAll("[data-figure]")];
      return [place, figures.find((f) => place.compareDocumentPosition(f) & Node.DOCUMENT_POSITION_FOLLOWING)].map((n) => n.getBoundingClientRect().top / innerHeight);
    }, link.slice(1));
    assert.ok(words >= 0 && words < 0.05 && figure > words && figure < 0.7, `${link}: words at ${words} of the window, the figure at ${figure}`);
  }
  await page.click(".short li:last-child a");
  await page.waitForFunction(() => globalThis.explorer?.views.timeline, null, DEADLINE);
  assert.match(await page.textContent("#answer [aria-current=step]"), /parrot/);
  assert.ok(await page.evaluate(async () => {
    const { passageRows, presence } = await import("./explore/needle/presence.js");
    const { run, state } = explorer, step = run.steps[state.step];
    return presence(step, step.layers[state.layer], passageRows(run, run.marks[0])).selected;
  }) > 0, "the layer of the link has selected the sentence there");
  assert.deepEqual(complaints, []);
});

test("lesson: a word and a head are chosen in one figure for all, kept in the address, and by the keyboard", { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await lesson(t, "?step=2&head=0");
  assert.match(await page.textContent("#softmax li:first-child"), /Nash/);
  await page.selectOption("#scores select[aria-label='To write']", "3");
  await page.waitForFunction(() => /keeps/.test(document.querySelector("#softmax li").textContent), null, DEADLINE);
  assert.equal(await page.inputValue("#product select[aria-label='To write']"), "3");
  await page.focus("#found .cell[aria-pressed=true]");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label")?.startsWith("for “a”, layer 4"), null, DEADLINE);
  assert.match(page.url(), /\?step=4&head=0&layer=4$/);
  assert.match(await page.getAttribute("#scores a", "href"), /^figure\.html\?f=scores&step=4&head=0&layer=4$/);
  await page.reload();
  await page.waitForFunction(() => document.body.dataset.ready, null, DEADLINE);
  assert.equal(await page.inputValue("#found select[aria-label='Layer']"), "4");
  await page.click("nav a[href='#vote']");
  await page.waitForFunction(() => location.hash === "#vote");
  await page.selectOption("#loud select[aria-label='To write']", "1");
  await page.goBack();
  await page.waitForFunction(() => location.hash === "" && location.search.includes("step=1&"), null, DEADLINE);
  assert.deepEqual(complaints, []);
});

test("lesson: sources as in the repository, drawings as SVG, numbers as CSV, a figure alone, and print", { skip, timeout: 120_000 }, async (t) => {
  const { page, complaints } = await lesson(t);
  const places = await page.$$(".source");
  assert.equal(places.length, 6);
  for (const place of places) await (await place.$("summary")).click();
  // What a summary opens comes a moment after the click.
  await page.waitForFunction(() => [...document.querySelectorAll(".source")].every((place) => place.querySelector(".code pre"))
    && [...document.querySelectorAll(".code pre")].every((pre) => pre.textContent.length > 100), null, DEADLINE);
  for (const [path, text] of await page.$$eval(".code pre", (all) => all.map((pre) => [pre.dataset.path, pre.textContent]))) {
    assert.equal(text, readFileSync(`${root}${path}`, "utf8"), path);
  }
  const save = async (name, kind) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`#${name} .actions button:text-is("${kind}")`)]);
    return [download.suggestedFilename(), readFileSync(await download.path(), "utf8")];
  };
  const [svgName, svg] = await save("positions", "SVG");
  assert.equal(svgName, "positions.svg");
  assert.equal(await page.evaluate((text) => new DOMParser().parseFromString(text, "image/svg+xml").querySelector("parsererror") === null, svg), true);
  assert.match(svg, /fill="rgb\(/);
  const [csvName, csv] = await save("scores", "CSV");
  assert.equal(csvName, "scores.csv");
  const lines = csv.trim().split("\r\n");
  assert.ok(lines.length > 15_000, `${lines.length} lines`);
  assert.ok(lines.some((line) => /^\d+, parrot,1[56]\d\./.test(line)), "the best key is in the table");
  // The tables of all figures as they go out: Chromium does not take a dozen downloads in a row every time.
  await page.evaluate(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => make.call(URL, globalThis.saved = blob);
    HTMLAnchorElement.prototype.click = () => {};
  });
  for (const name of await page.$$eval("[data-figure]", (all) => all.map((place) => place.dataset.figure))) {
    await page.evaluate(() => { globalThis.saved = null; });
    await page.click(`#${name} .actions button:text-is("CSV")`);
    const table = await page.evaluate(() => globalThis.saved.text());
    assert.doesNotMatch(table, /NaN|undefined/, name);
    assert.ok(table.split("\r\n").length > 3, name);
  }
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.isVisible("#live"), false);
  assert.equal(await page.isVisible("#scores svg"), true);
  assert.deepEqual(complaints, []);

  const alone = await visit(t, "figure.html?f=loud&step=4");
  await alone.page.waitForSelector("#figure[data-ready] svg", DEADLINE);
  assert.equal(await alone.page.inputValue("select[aria-label='To write']"), "4");
  assert.deepEqual(alone.complaints, []);
  const wrong = await visit(t, "figure.html?f=nothing");
  await wrong.page.waitForFunction(() => /there is no figure "nothing", there are: answers/.test(document.querySelector("#state").textContent), null, DEADLINE);
  const lost = await visit(t, "lesson.html?run=recordings/none.json.gz");
  await lost.page.waitForFunction(() => /cannot be opened/.test(document.querySelector("#run-state").textContent), null, DEADLINE);
});

test("site: the engine runs from a file host without headers, and the lesson is drawn anew from another text", { skip, timeout: 240_000 }, async (t) => {
  const { page, complaints } = await lesson(t);
  await page.click("#live-examples button:text-is('lost the violin')");
  assert.deepEqual(await Promise.all(["sentence", "question", "expected"].map((name) => page.inputValue(`#live-${name}`))), ["Henry Young lost the violin on the way.", "What did Henry Young lose?", "violin"]);
  await page.click("#live details summary");
  const prose = (await page.inputValue("#live-text")).slice(0, 5200);
  await page.fill("#live-text", prose);
  await page.fill("#live-sentence", "Oscar Webb keeps a donkey at home.");
  await page.fill("#live-question", "Which animal does Oscar Webb keep?");
  await page.fill("#live-expected", "donkey");
  await page.selectOption("#live-device", "cpu");
  await page.uncheck("#live-compare");
  await page.click("#live-run");
  await page.waitForFunction(() => document.body.dataset.live === "idle", null, { timeout: 200_000 });
  assert.match(await page.textContent("#live-state"), /Oscar Webb keeps a donkey\./);
  assert.equal(await page.evaluate(() => document.body.dataset.ready), "live");
  const number = Object.fromEntries(await written(page));
  assert.match(number.sentence, /Oscar Webb/);
  assert.match(number.attended, /^7[89]\d$/);
  assert.ok(Number(number.tokens.replace(",", "")) > 1100, number.tokens);
  assert.match(await page.textContent("#softmax li:first-child"), /donkey/);
  assert.match(await page.textContent("#found .drawing p.hint"), /^All \d+ tokens in \d+ of \d+ fields/);
  assert.equal(await page.locator("#loud rect.selected").count(), 8);
  assert.match(await page.textContent("#run-state"), /of your run/);
  await page.click("#live-back");
  await page.waitForFunction(() => document.body.dataset.ready === "recording", null, DEADLINE);
  assert.match(await page.textContent("#softmax li:first-child"), /parrot/);
  assert.deepEqual(complaints, []);

  const first = await visit(t, "");
  assert.equal(await first.page.getAttribute("a[href='lesson.html']", "href"), "lesson.html");
  await first.page.waitForFunction(() => globalThis.tokenselectPage?.state().engine === "ready" || document.querySelector("#state").dataset.state === "ready", null, DEADLINE);
  assert.deepEqual(first.complaints, []);
});
