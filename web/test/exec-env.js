// What the programs of go test -exec need of this machine, under Node and in
// Chromium alike.
import { execFileSync } from "node:child_process";
import os from "node:os";
import path from "node:path";

// What a program may have of the environment: wasm_exec.js takes 8 KB of it.
const PASSED = /^(TOKENSELECT_|GO|HOME$|PATH$|PWD$|TMPDIR$)/;

/** @returns {Record<string, string>} */
export function environment() {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => PASSED.test(name)));
  env.TMPDIR ??= os.tmpdir();
  return env;
}

/** @returns {string} where Go keeps wasm_exec.js */
export function wasmExec() {
  const root = process.env.GOROOT || execFileSync("go", ["env", "GOROOT"], { encoding: "utf8" }).trim();
  return path.join(root, "lib/wasm/wasm_exec.js");
}
