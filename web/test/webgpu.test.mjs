// The page on WebGPU, and what a token costs it in calls from Go to JavaScript, over
// the whole way: from the GPU to the message that the page gets. Where there is no
// GPU, Chromium's runs on the CPU, which takes minutes for what takes a GPU a moment,
// most of them to compile the kernels: so one engine serves for both.
import assert from "node:assert/strict";
import { test } from "node:test";
import { countCrossings } from "./run-wasm.js";
import { golden, launch, skip, start } from "./real.mjs";
import { answer, ask, ready, says, visit } from "./visitor.mjs";

/** In the worker, behind wasm_exec.js: calls are counted, and noted when a message leaves. */
const COUNTING = `
${countCrossings}
{
  const Go = globalThis.Go, post = globalThis.postMessage;
  globalThis.Go = class extends Go {
    constructor() {
      super();
      countCrossings(this.importObject.gojs);
    }
  };
  globalThis.noted = [];
  globalThis.postMessage = (event, ...rest) => {
    globalThis.noted.push({ type: event.type, ...globalThis.tokenselectCrossings });
    post.call(globalThis, event, ...rest);
  };
}`;

/** In the page: what is asked goes without the shading, once that is wanted. */
function shading() {
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...rest) {
    const plain = globalThis.withoutShading && message?.type === "ask";
    return post.call(this, plain ? { ...message, trace: false } : message, ...rest);
  };
}

/** The calls between the tokens of the answer that has just ended. */
async function perToken(page) {
  const found = await Promise.all(page.workers().map((worker) => worker.evaluate(() => globalThis.noted?.splice(0) ?? [])));
  const noted = found.flat();
  const tokens = noted.filter((n) => n.type === "token");
  assert.ok(tokens.length >= 5, `only ${tokens.length} tokens among ${noted.map((n) => n.type)}`);
  const others = noted.slice(noted.indexOf(tokens[0]), noted.indexOf(tokens.at(-1))).filter((n) => n.type !== "token");
  assert.deepEqual(others, [], "messages between the tokens");
  return tokens.slice(1).map((p, i) => p.js - tokens[i].js);
}

test("WebGPU, chosen on the page: a document is read and asked about; a token takes at most 3 calls from Go to JavaScript, 5 with the shading on", { skip, timeout: 1_800_000 }, async (t) => {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch({ webgpu: true });
  t.after(() => browser.close());
  await browser.context.addInitScript(shading);
  await browser.context.route("**/wasm_exec.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: await response.text() + COUNTING });
  });
  const { page, complaints } = await visit(browser.context, `${server.url}?device=webgpu`);
  if (!await page.evaluate(async () => !!await navigator.gpu?.requestAdapter())) {
    assert.ok(process.env.TOKENSELECT_REQUIRE_GPU !== "1", "TOKENSELECT_REQUIRE_GPU=1, but Chromium has no adapter");
    t.skip("Chromium has no WebGPU adapter");
    return;
  }
  const { document, questions, answers } = golden("facts-373");
  // Longer than what every layer attends to, so that tokens are chosen, and no longer.
  await page.fill("#paste", `${document} ${golden("text-1206").document.slice(0, 1300)}`);
  await page.click("#use-paste");
  await ready(page);
  await page.evaluate(() => { window.document.querySelector("#setup").open = true; });
  await page.fill("#k", "64");
  await page.dispatchEvent("#k", "change");
  await says(page, "#document-facts", "tokens, ");
  assert.match(await page.textContent("#document-facts"), /^6\d\d tokens/);
  assert.match(await page.textContent("#figure-where"), /^WebGPU/);
  await ask(page, questions[1]);
  assert.equal(await answer(page), answers[1]);
  assert.match(await page.textContent("#figure-attended"), /^3\d\d of 6\d\d$/);
  assert.equal(await page.textContent("#error"), "");
  assert.deepEqual(complaints, []);
  t.diagnostic(`first token after ${await page.textContent("#figure-first")}, reading ${await page.textContent("#figure-prefill")}, writing ${await page.textContent("#figure-decode")}`);

  // Before the second token the kernels of decoding are compiled, once.
  const [, ...shaded] = await perToken(page);
  await page.evaluate(() => { globalThis.withoutShading = true; });
  await ask(page, questions[1]);
  await answer(page);
  const plain = await perToken(page);
  t.diagnostic(`calls for each token: ${plain.join(" ")}; with the shading on: ${shaded.join(" ")}`);
  assert.ok(plain.every((n) => n > 0 && n <= 3), `calls for each token: ${plain.join(" ")}`);
  assert.ok(shaded.every((n) => n > 0 && n <= 5), `calls for each token with the shading on: ${shaded.join(" ")}`);
});
