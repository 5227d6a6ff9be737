// The engine in a worker. Commands and events are those of engine/trace; load
// comes with a file, or with where to fetch it from: then it ends up in the
// browser's cache and goes to the GPU from there.
import { bootFromHere } from "./boot.js";
import { WeightsCache } from "./storage.js";

/** @type {Map<number, AbortController>} downloads by the id of their load */
const downloads = new Map();

function fail(id, code, message, hint) {
  postMessage({ type: "error", id, error: { code, message, hint } });
}

const started = bootFromHere({
  onEvent: (event) => postMessage(event),
  onExit: (error) => fail(undefined, "internal", `the engine stopped: ${error.message}`, "Reload the page; the document is kept."),
});
started.catch((error) => fail(undefined, error.code ?? "internal", `the engine could not be started: ${error.message}`, error.hint ?? "Reload the page."));

/** The model's file, or those of a split one: as it was given, from the browser's cache, or over the network into it. */
async function weights(id, file) {
  if (file instanceof Blob || Array.isArray(file)) return file;
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
    const from = ({ url }) => new URL(url, file.base).href;
    const wanted = {
      ...(file.parts ? { key: file.digest, parts: file.parts.map((part) => ({ ...part, url: from(part) })) } : { url: from(file), digest: file.digest }),
      size: file.size, name: file.name, signal: abort.signal, onProgress,
    };
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
  await say(rest, blob);
}

/** Hands a command to the engine; one that did not start has said why. */
async function say(command, file) {
  const engine = await started.catch(() => null);
  try {
    engine?.command(command, file);
  } catch (error) {
    fail(command.id, "internal", `the engine did not take the command ${command.type}: ${error.message}`, "Reload the page.");
  }
}

addEventListener("message", async ({ data }) => {
  if (data.type === "load") {
    await load(data);
    return;
  }
  if (data.type === "stop") downloads.get(data.id)?.abort();
  await say(data);
});
