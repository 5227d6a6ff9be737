// Runs a Go program that was compiled to WebAssembly, a test binary or the
// engine, under Node or in a page. globalThis.Go (wasm_exec.js) and, for output
// and files, globalThis.fs must be there.
import { attach } from "../../engine/gpu/webgpujs/webgpu.js";
import { simdImports } from "../../engine/kernels/simd/simd128.js";

/**
 * @param {object} program
 * @param {WebAssembly.Module} program.module
 * @param {string[]} program.args os.Args, the program's name first
 * @param {Record<string, string>} [program.env]
 * @param {(go: object) => void} [program.prepare] sees the Go object before it starts
 * @param {BufferSource} [program.simd] simd128.wasm, for a build with the tag wasmsimd
 * @returns {Promise<number>} the exit code
 */
export async function runWasm({ module, args, env = {}, prepare, simd }) {
  const go = new globalThis.Go();
  go.argv = args;
  go.env = env;
  let code = 0;
  go.exit = (c) => { code = c; };
  countCrossings(go.importObject.gojs);
  prepare?.(go);
  const side = needsSimd(module) ? simdImports(simd) : null;
  if (side) go.importObject.tokenselect_simd = side.imports;
  const instance = await WebAssembly.instantiate(module, go.importObject);
  side?.attach(instance);
  attach(go, instance);
  await go.run(instance);
  return code;
}

/** Whether a program was built with the tag wasmsimd. */
export function needsSimd(module) {
  return WebAssembly.Module.imports(module).some((i) => i.module === "tokenselect_simd");
}

/**
 * Makes globalThis.tokenselectCrossings count the calls from Go to JavaScript:
 * js those of syscall/js, runtime those of Go's scheduler, clock and the like. The
 * release of a reference counts as runtime: the garbage collector chooses when.
 */
export function countCrossings(imports) {
  const crossings = { js: 0, runtime: 0 };
  globalThis.tokenselectCrossings = crossings;
  for (const [name, f] of Object.entries(imports)) {
    const kind = name.startsWith("syscall/js.") && name !== "syscall/js.finalizeRef" ? "js" : "runtime";
    imports[name] = (...args) => {
      crossings[kind]++;
      return f(...args);
    };
  }
}
