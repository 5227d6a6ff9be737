// The explorer's views on a live run, with the browser's engine: what another
// budget does is asked again, in place of the answer before. `make test-page`
// builds the server and the engine.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, skip, start } from "./real.mjs";

const plain = "It was a plain day. ", needle = "Ada Dixon keeps a fox at home. ";
const text = plain.repeat(80) + needle + plain.repeat(80);
const question = "Which animal does Ada Dixon keep?";
const selection = { policy: "tokenselect", k: 64, n_local: 64, chunk: 128 };

let server, browser, page;
before(async () => {
  if (skip) return;
  server = await start();
  browser = await launch();
  page = await browser.context.newPage();
  await page.goto(`${server.url}tokenselect.d.ts`);
});
after(async () => {
  await browser?.close();
  await server?.stop("SIGKILL");
});

/** What was asked for last is drawn: in sight, in the frame after the next at the latest; and once it is answered, so is that. */
const settled = async (page) => {
  const frames = () => page.evaluate(async () => { for (let i = 0; i < 6; i++) await new Promise(requestAnimationFrame); });
  await page.evaluate(() => explorer.node.scrollIntoView());
  await frames();
  await page.waitForFunction(() => explorer.node.querySelector(".budget-status").textContent.startsWith("Asked with") && explorer.node.querySelector("button.quiet").hidden, null, { timeout: 60_000 });
  await frames();
};
const column = (n) => page.$$eval(".beside tr", (rows, i) => rows.map((r) => r.cells[i]?.textContent), n);

test("views of a run that grows; another budget asks again and stands beside dense attention and the window", { skip, timeout: 120_000 }, async () => {
  const seen = await page.evaluate(async ({ text, question, selection, needle }) => {
    const { load } = await import("/tokenselect.js");
    const { follow } = await import("/explore/live.js");
    const { State } = await import("/explore/state.js");
    const views = await Promise.all(["heads", "needle", "budget"].map((name) => import(`/explore/${name}.js`)));
    document.body.replaceChildren();
    document.head.append(...["base", "palette", "drawings"].map((name) => Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/style/${name}.css` })));
    const engine = await load({ device: "cpu" });
    await engine.open(text, { selection });
    const start = text.indexOf(needle), state = new State(), prefilled = [];
    let shown = [], drawn = [];
    const { run, done } = follow(engine, {
      document: { name: "made", text }, question, selection, marks: [{ start, end: start + needle.length, label: needle.trim() }], expected: "fox", maxTokens: 16,
      told(r, event) {
        if (event.type === "layout") {
          shown = views.map(({ view }) => {
            const node = document.createElement("section");
            document.body.append(node);
            return view(node, r, state);
          });
        }
        if (event.type === "token") for (const v of shown) v.update();
      },
    });
    await done;
    for (const v of shown) v.update();
    globalThis.explorer = { run, state, engine, node: document.body.lastElementChild, prefilled };
    engine.on("prefill", (p) => prefilled.push(p));
    for (const v of shown) v.svg(); // draws what is out of sight too
    return { answer: run.answer, steps: run.steps.length, prompt: run.stats.prompt_tokens, cells: document.querySelectorAll(".raster .cell").length, grid: document.querySelectorAll(".head-grid .cell").length, summary: document.querySelector(".needle-summary").textContent };
  }, { text, question, selection, needle });
  assert.equal(seen.answer, "Ada Dixon keeps a fox.");
  assert.equal(seen.cells, seen.steps * 8);
  assert.equal(seen.grid, 64);
  assert.match(seen.summary, /of 8 layers read some of the passage’s \d+ tokens/);

  // Less: then what was asked with stands beside both others, each measured once.
  await page.locator("input[type=range]").fill("16");
  await settled(page);
  const [less, dense, alone] = [await column(1), await column(2), await column(3)];
  assert.deepEqual([less[0], dense[0], alone[0]], ["TokenSelect, k 16", "dense", "window 16"]);
  const titles = await column(0), of = (b, title) => b[titles.findIndex((t) => t.startsWith(title))];
  assert.equal(of(dense, "Recall"), "100 %");
  assert.match(of(less, "Time per token"), /^[\d.,]+ ms$/);
  assert.ok(parseInt(of(less, "Tokens read").replace(",", "")) < parseInt(of(dense, "Tokens read").replace(",", "")));
  assert.ok(!of(alone, "Answer").startsWith("Ada Dixon keeps a fox"), `the window cannot see it: ${of(alone, "Answer")}`);
  assert.notEqual(of(alone, "Probability of the answer"), of(dense, "Probability of the answer"));

  // The document was not read again for any of it, and no answer stands before another.
  const read = await page.evaluate(() => ({ most: Math.max(...explorer.prefilled.map((p) => p.total)), asked: new Set(explorer.prefilled.map((p) => p.id)).size }));
  assert.equal(read.asked, 6, "three budgets, each to look at and to time");
  assert.ok(read.most <= 128, `${read.most} tokens read for a question`);

  // Back to what the run had: nothing is asked again, and it is as it was.
  await page.locator("input[type=range]").fill("64");
  await settled(page);
  assert.ok((await column(1))[titles.indexOf("Answer")].startsWith(seen.answer));
  assert.equal(await page.evaluate(() => new Set(explorer.prefilled.map((p) => p.id)).size), 6);

  // A failure is told, and another attempt is possible.
  await page.evaluate(() => explorer.engine.close());
  await page.locator("input[type=range]").fill("128");
  await page.waitForFunction(() => /k 128: /.test(explorer.node.querySelector(".budget-status").textContent));
  assert.ok(await page.getByRole("button", { name: "Ask again" }).isVisible());
});
