// A live run of the explorer on WebGPU beside the same on the CPU: the same rows
// are read, all views show it, and its recording opens again. Where there is no
// GPU, Chromium's runs on the CPU, most of a minute of it to compile the kernels:
// so `make test-long` runs it, with TOKENSELECT_LONG=1.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { golden, launch, skip, start } from "./real.mjs";

const left = skip || (process.env.TOKENSELECT_LONG === "1" ? false : "it takes a software GPU minutes: TOKENSELECT_LONG=1 runs it");

test("a run on WebGPU reads what one on the CPU reads, fills every view, and opens again as a recording", { skip: left, timeout: 1_800_000 }, async (t) => {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch({ webgpu: true });
  t.after(() => browser.close());
  const folder = mkdtempSync(join(tmpdir(), "tokenselect-explore-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const page = await browser.context.newPage(), wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(`${server.url}explore.html`);
  await page.waitForFunction(() => globalThis.explorer?.views.timeline);
  if (!await page.evaluate(async () => !!await navigator.gpu?.requestAdapter())) {
    assert.ok(process.env.TOKENSELECT_REQUIRE_GPU !== "1", "TOKENSELECT_REQUIRE_GPU=1, but Chromium has no adapter");
    t.skip("Chromium has no WebGPU adapter");
    return;
  }
  const { document, questions, answers } = golden("facts-373");
  await page.click("#live > summary");
  // Longer than what every layer attends to, so that tokens are chosen, and no longer.
  await page.fill("#live-document", `${document} ${golden("text-1206").document.slice(0, 1300)}`);
  await page.fill("#live-question", questions[1]);
  await page.locator("#live-k").fill("64");

  const shown = () => page.evaluate(() => {
    const { run } = explorer;
    return {
      answer: run.answer.trim(), kv: run.model.kv, device: run.model.device,
      steps: run.steps.map(({ token, p, n, layers }) => ({ token, p, n, layers: layers.map(({ attended, rows, votes, mass, top }) => ({ attended, rows: Array.from(rows), votes: votes.length, mass, heaviest: top.map((of) => of.length) })) })),
    };
  });
  const ask = async (device) => {
    await page.selectOption("#live-device", device);
    await page.click("#live-run");
    await page.waitForFunction(() => !document.querySelector("#failure").hidden || (explorer.run.live && explorer.run.done && document.querySelector("#live-stop").hidden), null, { timeout: 900_000 });
    assert.equal(await page.textContent("#failure"), "");
    return shown();
  };
  const cpu = await ask("cpu"), gpu = await ask("webgpu");
  assert.deepEqual([cpu.device, cpu.kv, gpu.device, gpu.kv], ["cpu", "f32", "webgpu", "f16"]);
  assert.equal(gpu.answer, answers[1]);
  assert.deepEqual(gpu.steps.map((s) => s.token), cpu.steps.map((s) => s.token));
  // A cache of half the precision may turn a vote at the cut, and no more.
  let other = 0;
  gpu.steps.forEach(({ n, p, layers }, i) => {
    assert.equal(n, cpu.steps[i].n);
    assert.ok(Math.abs(p - cpu.steps[i].p) < 0.02, `step ${i}: probability ${p}, on the CPU ${cpu.steps[i].p}`);
    layers.forEach((layer, l) => {
      const there = cpu.steps[i].layers[l], common = layer.rows.filter((row) => there.rows.includes(row)).length;
      other += layer.rows.length - common;
      assert.deepEqual([layer.attended, layer.rows.length, layer.votes, layer.heaviest], [there.attended, 64, 64, there.heaviest], `step ${i}, layer ${l}`);
      assert.ok(common / (128 - common) >= 0.9, `step ${i}, layer ${l}: ${common} of 64 rows are the same`);
      layer.mass.forEach((shares, h) => shares.forEach((share, r) => assert.ok(Math.abs(share - there.mass[h][r]) < 0.02, `step ${i}, layer ${l}, head ${h}: mass ${shares}, on the CPU ${there.mass[h]}`)));
    });
  });
  t.diagnostic(`${other} of ${64 * cpu.steps.length * 8} rows differ from those of the CPU`);

  /** Every view by what it draws of the run, in sight or not. */
  const views = () => page.evaluate(async () => {
    explorer.state.set({ step: 2, layer: 3, mark: { start: 20, end: 60 } });
    dispatchEvent(new Event("beforeprint"));
    const count = (selector) => document.querySelectorAll(selector).length, { views } = explorer;
    return {
      cells: count(".head-grid .cell"), heaviest: count("figure:has(.weight) [data-row]"), voted: count("figure:has(.votes) [data-row]"), agreement: count(".overlap text.number"), mass: count(".heads-view svg.mass .bar"),
      raster: count(".raster .cell"), columns: count(".timeline-view .step"), points: count(".budget-plot .point"), places: count(".reading li"),
      tables: ["document", "skyline", "heads", "needle", "timeline"].map((name) => views[name].csv()),
      summary: document.querySelector(".needle-summary").textContent,
    };
  });
  const live = await views(), steps = gpu.steps.length;
  for (const [name, number] of Object.entries({ cells: 64, agreement: 64, mass: 8, raster: 8 * steps, columns: steps, points: 1, voted: 12 })) assert.equal(live[name], number, name);
  assert.ok(live.heaviest > 0 && live.places > 0, `${live.heaviest} heaviest tokens, ${live.places} places`);

  const file = join(folder, "run.json.gz"), download = page.waitForEvent("download");
  await page.click("#export");
  await (await download).saveAs(file);
  await page.setInputFiles("#file", { name: "run.json.gz", mimeType: "application/gzip", buffer: readFileSync(file) });
  await page.waitForFunction(() => !explorer.run.live && explorer.views.timeline, null, { timeout: 30_000 });
  assert.deepEqual(await shown(), gpu);
  assert.deepEqual(await views(), live);
  assert.deepEqual(wrong, []);
});
