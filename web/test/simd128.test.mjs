// The module of engine/kernels/simd and its loader: node --test web/test/simd128.test.mjs
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { simdImports } from "../../engine/kernels/simd/simd128.js";

const file = (name) => fileURLToPath(new URL(`../../engine/kernels/simd/${name}`, import.meta.url));
const wat2wasm = fileURLToPath(new URL("../node_modules/wabt/bin/wat2wasm", import.meta.url));
const bytes = fs.readFileSync(file("simd128.wasm"));

test("simd128.wasm is what simd128.wat assembles to", { skip: fs.existsSync(wat2wasm) ? false : "npm ci --prefix web" }, () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "simd128-"));
  try {
    const made = path.join(dir, "simd128.wasm");
    execFileSync(process.execPath, [wat2wasm, "--debug-names", file("simd128.wat"), "-o", made]);
    assert.ok(fs.readFileSync(made).equals(bytes), "they differ: npm run simd128 in web/");
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});

test("the module imports a memory and nothing else", () => {
  assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(bytes)), [{ module: "go", name: "mem", kind: "memory" }]);
});

for (const [name, source] of [["bytes", bytes], ["a compiled module", new WebAssembly.Module(bytes)]]) {
  test(`the loader takes ${name}, and its imports work on the memory of the instance, also when it grows`, () => {
    const { imports, attach } = simdImports(source);
    assert.throws(() => imports.max(0, 8), TypeError, "before attach");
    const mem = new WebAssembly.Memory({ initial: 1 });
    attach({ exports: { mem } });
    for (const at of [64, 65536 + 64]) {
      if (at >= mem.buffer.byteLength) mem.grow(1);
      const x = new Float32Array(mem.buffer, at, 16);
      x.set([1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, 99, -6, -7, -8]);
      assert.equal(imports.max(at, 16), 99);
      imports.scale(at, 8, 0.5);
      assert.deepEqual([...x.subarray(6, 10)], [3.5, 4, -1, -2]);
      // The longest list of parameters: o += p v for one row, one key, eight columns.
      imports.accum_pv(at, 32, at + 32, 4, 1, 1, at, 32, 8);
      assert.deepEqual([...x.subarray(0, 8)], [0, 0, 0, 0, 0, 0, 0, 0]);
    }
  });
}

test("the tag's declarations and the module's exports agree", () => {
  const declared = [...fs.readFileSync(file("simd_wasm.go"), "utf8").matchAll(/^\/\/go:wasmimport tokenselect_simd (\w+)$/gm)].map((m) => m[1]);
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map((e) => e.name);
  assert.deepEqual(declared.sort(), exported.sort());
});
