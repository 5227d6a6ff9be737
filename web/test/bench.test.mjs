// The page of measurements, on the CPU path: what it measures has every field,
// and nothing is free.
import assert from "node:assert/strict";
import { test } from "node:test";
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
