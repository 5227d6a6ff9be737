// The worker of exec-chromium.js: a Go program, with the GPU of the browser.
import { nodeGlobals } from "./exec-files.js";
import { needsSimd, runWasm } from "./run-wasm.js";

self.addEventListener("unhandledrejection", (event) => self.postMessage({ error: String(event.reason?.stack ?? event.reason) }));

const { args, env, cwd } = await (await fetch("/run.json")).json();
Object.assign(globalThis, nodeGlobals(cwd));
await import("/wasm_exec.js");
const module = await WebAssembly.compileStreaming(fetch("/program.wasm"));
const simd = needsSimd(module) ? await (await fetch(new URL("../../engine/kernels/simd/simd128.wasm", import.meta.url))).arrayBuffer() : undefined;
self.postMessage({ code: await runWasm({ module, args, env, simd }) });
