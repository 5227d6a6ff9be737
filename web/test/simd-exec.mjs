// Runs a Go program for js/wasm with the tag wasmsimd under Node, a test binary
// or the command, with or without the tag:
//
//   GOOS=js GOARCH=wasm go test -tags wasmsimd -exec "node --stack-size=8192 <here>/simd-exec.mjs" ./engine/kernels/simd
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { simdImports } from "../../engine/kernels/simd/simd128.js";

// What a program may have of the environment: wasm_exec.js takes 8 KB of it.
const PASSED = /^(TOKENSELECT_|GO|HOME$|PATH$|PWD$|TMPDIR$)/;

globalThis.fs = fs;
globalThis.path = path;
const root = process.env.GOROOT || execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
await import(pathToFileURL(path.join(root, "lib/wasm/wasm_exec.js")).href);

const go = new globalThis.Go();
go.argv = process.argv.slice(2);
go.env = Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name)));
go.env.TMPDIR ??= os.tmpdir();
go.exit = process.exit;
const simd = simdImports(fs.readFileSync(new URL("../../engine/kernels/simd/simd128.wasm", import.meta.url)));
go.importObject.tokenselect_simd = simd.imports;
const { instance } = await WebAssembly.instantiate(fs.readFileSync(go.argv[0]), go.importObject);
simd.attach(instance);
process.on("exit", (code) => {
  // Node has nothing left to do, but Go waits: it shall say where.
  if (code === 0 && !go.exited) {
    go._pendingEvent = { id: 0 };
    go._resume();
  }
});
await go.run(instance);
