// The page of measurements, on the CPU path: what it measures has every field,
// and nothing is free.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { markdown } from "../static/bench/report.js";
import { launch, skip, start } from "./real.mjs";
import { visit } from "./visitor.mjs";

test("bench.html measures a short document on the CPU and says so in JSON and in tables", { skip, timeout: 180_000 }, async (t) => {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());
  const { page, complaints } = await visit(browser.context, `${server.url}bench.html?device=cpu&policies=tokenselect,dense&depths=512&tokens=12&runs=1&start`);
  const result = await page.evaluate(() => globalThis.bench);
  assert.equal(result.device, "cpu");
  assert.deepEqual(result.options, { depths: [512], policies: ["tokenselect", "dense"], device: "cpu", tokens: 12, runs: 1, trace: false, hollow: false });
  assert.ok(result.selection.k > 0 && result.cores > 0 && result.adapter !== "");
  assert.deepEqual(result.rows.map((row) => row.policy), ["tokenselect", "dense"]);
  for (const row of result.rows) {
    assert.ok(row.prompt > 450 && row.prompt < 600, `a document of 512 tokens and a question are ${row.prompt}`);
    for (const name of ["open_ms", "first_ms", "prefill_tps", "decode_tps", "memory", "kv_bytes", "wasm_bytes"]) assert.ok(row[name] > 0, `${name}: ${row[name]}`);
    for (const name of ["total", "go", "encode", "message", "page", "crossings"]) assert.ok(row.token[name] > 0, `token.${name}: ${row.token[name]}`);
    for (const name of ["readback", "roundTrip", "outside", "submits"]) assert.equal(row.token[name], 0, `token.${name} of a CPU`);
    const { go, encode, message, total } = row.token;
    assert.ok(go + encode + message < 1.05 * total, `${go} + ${encode} + ${message} ms of ${total}`);
    // The last 8 of the 12 tokens are counted, in the time of all of them: units go wrong by far more than clocks do.
    const [counted, all] = [8 * total, 11 * 1000 / row.decode_tps];
    assert.ok(counted < 1.5 * all && counted > all / 100, `${counted} ms for 8 of the tokens, ${all} ms for all`);
  }
  assert.equal(await page.locator("#figures table").count(), 2);
  assert.equal(await page.locator("#figures table").first().locator("tbody tr").count(), 2);
  assert.match(markdown(result), /\| 1\.00 \| 1\.00 \| \d\.\d\d \| \d\.\d\d \| tokenselect \| 512 \|/);
  assert.deepEqual(complaints, []);

  await page.fill("#depths", "512, many");
  await page.click("#start");
  await page.waitForFunction(() => document.querySelector("#state").textContent.includes("expected whole numbers"));
});

const command = fileURLToPath(new URL("../../bin/bench.wasm", import.meta.url));
const noCommand = skip || (existsSync(command) ? false : "bin/ lacks bench.wasm: make bench-wasm");

test("bench.html measures parts of models with the command itself", { skip: noCommand, timeout: 180_000 }, async (t) => {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());

  // Few enough rows are attended to for 400 to be selected from. Keys of 8M are 4 GiB.
  const asked = "what=attention&device=cpu&shapes=needle-16m&policies=tokenselect,dense&depths=400,8M&kernels&n_init=8&k=64&n_local=32&chunk=16&start";
  const { page, complaints } = await visit(browser.context, `${server.url}bench.html?${asked}`);
  const [report, ...others] = await page.evaluate(() => globalThis.bench);
  assert.deepEqual(others, []);
  assert.equal(report.device, "cpu");
  assert.equal(report.kv, "f32");
  assert.equal(report.os, "js/wasm");
  const { NInit, K, NLocal, Chunk } = report.selection;
  assert.deepEqual([NInit, K, NLocal, Chunk], [8, 64, 32, 16]);
  const { read_bytes_s: read, multiply_add_operations_s: multiplyAdd, timed_by_device: byDevice } = report.ceilings;
  assert.ok(read > 0 && multiplyAdd > 0, `${read} bytes and ${multiplyAdd} operations a second`);
  assert.equal(byDevice, false);
  const { depth: deepest, skipped } = report.rows.pop();
  assert.equal(deepest, 8 << 20);
  assert.match(skipped, /less is free of WebAssembly's 4 GiB/);
  const indexed = ["tokenselect, int8 index", "tokenselect, int4 index"];
  assert.deepEqual(report.rows.filter((row) => row.chunk === 1).map((row) => row.policy), ["dense", "tokenselect", "paged", "gather, then attention", ...indexed, "tokenselect, reused"]);
  assert.deepEqual(report.rows.filter((row) => row.chunk === 16).map((row) => row.policy), ["dense", "tokenselect", "paged", "gather, then attention", ...indexed]);
  const row = (policy, chunk) => report.rows.find((r) => r.policy === policy && r.chunk === chunk);
  const names = (policy, chunk) => row(policy, chunk).kernels.map((k) => k.name);
  assert.deepEqual(names("dense", 1), ["attention_decode_f32", "attention_merge"]);
  assert.deepEqual(names("tokenselect", 1), ["score_stats_f32", "vote_bound", "vote_some", "choose", "attention_decode_f32", "attention_merge"]);
  assert.ok(names("dense", 16).includes("attention_chunk_f32") && names("gather, then attention", 16).includes("gather_rows"));
  for (const { policy, chunk, depth, us, to_dense: toDense, kernels } of report.rows) {
    const what = `${policy}, ${chunk}`;
    assert.equal(depth, 400);
    if (policy === "dense") assert.equal(toDense, undefined);
    else assert.ok(Math.abs(toDense * us / row("dense", chunk).us - 1) < 1e-6, `${what}: ${toDense} times dense`);
    assert.ok(us > 0, `${what}: ${us} us`);
    for (const k of kernels) {
      assert.ok(k.us > 0 && k.calls > 0, `${what}: ${JSON.stringify(k)}`);
      if (!k.bytes) continue;
      const shares = [k.bytes / (k.us * 1e-6) / read, k.operations / (k.us * 1e-6) / multiplyAdd];
      assert.ok(Math.abs(k.share_of_ceiling / Math.max(...shares) - 1) < 1e-6, `${what}: ${JSON.stringify(k)}, expected a share of ${shares}`);
      assert.equal(k.bound, shares[1] > shares[0] ? "multiply-add" : "reading");
    }
  }
  assert.equal(row("dense", 1).kernels[0].bytes, 2 * 400 * 4 * 2 * 64, "keys and values of 400 rows, float32, 2 heads of 64");
  assert.match(await page.textContent("#figures .facts"), /^cpu: .*cache f32; n_init 8, k 64, n_local 32, chunk 16; selection and attention of one layer; ceilings: [\d.]+ GB\/s read, .*times by this machine's clock/);
  assert.equal(await page.textContent("#figures figcaption"), "needle-16m (8/2/64)");
  assert.equal(await page.locator("#figures tbody tr").count(), report.rows.reduce((n, r) => n + 1 + r.kernels.length, 1));
  assert.match(await page.locator("#figures tbody tr").last().textContent(), /^skipped: .*8M$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#markdown")]);
  const text = readFileSync(await download.path(), "utf8");
  assert.equal(text, `${markdown(await page.evaluate(() => globalThis.bench))}\n`);
  assert.match(text, /\| \d+\.\d\d times dense \| tokenselect, int8 index \| 400 \| decode \| \d+\.\d \|/);
  const [{ share_of_ceiling: share, bound }] = row("dense", 1).kernels;
  assert.ok(text.includes(`| ${Math.round(100 * share)} % of ${bound} | attention_decode_f32 |`), `${share} of ${bound}: ${text}`);

  await page.selectOption("#what", "matvec");
  assert.ok(await page.isHidden("#depths") && await page.isHidden("#tokens") && await page.isVisible("#shapes"));
  await page.fill("#shapes", "tiny");
  await page.fill("#chunk", "3");
  await page.click("#start");
  const [products] = await page.evaluate(() => globalThis.bench);
  assert.equal(products.rows.length, 4 * (6 + 3 + 5 + 1) + 3 + 2, "all weights of a token and of a chunk, and what is around them");
  for (const { name, us, share_of_ceiling: share } of products.rows) assert.ok(us > 0 && share > 0, `${name}: ${us} us, ${share}`);
  assert.match(await page.textContent("#figures .facts"), /products with random weights/);
  assert.match(markdown([products]), /\| \d+ % of (?:reading|multiply-add) \| gate_up 192 x 64 \| q4_0 \| chunk of 3 \| 2 \|/);

  await page.fill("#shapes", "tiny, enormous");
  await page.click("#start");
  await page.waitForFunction(() => document.querySelector("#state").textContent.includes('"enormous", expected of needle-16m'));
  assert.ok(await page.isEnabled("#start"));
  await page.selectOption("#what", "attention");
  assert.equal(await page.inputValue("#shapes"), "needle-16m", "each has shapes of its own");
  assert.deepEqual(complaints, []);

  await browser.context.route("**/bench.wasm", (route) => route.fulfill({ status: 404, body: "no" }));
  await page.click("#start");
  await page.waitForFunction(() => document.querySelector("#state").textContent.includes("make bench-wasm builds it"));
});
