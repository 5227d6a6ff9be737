// The page as people use it, with the real engine on the CPU and the real server.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { hub as startHub, parts } from "./page/hub.mjs";
import { golden, skip, start } from "./real.mjs";
import { visitor } from "./shared-browser.mjs";
import { answer, ask, drop, kept, reading, ready, says, visit } from "./visitor.mjs";

/** A server and a browser for a test. */
async function both(t) {
  const server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await visitor();
  t.after(() => browser.close());
  return { server, context: browser.context };
}

test("without WebGPU: said, and a document of 11,000 tokens is stopped, read, and asked again on the CPU", { skip, timeout: 300_000 }, async (t) => {
  const { document, questions, answers } = golden("facts-10956");
  const { server, context } = await both(t);
  const { page, complaints } = await visit(context, server.url);
  await drop(page, "facts.txt", document);
  await ready(page);
  await says(page, "#notice", "The CPU does the work here");
  await says(page, "#notice", "Chrome and Edge from version 113");
  assert.match(await page.textContent("#figure-where"), /^CPU/);
  await says(page, "#document-facts", "10,9");

  await ask(page, questions[0]);
  await reading(page);
  await page.click("#stop");
  assert.equal(await answer(page), "Stopped before the answer began.");

  await ask(page, questions[0]);
  assert.equal(await answer(page), answers[0]);
  assert.match(await page.textContent("#figure-context"), /^1[01],\d{3} tokens$/);
  assert.match(await page.textContent("#figure-attended"), /^7\d\d of 1[01],\d{3}$/);

  await ask(page, questions[1]);
  assert.equal(await answer(page), answers[1]);
  assert.equal(await page.textContent("#error"), "");
  assert.deepEqual(complaints, []);
});

test("no room in the browser's storage: said, and the model is used without being kept", { skip, timeout: 120_000 }, async (t) => {
  const { server, context } = await both(t);
  const page = await context.newPage();
  await page.goto(`${server.url}tokenselect.d.ts`);
  const devtools = await context.newCDPSession(page);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin: new URL(server.url).origin, quotaSize: 8e6 });
  await page.goto(server.url);
  await page.click("#example-note");
  await ready(page);
  await says(page, "#notice", "does not keep the model");
  await says(page, "#notice", "storage is full");
  await says(page, "#cache", "No weights kept");
  await ask(page, "Which animal does Clara Nash keep?");
  assert.equal(await answer(page), "Clara Nash keeps a parrot.");
});

test("a model by its hub name: its header is read, it is downloaded, kept, loaded and answers", { skip, timeout: 120_000 }, async (t) => {
  const { server, context } = await both(t);
  const hub = await startHub();
  t.after(() => hub.close());
  const { page, complaints } = await visit(context, `${server.url}?hub=${encodeURIComponent(hub.url)}`);
  await page.click("#example-note");
  await ready(page);
  await page.selectOption("#model", { label: "Another model…" });
  await page.fill("#models-source", "acme/twin/twin-Q8_0.gguf");
  await page.click("#models-find");
  await says(page, "#models-takes", "17.6 MB of weights");
  await page.getByRole("button", { name: "Download and use it (17.8 MB)" }).click();
  await page.waitForSelector("#models", { state: "hidden" });
  await ready(page);
  await says(page, "#setup-summary", "twin-Q8_0: ready");
  await ask(page, "Which animal does Clara Nash keep?");
  assert.equal(await answer(page), "Clara Nash keeps a parrot.");
  assert.equal(await page.textContent("#error"), "");
  assert.deepEqual(complaints, []);
});

test("a split model that the server offers: one of the list, its parts fetched and kept as one, used without asking again, on this machine too", { skip, timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tokenselect-split-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, bytes] of parts) writeFileSync(join(folder, name), bytes);
  const server = await start("127.0.0.1:0", "-model", join(folder, [...parts.keys()][1]));
  t.after(() => server.stop("SIGKILL"));
  const browser = await visitor();
  t.after(() => browser.close());
  const { page, complaints } = await visit(browser.context, server.url);
  await page.click("#example-note");
  await ready(page);
  await says(page, "#setup-summary", "needle-16n: ready");
  await ask(page, "Which animal does Clara Nash keep?");
  assert.equal(await answer(page), "Clara Nash keeps a parrot.");
  assert.equal(await server.fetched(), 3);
  await says(page, "#cache", "17.8 MB");
  await page.reload();
  await ready(page);
  assert.equal(await server.fetched(), 3);
  await page.evaluate(() => { document.querySelector("#setup").open = true; });
  await page.selectOption("#device", "server");
  await says(page, "#figure-where", "server");
  await ready(page);
  await ask(page, "Which animal does Clara Nash keep?");
  assert.equal(await answer(page), "Clara Nash keeps a parrot.");
  assert.deepEqual(complaints, []);
});

test("an example, a reload and no network: document, conversation and weights are there again", { skip, timeout: 300_000 }, async (t) => {
  const { server, context } = await both(t);
  const { page, complaints } = await visit(context, server.url);
  await page.click("#example-town");
  const { name, questions } = await page.evaluate(async () => {
    const { examples } = await import("/documents/examples.js");
    return examples.find((example) => example.id === "town").make();
  });
  await page.locator("#suggestions button", { hasText: questions[0].question }).click();
  assert.equal(await answer(page), questions[0].answer);
  await kept(page, 1);
  const fetched = await server.fetched();
  assert.ok(fetched > 0);

  await page.reload();
  await ready(page);
  await says(page, "#document-name", name);
  await says(page, "#cache", "17.8 MB");
  assert.equal((await page.textContent("#answer .answer")).trim(), questions[0].answer);
  await ask(page, questions[1].question);
  assert.equal(await answer(page), questions[1].answer);
  assert.equal(await server.fetched(), fetched, "the weights were fetched again");
  await kept(page, 2);

  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await server.stop("SIGTERM");
  await context.setOffline(true);
  await page.goto(server.url);
  await ready(page);
  await says(page, "#document-name", name);
  assert.equal(await page.locator(".turn").count(), 2);
  await ask(page, questions[2].question);
  assert.equal(await answer(page), questions[2].answer);
  assert.deepEqual(complaints, []);
});
