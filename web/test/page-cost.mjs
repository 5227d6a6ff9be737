// What a token costs the page's main thread: script, style, layout and the rest,
// as Chromium counts it, over an answer of some hundred tokens on WebGPU with
// kernels that compute nothing.
//
//   node web/test/page-cost.mjs
import { launch, skip, start } from "./real.mjs";
import { ready, visit } from "./visitor.mjs";

if (skip) throw new Error(skip);

const TEXT = `${"It was a plain day. ".repeat(15)}Ada Dixon keeps a fox at home. ${"The road to the town is closed in the winter. ".repeat(200)}`;
const KINDS = ["TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration"];

const server = await start();
const browser = await launch({ webgpu: true });
try {
  const { context } = browser;
  await context.route("**/worker.js", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `GPUComputePassEncoder.prototype.dispatchWorkgroups = new Proxy(GPUComputePassEncoder.prototype.dispatchWorkgroups, {
      apply: (f, pass) => f.call(pass, 0, 0, 0) });
      addEventListener("message", ({ data }) => { if (data.type === "ask") data.ignore_end = true; });\n${await response.text()}` });
  });
  const { page, complaints } = await visit(context, `${server.url}?device=webgpu`);
  await page.fill("#paste", TEXT);
  await page.click("#use-paste");
  await ready(page);
  const devtools = await context.newCDPSession(page);
  await devtools.send("Performance.enable");
  const spent = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, 1000 * value]));
  };
  console.log(`| tokens | ms from token to token | ${KINDS.map((k) => k.replace("Duration", "").toLowerCase()).join(" | ")} |\n|---|---|${KINDS.map(() => "---|").join("")}`);
  await page.fill("#question", "Which animal does Ada Dixon keep?");
  await page.click("#ask");
  await page.waitForFunction(() => document.querySelectorAll("#answer .t").length > 4, null, { timeout: 120_000, polling: 20 });
  const [before, at] = [await spent(), Date.now()];
  const from = await page.locator("#answer .t").count();
  await page.waitForFunction(() => document.querySelectorAll("#answer .t").length > 200, null, { timeout: 120_000, polling: 200 });
  const to = await page.locator("#answer .t").count();
  const [after, took] = [await spent(), Date.now() - at];
  console.log(`| ${from} to ${to} | ${(took / (to - from)).toFixed(2)} | ${KINDS.map((k) => ((after[k] - before[k]) / (to - from)).toFixed(3)).join(" | ")} |`);
  if (complaints.length > 0) console.log(`the page complained: ${complaints.join("; ")}`);
} finally {
  await browser.close();
  await server.stop("SIGKILL");
}
