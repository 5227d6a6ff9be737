// Starts the engine's WebAssembly with what it needs of JavaScript, in a worker
// or under Node. Messages go in as objects and come out as objects; see
// engine/trace for what they say.
import "./wasm_exec.js";
import { attach } from "./webgpu.js";
import { simdImports } from "./simd128.js";

/**
 * @param {object} parts
 * @param {WebAssembly.Module} parts.module tokenselect.wasm, compiled
 * @param {BufferSource} parts.simd simd128.wasm
 * @param {(event: object) => void} parts.onEvent
 * @param {(error: Error) => void} parts.onExit the engine has ended, which it should not
 * @param {(go: object) => void} [parts.prepare] sees the Go object before it starts, for tests
 * @returns {Promise<{command(command: object, file?: Blob): void}>}
 */
export async function boot({ module, simd, onEvent, onExit, prepare }) {
  const go = new globalThis.Go();
  const side = await simdImports(simd);
  go.importObject.tokenselect_simd = side.imports;
  prepare?.(go);
  const instance = await WebAssembly.instantiate(module, go.importObject);
  await side.attach(instance);
  attach(go, instance);

  const text = new TextDecoder();
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => {
    instance.exports.tokenselect_wake();
    go._resume();
  };
  const host = {
    post(at, length) {
      // Memory that grew is another buffer: it is asked for each time.
      onEvent(JSON.parse(text.decode(new Uint8Array(instance.exports.mem.buffer, at, length))));
    },
    pause() {
      port1.postMessage(0);
    },
  };
  globalThis.tokenselect = host;
  const ready = new Promise((resolve) => { host.ready = resolve; });
  const ended = go.run(instance).then(
    () => new Error("the engine ended"),
    (error) => error,
  );
  ended.then((error) => {
    port1.close();
    onExit(error);
  });
  await Promise.race([ready, ended.then((error) => { throw error; })]);
  return {
    command(command, file) {
      if (file) host.command(command, file);
      else host.command(command);
    },
  };
}
