// How long it takes from opening the page, its weights in the browser's cache,
// to the first token of an answer about a document of 200 tokens:
//
//   node web/test/first-token.mjs [cpu | webgpu] [times]
import { launch, skip, start } from "./real.mjs";
import { answer, ask, kept, ready } from "./visitor.mjs";

const [device = "cpu", times = "3"] = process.argv.slice(2);
if (!["cpu", "webgpu"].includes(device) || !(Number(times) > 0)) throw new Error(`usage: node first-token.mjs [cpu | webgpu] [times], found ${process.argv.slice(2).join(" ")}`);
if (skip) throw new Error(skip);

const QUESTION = "Which animal does Ada Dixon keep?";
const TEXT = `${"It was a plain day. ".repeat(15)}Ada Dixon keeps a fox at home. ${"The road to the town is closed in the winter. ".repeat(9)}`;

/** Runs in the page from its beginning: asks as soon as the document is there, and notes what is seen when. */
function watch(question) {
  const seen = globalThis.seen = {};
  const note = (name) => { seen[name] ??= performance.now(); };
  const labels = [["storage", "weights found"], ["Moving", "engine started"], ["Preparing", "weights on the device"], ["Reading", "reading"]];
  const look = () => {
    const byId = (id) => document.getElementById(id);
    if (!globalThis.tokenselectPage) return;
    note("page's scripts ran");
    if (!seen.asked && byId("reader")?.hidden === false) {
      note("asked");
      byId("question").value = question;
      byId("ask").click();
    }
    const label = byId("progress-label").textContent;
    for (const [part, name] of labels) if (label.includes(part)) note(name);
    if (tokenselectPage.state().engine === "ready") note("engine ready");
    if (document.querySelector("#answer .t") && tokenselectPage.state().answering) note("first token");
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

const server = await start();
const browser = await launch({ webgpu: device === "webgpu" });
try {
  const first = await browser.context.newPage();
  await first.goto(`${server.url}?device=${device}`);
  await first.fill("#paste", TEXT);
  await first.click("#use-paste");
  await ready(first);
  await ask(first, QUESTION);
  console.log(`${await first.textContent("#document-facts")}; ${await first.textContent("#figure-where")}; ${await answer(first)}`);
  await kept(first, 1);
  await first.evaluate(async () => (await import("./storage.js")).saveConversation([]));
  await first.goto("about:blank"); // a browser without a page would end
  for (let i = 0; i < Number(times); i++) {
    const page = await browser.context.newPage();
    await page.addInitScript(watch, QUESTION);
    await page.goto(`${server.url}?device=${device}`);
    await page.waitForFunction(() => globalThis.seen["first token"], null, { timeout: 300_000, polling: 50 });
    const seen = await page.evaluate(() => globalThis.seen);
    await answer(page);
    const prompt = await page.textContent("#figure-context");
    await page.evaluate(async () => (await import("./storage.js")).saveConversation([]));
    await page.close();
    console.log(`${Object.entries(seen).sort((a, b) => a[1] - b[1]).map(([name, ms]) => `${name} ${Math.round(ms)} ms`).join(", ")}; context ${prompt}`);
  }
} finally {
  await browser.close();
  await server.stop("SIGKILL");
}
