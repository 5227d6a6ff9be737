// Drives the page of measurements in headless Chromium, and prints its figures
// as Markdown; as JSON they go to a file:
//
//   node web/test/bench-page.mjs [-o FILE] [device=cpu depths=512,8192 policies=tokenselect tokens=64 runs=2]
//   node web/test/bench-page.mjs [-o FILE] what=attention [device=webgpu shapes=needle-16m depths=1024 policies=dense,tokenselect kernels]
import { writeFileSync } from "node:fs";
import { markdown } from "../static/bench/report.js";
import { launch, skip, start } from "./real.mjs";

const args = process.argv.slice(2);
const file = args[0] === "-o" ? args.splice(0, 2)[1] : null;
const TAKEN = {
  values: ["what", "device", "shapes", "depths", "policies", "n_init", "k", "n_local", "chunk", "tokens", "runs"],
  words: ["kernels", "trace", "hollow"],
};
const wrong = args.find((arg) => !new RegExp(`^(?:(?:${TAKEN.values.join("|")})=.+|${TAKEN.words.join("|")})$`).test(arg));
if (wrong !== undefined || file === undefined) throw new Error(`usage: node bench-page.mjs [-o FILE] [${TAKEN.values.join("=, ")}=, ${TAKEN.words.join(", ")}], found ${wrong ?? "-o without a file"}`);
if (skip) throw new Error(skip);

const server = await start();
const browser = await launch({ webgpu: true });
try {
  const page = await browser.context.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${server.url}bench.html?${args.join("&")}`);
  await page.exposeFunction("said", (words) => console.error(words));
  await page.evaluate(() => new MutationObserver(() => globalThis.said(document.querySelector("#state").textContent))
    .observe(document.querySelector("#state"), { childList: true }));
  await page.click("#start");
  const result = await page.evaluate(() => globalThis.bench);
  if (file) writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(markdown(result));
} finally {
  await browser.close();
  await server.stop("SIGKILL");
}
