// The engine in headless Chromium against the real server: `make test-page`
// builds both. The page on top of it has tests of its own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { proxy } from "./proxy.mjs";
import { launch, skip, start } from "./real.mjs";

const plain = "It was a plain day. ";
const people = "Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. Peter Webb works as a pilot. ";

let server, browser, page;
before(async () => {
  if (skip) return;
  server = await start();
  browser = await launch({ webgpu: true });
  page = await browser.context.newPage();
  await page.goto(`${server.url}tokenselect.d.ts`);
});
after(async () => {
  await browser?.close();
  await server?.stop("SIGKILL");
});

/** Loads, opens, asks each question in turn, and closes. */
function visit(options) {
  return page.evaluate(async ({ device, document, questions, trace }) => {
    const { load } = await import("/tokenselect.js");
    const progress = [];
    const engine = await load({ device, onProgress: (p) => progress.push(p) });
    const opened = await engine.open(document);
    let layout = null;
    engine.on("layout", (l) => { layout = { first: l.first, ends: [...l.ends] }; });
    const answers = [];
    for (const question of questions) {
      const answering = engine.ask(question, { trace });
      const pieces = [];
      for await (const piece of answering) {
        pieces.push({ text: piece.text, step: piece.step && { ...piece.step, layers: piece.step.layers.map((l) => ({ ...l, rows: l.rows && [...l.rows] })) } });
      }
      answers.push({ ...await answering.done, pieces });
    }
    await engine.close();
    return { info: engine.info, opened, layout, answers, progress };
  }, options);
}

test("the CPU path answers, selects and says which tokens it looked at", { skip, timeout: 300_000 }, async () => {
  const document = plain.repeat(250) + people + plain.repeat(250);
  const seen = await visit({ device: "cpu", document, questions: ["Which animal does Ada Dixon keep?", "What is the job of Peter Webb?"], trace: true });
  assert.equal(seen.info.device, "cpu");
  assert.equal(seen.answers[0].text, "Ada Dixon keeps a fox.");
  assert.match(seen.answers[1].text, /pilot/);
  assert.equal(seen.answers[0].pieces.map((p) => p.text).join(""), seen.answers[0].text);
  assert.ok(seen.answers[1].stats.prompt_tokens < 40, "the second question reads the document again");
  assert.equal(seen.layout.ends.at(-1), document.length);
  const at = document.indexOf("fox");
  const row = seen.layout.first + seen.layout.ends.findIndex((end) => end > at);
  let looked = 0;
  for (const { step } of seen.answers[0].pieces) {
    assert.equal(step.layers.length, seen.info.layers);
    for (const { rows, attended } of step.layers) {
      assert.ok(rows.length >= 512 && attended > rows.length, `${rows.length} rows of ${attended}`);
      if (rows.includes(row)) looked++;
    }
  }
  assert.ok(looked > 0, "no layer ever looked at the fox");
  const again = await visit({ device: "cpu", document: people, questions: ["Which animal does Ada Dixon keep?"] });
  assert.ok(again.progress.some((p) => p.phase === "download" && p.cached), "the weights do not come from the cache");
});

test("the server's engine chooses the same rows as the one in the browser", { skip, timeout: 300_000 }, async () => {
  const ask = { document: plain.repeat(120) + people + plain.repeat(120), questions: ["Which animal does Ada Dixon keep?"], trace: true };
  const here = await visit({ device: "cpu", ...ask });
  const there = await visit({ device: "server", ...ask });
  assert.equal(there.info.where, "server");
  assert.equal(there.answers[0].text, here.answers[0].text);
  assert.deepEqual(there.layout, here.layout);
  let common = 0, all = 0;
  for (const [i, piece] of here.answers[0].pieces.entries()) {
    for (const [j, { rows }] of piece.step.layers.entries()) {
      const other = new Set(there.answers[0].pieces[i].step.layers[j].rows);
      common += rows.filter((r) => other.has(r)).length;
      all += rows.length;
    }
  }
  assert.ok(common / all > 0.95, `${common} of ${all} rows in common`);
});

test("auto prefers the CPU device to a GPU that runs on the CPU", { skip, timeout: 120_000 }, async () => {
  const info = await page.evaluate(async () => {
    const { load, probe } = await import("/tokenselect.js");
    const engine = await load({ device: "auto" });
    await engine.close();
    return { ...engine.info, found: await probe() };
  });
  assert.equal(info.device, !info.found.webgpu || info.found.software ? "cpu" : "webgpu");
  assert.notEqual(info.why, "");
});

test("a running prefill is stopped, and the document is not read again from its start", { skip, timeout: 300_000 }, async () => {
  const seen = await page.evaluate(async (document) => {
    const { load } = await import("/tokenselect.js");
    const engine = await load({ device: "cpu" });
    await engine.open(document);
    const first = engine.ask("How old is Felix Ellis?");
    await new Promise((resolve) => { engine.on("prefill", resolve); });
    first.stop();
    const stopped = await first.done;
    let begun = 0;
    engine.on("prefill", (p) => { begun ||= p.done; });
    const second = await engine.ask("Which animal does Ada Dixon keep?").done;
    await engine.close();
    return { stopped, begun, second };
  }, plain.repeat(500) + people);
  assert.equal(seen.stopped.reason, "stopped");
  assert.equal(seen.stopped.stats.answer_tokens, 0);
  assert.ok(seen.begun > 256, `reading began again at ${seen.begun}`);
  assert.equal(seen.second.text, "Ada Dixon keeps a fox.");
});

test("a server that dies is noticed, one that comes back is used again", { skip, timeout: 120_000 }, async () => {
  const other = await start();
  const tab = await browser.context.newPage();
  await tab.goto(`${other.url}tokenselect.d.ts`);
  await tab.evaluate(async (document) => {
    const { load } = await import("/tokenselect.js");
    globalThis.states = [];
    globalThis.engine = await load({ device: "server" });
    globalThis.engine.on("connection", (c) => globalThis.states.push(c.state));
    globalThis.engine.on("error", (e) => globalThis.states.push(e.code));
    await globalThis.engine.open(document);
    globalThis.answer = globalThis.engine.ask("How old is Felix Ellis?").done.catch((e) => e.code);
  }, plain.repeat(2000) + people);
  await other.stop("SIGKILL");
  await tab.waitForFunction(() => globalThis.states.includes("lost"));
  const again = await start(new URL(other.url).host);
  await tab.waitForFunction(() => globalThis.states.includes("gone"));
  assert.equal(await tab.evaluate(() => globalThis.answer), "gone");
  const text = await tab.evaluate(async (document) => {
    const { load } = await import("/tokenselect.js");
    const engine = await load({ device: "server" });
    await engine.open(document);
    const { text } = await engine.ask("Which animal does Ada Dixon keep?").done;
    await engine.close();
    return text;
  }, people);
  assert.equal(text, "Ada Dixon keeps a fox.");
  await tab.close();
  await again.stop("SIGTERM");
});

test("what was said while the connection broke is said again, once", { skip, timeout: 120_000 }, async () => {
  const wire = await proxy(server.url);
  const tab = await browser.context.newPage();
  try {
    await tab.goto(`${wire.url}tokenselect.d.ts`);
    await tab.evaluate(async (document) => {
      const { load } = await import("/tokenselect.js");
      globalThis.states = [];
      globalThis.engine = await load({ device: "server" });
      globalThis.engine.on("connection", (c) => globalThis.states.push(c.state));
      await globalThis.engine.open(document);
    }, people);
    const question = "Which animal does Ada Dixon keep?";
    const heard = wire.swallow();
    await tab.evaluate((question) => { globalThis.answer = globalThis.engine.ask(question).done.then((a) => a.text, (e) => e.code); }, question);
    await heard;
    wire.cut();
    assert.equal(await tab.evaluate(() => globalThis.answer), "Ada Dixon keeps a fox.");
    assert.deepEqual(await tab.evaluate(() => globalThis.states), ["lost", "resumed"]);
    // A break when everything has arrived: nothing is said again.
    wire.cut();
    await tab.waitForFunction(() => globalThis.states.length === 4);
    assert.equal(await tab.evaluate((question) => globalThis.engine.ask(question).done.then((a) => a.text, (e) => e.code), question), "Ada Dixon keeps a fox.");
    await tab.evaluate(() => globalThis.engine.close());
  } finally {
    await tab.close();
    await wire.close();
  }
});

test("a document that is too large for the server is refused, once", { skip, timeout: 120_000 }, async () => {
  const small = await start(undefined, "-message", "100KiB");
  const tab = await browser.context.newPage();
  try {
    await tab.goto(`${small.url}tokenselect.d.ts`);
    const seen = await tab.evaluate(async (document) => {
      const { load } = await import("/tokenselect.js");
      const errors = [];
      const engine = await load({ device: "server" });
      engine.on("error", (e) => errors.push(e.message));
      const refused = await engine.open(document).catch((e) => e);
      return { code: refused.code, message: refused.message, errors: errors.length };
    }, plain.repeat(10_000));
    assert.deepEqual([seen.code, seen.errors], ["bad_command", 1]);
    assert.match(seen.message, /a message of more than/);
  } finally {
    await tab.close();
    await small.stop("SIGKILL");
  }
});
