// The models beside those that the site offers: kept in the browser, on their
// way into it, or files of this device for as long as the page is open.
import { keyOf, WeightsCache } from "../storage.js";

const WINDOW = 8_000; // milliseconds over which a speed is measured

/**
 * @typedef {import("../tokenselect.js").Model & {local: {key?: string, blob?: Blob | File[]}}} LocalModel
 *
 * @typedef {object} Job what is being fetched or copied
 * @property {string} key
 * @property {string} title
 * @property {number} done bytes
 * @property {number} total
 * @property {"fetch" | "check" | "wait"} phase
 * @property {number} rate bytes a second; 0: not known yet
 * @property {string} trouble why it is being tried again, or ""
 * @property {() => void} cancel
 */

/** A model's title from the name of its file, or of its first part. */
export const titleOf = (name) => name.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, "");

/** The name of a file, or of the first of several. @param {{name: string} | {name: string}[]} file */
export const nameOf = (file) => [file].flat()[0].name;

/** Bytes of a file, or of several. @param {{size: number} | {size: number}[]} file */
export const sizeOf = (file) => [file].flat().reduce((sum, { size }) => sum + size, 0);

/** Tells "progress" of what is on its way, and "change" of all else, with how a model is named now if it was named otherwise. */
export class Shelf extends EventTarget {
  /** Files of this device. @type {LocalModel[]} */
  visiting = [];

  /** @type {Map<string, Job>} */
  jobs = new Map();

  /** Why the last attempt failed, by key. @type {Map<string, {title: string, message: string}>} */
  failures = new Map();

  #worker = null;
  #calls = new Map(); // id -> {resolve, reject, tell}
  #id = 0;
  #visits = 0;
  #wanted = false;

  /** @param {{before: string, now: string} | null} renamed */
  #changed(renamed = null) {
    this.dispatchEvent(new CustomEvent("change", { detail: renamed }));
  }

  /** What the browser keeps. @returns {Promise<import("../storage/weights.js").Kept[]>} */
  async kept() {
    try {
      return await (await WeightsCache.open()).list();
    } catch {
      return [];
    }
  }

  /** Those that can be loaded. @returns {Promise<LocalModel[]>} */
  async models() {
    const kept = (await this.kept()).map(modelOf).filter((model) => model !== null);
    return [...kept, ...this.visiting];
  }

  /** The file of a model, or those of a split one, where they still are. @returns {Promise<Blob | File[] | null>} */
  async blob({ local }) {
    return local.blob ?? (await WeightsCache.open()).get(local.key);
  }

  /** Bytes used and allowed. */
  async usage() {
    return (await WeightsCache.open()).usage();
  }

  /** Bytes that may still be kept; null: the browser keeps nothing. */
  async room() {
    const cache = await WeightsCache.open();
    if (!cache.available) return null;
    const { usage, quota } = await cache.usage();
    return quota > 0 ? Math.max(0, quota - usage) : Infinity;
  }

  /** Whether the worker is to stay while nothing is to be done. */
  set open(wanted) {
    this.#wanted = wanted;
    this.#rest();
  }

  #rest() {
    if (this.#wanted || this.#calls.size > 0) return;
    this.#worker?.terminate();
    this.#worker = null;
  }

  #call(act, given, { signal, tell } = {}) {
    signal?.throwIfAborted();
    this.#worker ??= this.#start();
    const worker = this.#worker, id = ++this.#id;
    const cancel = () => worker.postMessage({ id, act: "cancel" });
    signal?.addEventListener("abort", cancel, { once: true });
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject, tell });
      worker.postMessage({ id, act, given });
    }).finally(() => {
      signal?.removeEventListener("abort", cancel);
      this.#calls.delete(id);
      this.#rest();
    });
  }

  #start() {
    const worker = new Worker(new URL("fetcher.js", import.meta.url), { type: "module", name: "tokenselect-models" });
    worker.onmessage = ({ data: { id, result, error, progress } }) => {
      const call = this.#calls.get(id);
      if (progress) call?.tell?.(progress);
      else if (error) call?.reject(Object.assign(new Error(error.message), { name: error.name, code: error.code }));
      else call?.resolve(result);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#worker = null;
      worker.terminate();
      for (const call of this.#calls.values()) call.reject(new Error(`the worker that fetches models failed: ${event.message || "its script could not be loaded"}`));
    };
    return worker;
  }

  /** @returns {Promise<import("./hub.js").Found[]>} */
  find(text, hub, signal) {
    return this.#call("find", { text, hub }, { signal });
  }

  /** @param {import("./hub.js").Found | Blob | File[]} file */
  inspect(file, { name, contexts, cpu }, signal) {
    return this.#call("inspect", { file, name, contexts, cpu }, { signal });
  }

  /** Under which key a file is kept. @param {import("./hub.js").Found | File | File[]} file */
  keyOf(file) {
    const parts = Array.isArray(file) ? file : file.parts;
    if (parts) return keyOf(`parts ${parts.map((part) => this.keyOf(part)).join(" ")}`);
    if (file instanceof Blob) return keyOf(`file ${file.name} ${file.size} ${file.lastModified}`);
    return file.digest ?? keyOf(`url ${file.url}`);
  }

  /**
   * Downloads a file.
   * @param {import("./hub.js").Found & {size: number}} file
   * @param {{context?: number, quantisation?: string}} seen in its header
   * @param {{keep: boolean}} options false: it is there for this visit only
   * @returns {Promise<LocalModel>}
   */
  async fetch({ name, url, digest, size, repo, ...file }, { context, quantisation }, { keep }) {
    const key = this.keyOf({ url, digest, parts: file.parts });
    const parts = file.parts?.map((part) => ({ ...part, key: this.keyOf(part) }));
    const details = { title: titleOf(name), url, digest, parts, from: repo ?? new URL(url).host, context, quantisation };
    const blob = await this.#job(key, { title: details.title, size, keep }, "fetch", { key, url, digest, parts, size, name, details, store: keep });
    return keep ? madeOf({ key, size, details }) : this.visit(parts ? blob : new File([blob], name), { context, quantisation });
  }

  /** Goes on with a download that was begun. @param {import("../storage/weights.js").Kept} kept */
  async resume({ key, name, size, details }) {
    const { title, url, digest, parts } = details;
    await this.#job(key, { title, size, keep: true }, "fetch", { key, url, digest, parts, size, name, details, store: true });
    return madeOf({ key, size, details });
  }

  /** Copies a file of this device into the browser. @param {File | File[]} blob */
  async keep(blob, { context, quantisation }) {
    const key = this.keyOf(blob), name = nameOf(blob), size = sizeOf(blob);
    const from = Array.isArray(blob) ? { parts: blob.map((part) => ({ key: this.keyOf(part), name: part.name, size: part.size, blob: part })) } : { blob };
    const details = { title: titleOf(name), from: "this device", context, quantisation };
    await this.#job(key, { title: details.title, size, keep: true }, "copy", { key, ...from, name, details });
    const model = madeOf({ key, size, details }), before = this.visiting.find((one) => one.local.blob === blob);
    this.visiting = this.visiting.filter((one) => one !== before);
    this.#changed(before && { before: before.name, now: model.name });
    return model;
  }

  async #job(key, { title, size, keep }, act, given) {
    if (this.jobs.has(key)) throw new Error(`${title} is being fetched already`);
    const abort = new AbortController();
    const job = { key, title, done: 0, total: size, phase: "fetch", rate: 0, trouble: "", cancel: () => abort.abort() };
    const speed = new Speed();
    this.jobs.set(key, job);
    this.failures.delete(key);
    if (keep) navigator.storage?.persist?.().catch(() => {});
    const tick = () => {
      job.rate = job.phase === "fetch" ? speed.at(job.done) : 0;
      this.dispatchEvent(new Event("progress"));
    };
    const tell = ({ phase, trouble, ...counts }) => {
      job.trouble = trouble ?? "";
      if (phase) Object.assign(job, counts, { phase });
      tick();
    };
    const clock = setInterval(tick, 1000); // where nothing comes, the speed falls
    this.#changed();
    try {
      return await this.#call(act, given, { signal: abort.signal, tell });
    } catch (error) {
      if (error.name !== "AbortError") this.failures.set(key, { title, message: error.message });
      throw error;
    } finally {
      clearInterval(clock);
      this.jobs.delete(key);
      this.#changed();
    }
  }

  /** Takes a file as it is, while the page is open. @param {File | File[]} blob @returns {LocalModel} */
  visit(blob, { context, quantisation }) {
    const before = this.visiting.find((model) => model.local.blob === blob);
    if (before) return before;
    const model = { name: `visit:${++this.#visits}`, title: titleOf(nameOf(blob)), size: sizeOf(blob), context, quantisation, digest: "", url: "", local: { blob } };
    this.visiting.push(model);
    this.#changed();
    return model;
  }

  /** Deletes what is kept under a key, or forgets that it failed. */
  async remove(key) {
    this.failures.delete(key);
    await (await WeightsCache.open()).remove(key);
    this.#changed();
  }
}

/** What can be loaded of what is kept, or null. @param {import("../storage/weights.js").Kept} kept @returns {LocalModel | null} */
export function modelOf(kept) {
  return kept.complete && kept.details?.title ? madeOf(kept) : null;
}

function madeOf({ key, size, details: { title, context, quantisation } }) {
  return { name: `kept:${key}`, title, size, context, quantisation, digest: key, url: "", local: { key } };
}

/** Bytes a second over the last seconds. */
class Speed {
  #seen = [];

  at(done) {
    const now = performance.now();
    this.#seen.push({ now, done });
    while (this.#seen.length > 2 && now - this.#seen[0].now > WINDOW) this.#seen.shift();
    const [first] = this.#seen;
    return now - first.now > 300 ? ((done - first.done) / (now - first.now)) * 1000 : 0;
  }
}
