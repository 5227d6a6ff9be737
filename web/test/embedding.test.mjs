// The engine in other pages: the example, and a page of another site.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { golden, launch, skip, start } from "./real.mjs";
import { visit } from "./visitor.mjs";

const PATIENCE = { timeout: 60_000, polling: 50 };
const state = (page, pattern) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector("#state").textContent), pattern.source, PATIENCE)
  .catch(async (error) => { throw new Error(`${error.message}; the page says "${await page.textContent("#state")}", expected ${pattern}`); });

test("the example page loads, asks, stops and asks again", { skip, timeout: 180_000 }, async (t) => {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());
  const { page, complaints } = await visit(browser.context, `${server.url}example.html`);
  await state(page, /^ready: needle-16m on cpu$/);
  await page.click("#ask");
  await state(page, /^answered/);
  assert.equal(await page.textContent("#answer"), "Clara Nash keeps a parrot.");

  const { document, questions, answers } = golden("facts-3654");
  await page.fill("#text", document);
  await page.fill("#question", questions[0]);
  await page.click("#ask");
  await state(page, /^reading: [1-9]/);
  await page.click("#stop");
  await state(page, /^stopped: .* 0 written$/);
  await page.click("#ask");
  await state(page, /^answered/);
  assert.equal(await page.textContent("#answer"), answers[0]);
  assert.deepEqual(complaints, []);
});

test("a page of another site takes the engine from the server", { skip, timeout: 120_000 }, async (t) => {
  const site = createServer((_, response) => response.setHeader("Content-Type", "text/html").end("<!doctype html><title>another site</title>"));
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  t.after(() => site.close());
  const origin = `http://127.0.0.1:${site.address().port}`;
  const server = await start(undefined, "-allow-origin", origin);
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());
  const { page } = await visit(browser.context, origin);
  const ask = (device) => page.evaluate(async ({ url, device }) => {
    const { load } = await import(`${url}tokenselect.js`);
    const engine = await load({ device });
    await engine.open("It was a plain day. Ada Dixon keeps a fox at home.");
    const { text } = await engine.ask("Which animal does Ada Dixon keep?").done;
    await engine.close();
    return text;
  }, { url: server.url, device });
  assert.equal(await ask("cpu"), "Ada Dixon keeps a fox.");
  assert.equal(await ask("server"), "Ada Dixon keeps a fox.");
});
