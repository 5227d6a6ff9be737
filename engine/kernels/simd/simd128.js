// Provides the imports of a WebAssembly build with the tag wasmsimd, from the
// bytes of simd128.wasm. Go's module exports the memory that simd128.wasm works
// on and is instantiated last, so that its imports are calls that find their
// functions later:
//
//   const simd = simdImports(await (await fetch("simd128.wasm")).arrayBuffer());
//   const go = new Go();
//   go.importObject.tokenselect_simd = simd.imports;
//   const { instance } = await WebAssembly.instantiateStreaming(fetch("engine.wasm"), go.importObject);
//   simd.attach(instance);
//   await go.run(instance);
//
// It throws a WebAssembly.CompileError where there are no 128-bit vectors.

/**
 * @param {BufferSource | WebAssembly.Module} source simd128.wasm
 * @returns {{imports: Record<string, Function>, attach: (instance: WebAssembly.Instance) => void}}
 *   imports is importObject.tokenselect_simd of Go's module; attach takes its
 *   instance before it runs.
 */
export function simdImports(source) {
  const module = source instanceof WebAssembly.Module ? source : new WebAssembly.Module(source);
  const functions = {};
  const imports = {};
  for (const { name } of WebAssembly.Module.exports(module)) {
    // As many parameters as the longest takes: rest parameters cost an array a call.
    imports[name] = (a, b, c, d, e, f, g, h, i) => functions[name](a, b, c, d, e, f, g, h, i);
  }
  const attach = (instance) => {
    Object.assign(functions, new WebAssembly.Instance(module, { go: { mem: instance.exports.mem } }).exports);
  };
  return { imports, attach };
}
