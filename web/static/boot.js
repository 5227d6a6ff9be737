// Starts the engine's WebAssembly with what it needs of JavaScript, in a worker
// or under Node. Messages go in as objects and come out as objects; see
// engine/trace for what they say.
import "./wasm_exec.js";
import { attach } from "./webgpu.js";
import { simdImports } from "./simd128.js";
import { VERSION } from "./trace.js";

/** The engine tells the files of a split model apart by their names, which a Blob may lack. */
const named = (files) => files.map((file, i) => (files.length > 1 && !file.name ? new File([file], `part ${i + 1} of ${files.length}`) : file));

/** A file beside this one. */
export async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name}: the server answers ${response.status} ${response.statusText}`.trim());
  return response;
}

/** The engine and the page come from different builds. */
class VersionError extends Error {
  code = "version";
  hint = "Reload the page. If that does not help, whoever keeps it builds the engine again with make wasm and puts tokenselect.wasm and the page of the same build together.";

  constructor(found) {
    super(`tokenselect.wasm and this page are of different versions: ${found}`);
    this.name = "VersionError";
  }
}

/**
 * Starts the engine with the files beside this one, and has it say first that it
 * speaks as the page does.
 * @param {Pick<Parameters<typeof boot>[0], "onEvent" | "onExit">} parts
 */
export async function bootFromHere(parts) {
  const [simd, response] = await Promise.all([fetched("simd128.wasm").then((r) => r.arrayBuffer()), fetched("tokenselect.wasm")]);
  if (!WebAssembly.validate(simd)) {
    throw new Error("this browser's WebAssembly knows no SIMD: Chrome or Edge 91, Firefox 89 or Safari 16.4 do");
  }
  const module = await compiled(response);
  let greeted;
  const greeting = new Promise((resolve) => { greeted = resolve; });
  let engine;
  try {
    engine = await boot({ ...parts, onEvent: (event) => (greeted ?? parts.onEvent)(event), simd, module });
  } catch (error) {
    throw error instanceof WebAssembly.LinkError ? new VersionError(`the engine asks for what the page does not have (${error.message})`) : error;
  }
  engine.command({ type: "hello", v: VERSION });
  const { type, v, error } = await greeting;
  greeted = null;
  if (type !== "hello" || v !== VERSION) throw new VersionError(`the page speaks version ${VERSION} of their messages, the engine ${error ? `says "${error.message}"` : v ?? "none"}`);
  return engine;
}

/** Some hosts of files do not know what a .wasm file is: it is compiled all the same, once it is whole. */
async function compiled(response) {
  const known = response.headers.get("Content-Type")?.startsWith("application/wasm");
  return known ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

/**
 * @typedef {{name: string, contexts: number[], cpu: boolean}} Inspection  cpu: for the CPU, not a GPU
 * @typedef {{context: number, weights: number, cache: number, selection: number, work: number, layer: number}} Estimate
 * bytes that the model takes with a context of so many tokens; layer: the keys of one layer, which a device binds as one
 * @typedef {{architecture: string, title: string, quantisation: string, layers: number, context: number, estimates: Estimate[]}} Inspected
 */

/**
 * Makes a Go program with 128-bit vectors and the host's WebGPU, which go.run(instance)
 * starts.
 * @param {object} parts
 * @param {WebAssembly.Module} parts.module
 * @param {BufferSource} parts.simd simd128.wasm
 * @param {(go: object) => void} [parts.prepare] sees the Go object before the program is made
 * @returns {Promise<{go: object, instance: WebAssembly.Instance}>}
 */
export async function instantiate({ module, simd, prepare }) {
  const go = new globalThis.Go();
  const side = await simdImports(simd);
  go.importObject.tokenselect_simd = side.imports;
  prepare?.(go);
  const instance = await WebAssembly.instantiate(module, go.importObject);
  await side.attach(instance);
  attach(go, instance);
  return { go, instance };
}

/**
 * @param {object} parts
 * @param {WebAssembly.Module} parts.module tokenselect.wasm, compiled
 * @param {BufferSource} parts.simd simd128.wasm
 * @param {(event: object) => void} parts.onEvent
 * @param {(error: Error) => void} parts.onExit the engine has ended, which it should not
 * @param {(go: object) => void} [parts.prepare] sees the Go object before it starts, for tests
 * @returns {Promise<{command(command: object, file?: Blob | Blob[]): void, inspect(file: Blob | Blob[], options: Inspection): Promise<Inspected>}>}
 */
export async function boot({ module, simd, onEvent, onExit, prepare }) {
  const { go, instance } = await instantiate({ module, simd, prepare });

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
      if (file) host.command(command, named([file].flat()));
      else host.command(command);
    },
    /** What a GGUF file is and takes, by its header; all files of a split one. A file may also be something with a Blob's size and slice. */
    inspect(file, { name, contexts, cpu }) {
      return new Promise((resolve, reject) => {
        host.inspect(named([file].flat()), name, contexts, cpu, (found) => {
          if (found.error) reject(new Error(found.error));
          else resolve(found);
        });
      });
    },
  };
}
