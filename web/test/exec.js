// Runs a Go program for js/wasm under Node with WebGPU (Dawn, of the npm package
// webgpu), with or without the tag wasmsimd, for go test -exec:
//
//   go test -exec "node --stack-size=8192 <here>/exec.js" ./engine/gpu/webgpujs
//
// The driver can be chosen with VK_ICD_FILENAMES, as for every Vulkan program.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { environment, wasmExec } from "./exec-env.js";
import { runWasm } from "./run-wasm.js";

globalThis.fs = fs;
globalThis.path = path;
await import(pathToFileURL(wasmExec()).href);

// Dawn asks its driver again and again from setImmediate whether work is done. A
// driver that runs on the CPU needs these cores itself.
if (os.availableParallelism() < 8) {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  const immediate = globalThis.setImmediate;
  globalThis.setImmediate = (f, ...args) => {
    Atomics.wait(sleep, 0, 0, 0.2);
    return immediate(f, ...args);
  };
}

let gpu; // Node crashes once this is garbage
try {
  const webgpu = await import("webgpu");
  Object.assign(globalThis, webgpu.globals);
  gpu = webgpu.create([]);
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  console.error("exec.js: the npm package webgpu is missing, so there is no WebGPU: npm ci --prefix web");
}

const args = process.argv.slice(2);
const env = environment();
const module = await WebAssembly.compile(fs.readFileSync(args[0]));
let running;
process.on("exit", (code) => {
  // Node has nothing left to do, but Go waits: it shall say where.
  if (code === 0 && running && !running.exited) {
    running._pendingEvent = { id: 0 };
    running._resume();
  }
});
const simd = fs.readFileSync(new URL("../../engine/kernels/simd/simd128.wasm", import.meta.url));
process.exit(await runWasm({ module, args, env, simd, prepare: (go) => { running = go; } }));
