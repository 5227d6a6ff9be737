// The page on WebGPU. Where there is no GPU, Chromium's runs on the CPU, which
// takes minutes for what takes a GPU a moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { golden, launch, skip, start } from "./real.mjs";
import { answer, ask, ready, says, visit } from "./visitor.mjs";

test("WebGPU, chosen on the page: a pasted document of 950 tokens is read and asked about", { skip, timeout: 1_800_000 }, async (t) => {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch({ webgpu: true });
  t.after(() => browser.close());
  const { page, complaints } = await visit(browser.context, `${server.url}?device=webgpu`);
  if (!await page.evaluate(async () => !!await navigator.gpu?.requestAdapter())) {
    assert.ok(process.env.TOKENSELECT_REQUIRE_GPU !== "1", "TOKENSELECT_REQUIRE_GPU=1, but Chromium has no adapter");
    t.skip("Chromium has no WebGPU adapter");
    return;
  }
  const { document, questions, answers } = golden("facts-373");
  // Longer than what every layer attends to, so that tokens are chosen, and no longer.
  await page.fill("#paste", `${document} ${golden("text-1206").document.slice(0, 2600)}`);
  await page.click("#use-paste");
  await ready(page);
  await says(page, "#document-facts", "tokens, ");
  assert.match(await page.textContent("#document-facts"), /^9\d\d tokens/);
  assert.match(await page.textContent("#figure-where"), /^WebGPU/);
  await ask(page, questions[1]);
  assert.equal(await answer(page), answers[1]);
  assert.match(await page.textContent("#figure-attended"), /^7\d\d of 9\d\d$/);
  assert.equal(await page.textContent("#error"), "");
  assert.deepEqual(complaints, []);
  t.diagnostic(`first token after ${await page.textContent("#figure-first")}, reading ${await page.textContent("#figure-prefill")}, writing ${await page.textContent("#figure-decode")}`);
});
