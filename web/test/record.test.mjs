// An answer that is recorded while it comes, in the browser's engine and in the
// server's: `make test-page` builds both.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, skip, start } from "./real.mjs";

const plain = "It was a plain day. ";
const text = plain.repeat(40) + "Ada Dixon keeps a fox at home. " + plain.repeat(40);
const question = "Which animal does Ada Dixon keep?";
const selection = { k: 64, n_local: 64, chunk: 128 };

let server, browser, page;
before(async () => {
  if (skip) return;
  server = await start();
  browser = await launch({ webgpu: false });
  page = await browser.context.newPage();
  await page.goto(`${server.url}tokenselect.d.ts`);
});
after(async () => {
  await browser?.close();
  await server?.stop("SIGKILL");
});

/** Asks with each record in turn; gives the events of each, or what went wrong. */
function ask(device, records) {
  return page.evaluate(async ({ device, text, question, selection, records }) => {
    const { load } = await import("/tokenselect.js");
    const engine = await load({ device });
    await engine.open(text, { selection });
    const all = [];
    for (const record of records) {
      const events = [];
      try {
        await engine.ask(question, { record, onEvent: (e) => events.push(e), max_tokens: 16 }).done;
        all.push({ events });
      } catch (error) {
        all.push({ code: error.code, message: error.message, events });
      }
    }
    await engine.close();
    return { info: engine.info, all };
  }, { device, text, question, selection, records });
}

const record = { votes: true, mass: true, heads: 4, scores: [{ layer: 2, head: 5 }], timings: true };
const bad = [
  [{ heads: 65 }, "heads is 65, expected 0 to 64"],
  [{ scores: Array(9).fill({ layer: 0, head: 0 }) }, "scores of 9 heads, expected at most 8"],
  [{ scores: [{ layer: 8, head: 0 }] }, "expected layers 0 to 7 and heads 0 to 7"],
];

test("recorded events have what was asked for, in the browser as from the server", { skip, timeout: 120_000 }, async () => {
  const answers = {};
  for (const device of ["cpu", "server"]) {
    const { info, all } = await ask(device, [record, ...bad.map(([r]) => r), {}]);
    assert.equal(info.head_dim, 64);
    const { events } = all[0];
    assert.deepEqual([...new Set(events.map((e) => e.type))].filter((t) => t !== "queued"), ["layout", "prefill", "token", "done"]);
    const layout = events.find((e) => e.type === "layout");
    assert.match(layout.rows.map((r) => r.text).join(""), /Which animal does Ada Dixon keep\?/);
    const tokens = events.filter((e) => e.type === "token");
    assert.equal(tokens.map((t) => t.text ?? "").join(""), "Ada Dixon keeps a fox.");
    for (const [n, { step, p, top, token }] of tokens.entries()) {
      assert.ok(top.length === 5 && top[0].token === token && top[0].p === p && p > 0.1, `${p} of ${JSON.stringify(top)}`);
      assert.ok(step.kernels.some((k) => k.name === "attention" && k.ms >= 0), JSON.stringify(step.kernels));
      for (const [i, layer] of step.layers.entries()) {
        assert.equal(atob(layer.v).length, selection.k);
        assert.equal(atob(layer.hv).length, selection.k);
        assert.equal(atob(layer.w).length, 8 * record.heads);
        assert.ok(layer.cut[0] >= layer.cut[1] * (1 - 1e-4), `the cut is ${layer.cut}`);
        assert.ok(layer.mass.every((m) => m.length === 4 && Math.abs(m.reduce((a, b) => a + b) - 1) < 1e-3));
        assert.equal(layer.near.length, 8);
        assert.deepEqual(Object.keys(layer.blocks), ["1", "8", "16", "32", "64", "128"]);
        assert.equal(layer.q !== undefined, n > 0);
        assert.equal(layer.scores?.length ?? 0, i === 2 ? 1 : 0);
      }
      const [score] = step.layers[2].scores;
      assert.ok(score.head === 5 && score.q.length === 64 && score.keys.length === 5 && score.keys.every((key) => key.k.length === 64));
      assert.equal(atob(step.layers[2].scores[0].b).length, step.n);
    }
    for (const [i, [, message]] of bad.entries()) {
      assert.equal(all[1 + i].code, "bad_command");
      assert.ok(all[1 + i].message.includes(message), all[1 + i].message);
    }
    const without = all.at(-1).events.find((e) => e.type === "token").step;
    assert.ok(without.layers.every((l) => l.v === undefined && l.mass === undefined && l.top === undefined) && without.kernels === undefined);
    answers[device] = tokens;
  }
  for (const [n, { step, p }] of answers.cpu.entries()) {
    const there = answers.server[n];
    assert.ok(Math.abs(p - there.p) < 0.01, `${p} here, ${there.p} there`);
    for (const [i, { cut, mass }] of step.layers.entries()) {
      const other = there.step.layers[i];
      assert.ok(Math.abs(cut[0] / other.cut[0] - 1) < 0.05, `step ${n}, layer ${i}: the cut is ${cut} here and ${other.cut} there`);
      for (const [h, m] of mass.entries()) assert.ok(m.every((v, j) => Math.abs(v - other.mass[h][j]) < 0.02), `step ${n}, layer ${i}, head ${h}: ${m} here, ${other.mass[h]} there`);
    }
  }
});
