// Finds, inspects and fetches models. It is the one part of the page that may
// talk to other servers than its own (the policy that comes with this file says
// so), and it knows nothing of documents and questions.
import { WeightsCache } from "../storage.js";
import { checkParts, filesOf } from "./hub.js";
import { RemoteFile } from "./remote.js";
import { sizeOf } from "./shelf.js";
import { parseSource, partsOf, quantisationOf, SourceError } from "./source.js";

const OFTEN = 150; // milliseconds between two reports of progress

/** @type {Promise<{inspect: Function}> | null} */
let engine = null;

/** What is asked of it, by name. Each gets its arguments, a signal and a function that tells of progress. */
const ACTS = {
  /** The files that a text may mean. @returns {Promise<import("./hub.js").Found[]>} */
  async find({ text, hub }, signal) {
    const source = parseSource(text, hub);
    if (source.kind === "hub") return filesOf(source, { hub, signal });
    const found = { name: source.name, url: source.url, quantisation: quantisationOf(source.name) };
    const parts = partsOf(source.name).map((name) => ({ name, url: beside(source.url, name) }));
    return [parts.length > 1 ? { ...found, ...parts[0], parts } : found];
  },

  /** What a file is and takes; of one on a server no more is read than its header. sizes: of its parts */
  async inspect({ file, name, contexts, cpu }, signal) {
    if ([file].flat()[0] instanceof Blob) return looked(file, { name, contexts, cpu });
    checkParts(file);
    const remotes = [];
    try {
      for (const part of file.parts ?? [{ ...file, name }]) {
        const remote = await RemoteFile.open(part, { signal });
        remotes.push(remote);
        // Browsers open few connections to a server: only the first part, whose header is long, keeps one.
        if (remotes.length > 1 && !remote.ranges) await remote.settle();
      }
      const seen = await looked(file.parts ? remotes : remotes[0], { name, contexts, cpu });
      return { ...seen, ranges: remotes.every(({ ranges }) => ranges), sizes: remotes.map(({ size }) => size) };
    } finally {
      for (const remote of remotes) remote.close();
    }
  },

  /** Downloads a file into the cache, or into memory. @returns {Promise<Blob | File[]>} */
  async fetch(wanted, signal, tell) {
    const cache = await WeightsCache.open();
    return cache.fetchInto({ ...wanted, signal, ...reports(tell), onTrouble: (trouble) => tell({ trouble }) });
  },

  /** Copies a file into the cache. @returns {Promise<Blob | File[]>} */
  async copy(wanted, signal, tell) {
    const cache = await WeightsCache.open();
    return cache.copyInto({ ...wanted, signal, ...reports(tell) });
  },
};

/** The address of a file beside another. */
function beside(url, name) {
  const there = new URL(url);
  there.pathname = there.pathname.replace(/[^/]*$/, encodeURIComponent(name));
  return there.href;
}

async function looked(file, { name, contexts, cpu }) {
  engine ??= import("../boot.js").then(({ bootFromHere }) => bootFromHere({ onEvent() {}, onExit() { engine = null; } }));
  engine.catch(() => { engine = null; });
  const { inspect } = await engine;
  try {
    return { ...await inspect(file, { name, contexts, cpu }), size: sizeOf(file) };
  } catch (error) {
    throw new SourceError("unusable", error.message);
  }
}

/** Tells of progress now and then; of the latest there is always told, be it a moment later. */
function reports(tell) {
  let timer = 0, latest = null;
  const now = (report) => {
    latest = report;
    if (report.done < report.total && report.done > 0) {
      timer ||= setTimeout(flush, OFTEN);
      return;
    }
    flush();
  };
  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    tell(latest);
  };
  return {
    onProgress: (done, total) => now({ phase: "fetch", done, total }),
    onCheck: (done, total) => now({ phase: "check", done, total }),
    onWait: () => tell({ phase: "wait" }),
  };
}

/** @type {Map<number, AbortController>} */
const running = new Map();

addEventListener("message", async ({ data: { id, act, given } }) => {
  if (act === "cancel") {
    running.get(id)?.abort();
    return;
  }
  const abort = new AbortController();
  running.set(id, abort);
  try {
    postMessage({ id, result: await ACTS[act](given, abort.signal, (progress) => postMessage({ id, progress })) });
  } catch (error) {
    postMessage({ id, error: { name: error.name, code: error.code, message: error.message } });
  } finally {
    running.delete(id);
  }
});
