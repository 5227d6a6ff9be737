// Runs a Go program for js/wasm in headless Chromium, in a worker with the
// browser's WebGPU, with or without the tag wasmsimd, for go test -exec:
//
//   go test -exec "node <here>/exec-chromium.js" ./engine/gpu/webgpujs
//
// It can read the files of the repository and write to its output alone.
import path from "node:path";
import { missing } from "./chromium.mjs";
import { environment } from "./exec-env.js";
import { serveProgram } from "./exec-server.js";
import { launch } from "./real.mjs";

/** Runs in the page: the exit code of the worker's program. */
function work(url) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = ({ data }) => ("code" in data ? resolve(data.code) : reject(new Error(data.error)));
    worker.onerror = (event) => reject(new Error(event.message || `${url} could not be loaded`));
  });
}

const reason = await missing([]);
if (reason) {
  console.error(`exec-chromium.js: ${reason}`);
  process.exit(1);
}
const file = path.resolve(process.argv[2]);
// With this argument, go test wants a list of the files that were read, for its cache.
const args = process.argv.slice(2).filter((arg) => !arg.startsWith("-test.testlogfile="));
const server = await serveProgram({ file, args, env: environment(), cwd: process.cwd() });
const browser = await launch({ webgpu: true });
// What go test sends when its own deadline has passed.
process.on("SIGQUIT", () => browser.close().finally(() => process.exit(2)));
let code = 2;
try {
  const page = browser.context.pages()[0] ?? await browser.context.newPage();
  page.on("crash", () => browser.close());
  await page.goto(server.origin);
  code = await page.evaluate(work, "/web/test/exec-worker.js");
} catch (error) {
  console.error(`exec-chromium.js: ${error.message}`);
} finally {
  await browser.close();
  server.close();
}
process.exit(code);
