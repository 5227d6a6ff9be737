// A run from the explorer's form, with the browser's engine: it is shown while it
// grows, and its export is a recording that the page and the command open again;
// and from an answer of the page that asks, with the document that is open there.
// `make test-page` builds the server and the engine.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, skip, start } from "./real.mjs";

const binary = fileURLToPath(new URL("../../bin/tokenselect", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tokenselect-explore-"));
const plain = "It was a plain day. ", text = `${plain.repeat(110)}Ada Dixon keeps a fox at home. ${plain.repeat(110)}`;

let server, browser, page;
const wrong = [];
before(async () => {
  if (skip) return;
  server = await start();
  browser = await launch();
  page = await browser.context.newPage();
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(`${server.url}explore.html`);
  await page.waitForFunction(() => globalThis.explorer?.views.timeline);
});
after(async () => {
  await browser?.close();
  await server?.stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const run = () => page.evaluate(() => {
  const { run } = explorer, last = run.steps.at(-1);
  return { answer: run.answer, live: run.live !== null, steps: run.steps.map((s) => ({ n: s.n, p: s.p, rows: s.layers.map((l) => Array.from(l.rows ?? [])) })), k: run.selection.k, votes: last?.layers[0].votes?.length, mass: last?.layers[0].mass?.length };
});
const done = () => page.waitForFunction(() => explorer.run.live && explorer.run.done && document.querySelector("#live-stop").hidden, null, { timeout: 90_000 });

test("a live run is shown, exported, opened again by the page and by the command", { skip, timeout: 180_000 }, async () => {
  await page.click("#live > summary");
  await page.click("#live-run");
  await page.waitForFunction(() => /There is no document/.test(document.querySelector("#failure").textContent));
  await page.fill("#live-document", text);
  await page.fill("#live-question", "Which animal does Ada Dixon keep?");
  await page.selectOption("#live-device", "cpu");
  await page.locator("#live-k").fill("64");
  await page.click("#live-run");
  await done();
  const live = await run();
  assert.equal(live.answer, "Ada Dixon keeps a fox.");
  assert.equal(live.k, 64);
  assert.ok(live.votes === 64 && live.mass === 8, `votes of ${live.votes} rows, mass of ${live.mass} heads`);
  assert.ok(live.steps.every((s) => s.p > 0 && s.rows.every((rows) => rows.length === 64)));
  assert.equal(await page.locator("#answer .token").count(), live.steps.length);
  // What nobody has scrolled to is drawn when the run has ended: it takes up its space.
  await page.waitForFunction((steps) => scrollY === 0 && document.querySelectorAll(".head-grid .cell").length === 64 && document.querySelectorAll(".timeline-view .step").length === steps, live.steps.length, { timeout: 10_000 });
  // The views of the document, of the skyline and of the timeline have the run's own rows.
  const views = await page.evaluate(async () => {
    const { columnsOf } = await import("/explore/skyline.js");
    const { run, state, views } = explorer, last = run.steps.length - 1;
    state.set({ step: last, layer: 2 });
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    document.querySelector("#view-timeline").scrollIntoView();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const step = run.steps[last], local = step.n - 1 - step.nLocal;
    return {
      shown: views.document.csv().trim().split("\r\n").filter((line) => line.includes(",selected,")).map((line) => Number(line.split(",")[0])),
      rows: Array.from(step.layers[2].rows).filter((row) => row >= step.nInit && row < local),
      columns: Array.from(columnsOf(step, 2, run.rows, run.rows).kinds).flatMap((kind, row) => (kind === 1 ? [row] : [])),
      columnsOfTime: document.querySelectorAll(".timeline-view .step").length,
    };
  });
  assert.ok(views.rows.length > 0);
  assert.deepEqual(views.shown, views.rows);
  assert.deepEqual(views.columns, views.rows);
  assert.equal(views.columnsOfTime, live.steps.length);

  const file = join(folder, "run.json.gz"), download = page.waitForEvent("download");
  await page.click("#export");
  await (await download).saveAs(file);
  const said = execFileSync(binary, ["trace", "-info", file], { encoding: "utf8" });
  assert.match(said, /Which animal does Ada Dixon keep\?/);
  assert.match(said, /needle-16m/);
  await page.setInputFiles("#file", { name: "run.json.gz", mimeType: "application/gzip", buffer: readFileSync(file) });
  await page.waitForFunction(() => !explorer.run.live && explorer.views.timeline, null, { timeout: 30_000 });
  const again = await run();
  assert.deepEqual({ ...again, live: true }, live);

  // Another budget is asked in place of this one, and reads only the question.
  await page.selectOption("#live-policy", "window");
  await page.click("#live-run");
  await done();
  assert.notEqual((await run()).answer, live.answer);
  assert.deepEqual(wrong, []);
});

test("an answer of the page leads to the same question in the explorer, recorded", { skip, timeout: 180_000 }, async () => {
  const asking = await browser.context.newPage();
  asking.on("pageerror", (error) => wrong.push(error.message));
  await asking.goto(server.url);
  await asking.fill("#paste", text);
  await asking.click("#use-paste");
  await asking.selectOption("#device", "cpu");
  await asking.waitForFunction(() => tokenselectPage.state().engine === "ready" && tokenselectPage.state().tokens > 0, null, { timeout: 60_000 });
  await asking.locator("#k").fill("48");
  await asking.fill("#question", "Which animal does Ada Dixon keep?");
  await asking.click("#ask");
  const link = asking.getByRole("link", { name: "Explore what it read" });
  await link.waitFor({ timeout: 60_000 });
  const model = await asking.inputValue("#model"), answer = (await asking.textContent("#answer .answer")).trim();
  await link.click();
  await asking.waitForFunction(() => globalThis.explorer?.run.live && explorer.run.done && explorer.views.timeline, null, { timeout: 90_000 });
  const seen = await asking.evaluate(() => ({ answer: explorer.run.answer.trim(), k: explorer.run.selection.k, policy: explorer.run.selection.policy, text: explorer.run.document.text, rows: explorer.run.steps[0].layers[0].rows.length, device: document.querySelector("#live-device").value, model: document.querySelector("#live-model").value }));
  assert.ok(seen.text === text, "the same document");
  delete seen.text;
  assert.deepEqual(seen, { answer, k: 48, policy: "tokenselect", rows: 48, device: "cpu", model });

  // The document is gone: that is said, and nothing is asked.
  await asking.evaluate(() => import("./storage.js").then(({ clear }) => clear()));
  await asking.goto("about:blank");
  await asking.goto(`${server.url}explore.html#ask=Which%3F`);
  await asking.waitForFunction(() => /no document in this browser any more/.test(document.querySelector("#failure").textContent));
  await asking.close();
  assert.deepEqual(wrong, []);
});
