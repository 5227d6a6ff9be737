// What a token costs in calls from Go to JavaScript, over the whole way: from
// the GPU to the message that the page gets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { countCrossings } from "./run-wasm.js";
import { launch, skip, start } from "./real.mjs";

let server, browser, page;
before(async () => {
  if (skip) return;
  server = await start();
  browser = await launch({ webgpu: true });
  page = await browser.context.newPage();
  // In the worker: calls are counted, and noted when a message leaves.
  await page.route("**/wasm_exec.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `${await response.text()}
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
}` });
  });
  await page.goto(`${server.url}tokenselect.d.ts`);
});
after(async () => {
  await browser?.close();
  await server?.stop("SIGKILL");
});

/** The calls between the tokens of an answer. */
async function perToken(trace) {
  const { text } = await page.evaluate(async (trace) => {
    const { load } = await import("/tokenselect.js");
    if (!globalThis.engine) {
      globalThis.engine = await load({ device: "webgpu" });
      await globalThis.engine.open("Felix Ellis is 64 years old. Ada Dixon keeps a fox at home.");
    }
    return globalThis.engine.ask("Which animal does Ada Dixon keep?", { trace }).done;
  }, trace);
  assert.equal(text, "Ada Dixon keeps a fox.");
  const noted = await page.workers()[0].evaluate(() => globalThis.noted.splice(0));
  const tokens = noted.filter((n) => n.type === "token");
  assert.ok(tokens.length >= 5, `only ${tokens.length} tokens among ${noted.map((n) => n.type)}`);
  const others = noted.slice(noted.indexOf(tokens[0]), noted.indexOf(tokens.at(-1))).filter((n) => n.type !== "token");
  assert.deepEqual(others, [], "messages between the tokens");
  return tokens.slice(1).map((p, i) => p.js - tokens[i].js);
}

test("a token takes at most 3 calls from Go to JavaScript, 5 with the shading on", { skip, timeout: 300_000 }, async (t) => {
  if (!await page.evaluate(async () => !!await navigator.gpu?.requestAdapter())) {
    assert.ok(process.env.TOKENSELECT_REQUIRE_GPU !== "1", "TOKENSELECT_REQUIRE_GPU=1, but Chromium has no adapter");
    t.skip("Chromium has no WebGPU adapter");
    return;
  }
  // Before the second token the kernels of decoding are compiled, once.
  const [, ...plain] = await perToken(false);
  const shaded = await perToken(true);
  t.diagnostic(`calls for each token: ${plain.join(" ")}; with the shading on: ${shaded.join(" ")}`);
  assert.ok(plain.every((n) => n > 0 && n <= 3), `calls for each token: ${plain.join(" ")}`);
  assert.ok(shaded.every((n) => n > 0 && n <= 5), `calls for each token with the shading on: ${shaded.join(" ")}`);
});
