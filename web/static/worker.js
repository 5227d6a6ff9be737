// The engine in a worker. Commands and events are those of engine/trace; load
// comes with the file to fetch, which ends up in the browser's cache and goes to
// the GPU from there.
import { boot } from "./boot.js";
import { WeightsCache } from "./storage.js";

const here = (name) => new URL(name, import.meta.url);

/** @type {Map<number, AbortController>} downloads by the id of their load */
const downloads = new Map();

function fail(id, code, message, hint) {
  postMessage({ type: "error", id, error: { code, message, hint } });
}

async function fetched(name) {
  const response = await fetch(here(name));
  if (!response.ok) {
    throw new Error(`${name}: the server answers ${response.status} ${response.statusText}`.trim());
  }
  return response;
}

async function start() {
  const [simd, response] = await Promise.all([fetched("simd128.wasm").then((r) => r.arrayBuffer()), fetched("tokenselect.wasm")]);
  if (!WebAssembly.validate(simd)) {
    throw new Error("this browser's WebAssembly knows no SIMD: Chrome or Edge 91, Firefox 89 or Safari 16.4 do");
  }
  const module = await WebAssembly.compileStreaming(response);
  return boot({
    module,
    simd,
    onEvent: (event) => postMessage(event),
    onExit: (error) => fail(undefined, "internal", `the engine stopped: ${error.message}`, "Reload the page; the document is kept."),
  });
}

const started = start();
started.catch((error) => fail(undefined, "internal", `the engine could not be started: ${error.message}`, "Reload the page."));

/** The model's file: from the browser's cache, or over the network into it. */
async function weights(id, file) {
  const abort = new AbortController();
  downloads.set(id, abort);
  let unkept;
  const onProgress = (done, total, cached = false) => postMessage({ type: "progress", id, phase: "download", done, total, cached, unkept });
  try {
    const cache = await WeightsCache.open();
    const kept = await cache.get(file.digest);
    if (kept) {
      onProgress(file.size, file.size, true);
      return kept;
    }
    unkept = cache.reason ?? undefined;
    const wanted = { url: new URL(file.url, file.base).href, digest: file.digest, size: file.size, name: file.name, signal: abort.signal, onProgress };
    try {
      return await cache.fetchInto(wanted);
    } catch (error) {
      if (error.name !== "StorageError" || error.code !== "quota") throw error;
      // It is of no use on the disk, but can be used all the same.
      unkept = error.message;
      await cache.remove(file.digest);
      return await cache.fetchInto({ ...wanted, store: false });
    }
  } finally {
    downloads.delete(id);
  }
}

async function load(command) {
  const { file, ...rest } = command;
  let blob;
  try {
    blob = await weights(command.id, file);
  } catch (error) {
    if (error.name === "AbortError") fail(command.id, "cancelled", "the download was cancelled");
    else fail(command.id, "network", error.message, "Load again: what has arrived is kept, and the rest follows.");
    return;
  }
  (await started).command(rest, blob);
}

addEventListener("message", async ({ data }) => {
  if (data.type === "load") {
    await load(data);
    return;
  }
  if (data.type === "stop") downloads.get(data.id)?.abort();
  try {
    (await started).command(data);
  } catch {
    // start has told why.
  }
});
