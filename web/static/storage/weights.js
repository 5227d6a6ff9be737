import { bytesFrom, ChangedError } from "./download.js";
import { aboutOf, DiskFile, MemoryFile, pieces, writeAbout } from "./file.js";
import { absent, segments } from "./segments.js";
import { Sha256 } from "./sha256.js";

const FOLDER = "weights";

/** Something about the browser's storage, in words. code: "quota", "digest" or "changed". */
export class StorageError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = "StorageError";
    this.code = code;
  }
}

/**
 * @typedef {object} Kept
 * @property {string} key
 * @property {string} name
 * @property {number} size
 * @property {number} stored bytes on the disk
 * @property {boolean} complete
 * @property {string} [digest] once it is known
 * @property {number} [date] when it was begun or completed, as Date.now tells it
 * @property {object} [details] what fetchInto or copyInto was given
 * @property {boolean} [busy] a tab is writing to it
 */

/**
 * @typedef {object} Wanted
 * @property {string} [key] under which it is kept: 64 hexadecimal digits, by default the digest
 * @property {string} [digest] of its bytes, if it is known: other bytes are thrown away
 * @property {number} size in bytes
 * @property {string} [name] for list
 * @property {object} [details] for list: anything that is JSON
 * @property {AbortSignal} [signal] what has arrived stays
 * @property {(done: number, total: number) => void} [onProgress]
 * @property {(done: number, total: number) => void} [onCheck] while what was here is read again
 * @property {() => void} [onWait] another tab is writing to it, and is waited for
 * @property {boolean} [store] false: keep it in memory only
 */

/**
 * Files of weights in the browser, by the SHA-256 of their bytes, or of where
 * they come from. In a worker and in a page. A file is a folder of segments, and
 * about.json, which says that it is complete only once its digest, if one was
 * given, has been found right.
 */
export class WeightsCache {
  #root;

  /** Why nothing is kept, in words; null where it is. @type {string | null} */
  reason;

  /** Opens the cache. Where the browser keeps nothing, available is false and downloads go to memory. */
  static async open() {
    if (!globalThis.navigator?.storage?.getDirectory) {
      return new WeightsCache(null, "this browser offers pages no files (it needs https or localhost, and a current version)");
    }
    try {
      const origin = await navigator.storage.getDirectory();
      return new WeightsCache(await origin.getDirectoryHandle(FOLDER, { create: true }), null);
    } catch (error) {
      return new WeightsCache(null, `this browser keeps nothing here, as in a private window (${error.message})`);
    }
  }

  constructor(root, reason) {
    this.#root = root;
    this.reason = reason;
  }

  /** Whether files are kept. */
  get available() {
    return this.#root !== null;
  }

  /**
   * A complete file; its bytes are read from the disk when they are asked for.
   * @param {string} key 64 hexadecimal digits, "sha256:" before them or not
   * @returns {Promise<Blob | null>}
   */
  async get(key) {
    const folder = await this.#folder(hex(key));
    const about = folder && await aboutOf(folder);
    if (!about?.complete) return null;
    const blob = new Blob(await segments(folder));
    return blob.size === about.size ? blob : null;
  }

  /**
   * Downloads a file into the cache, from where an earlier attempt stopped.
   * @param {Wanted & Pick<Parameters<typeof bytesFrom>[0], "url" | "pauses" | "stall" | "onTrouble">} options
   * @returns {Promise<Blob>}
   * @throws {StorageError} for too little room, for other bytes than the digest's, or where the server has another file by now
   */
  async fetchInto({ url, pauses, stall, onTrouble, ...options }) {
    return this.#fill(options, url, (file, signal) => bytesFrom({
      url, from: file.size, size: options.size, signal, pauses, stall, onTrouble,
      // Where there is a digest, it tells more.
      etag: options.digest ? null : file.about.etag,
      onTag: (etag) => { file.about.etag ??= etag; },
    }));
  }

  /**
   * Copies a file into the cache.
   * @param {Wanted & {blob: Blob}} options
   * @returns {Promise<Blob>}
   */
  async copyInto({ blob, ...options }) {
    return this.#fill({ ...options, size: blob.size }, options.name ?? "the file", (file) => pieces(blob, file.size));
  }

  /** @param {(file: DiskFile | MemoryFile, signal?: AbortSignal) => AsyncIterable<Uint8Array>} source what is missing */
  async #fill({ store = true, onWait, ...options }, from, source) {
    const digest = options.digest === undefined ? undefined : hex(options.digest);
    const key = hex(options.key ?? digest);
    const wanted = { ...options, digest };
    if (!store || !this.available) return fill(wanted, from, source, new MemoryFile());
    return exclusively(key, options.signal, onWait, async () => {
      const kept = await this.get(key);
      if (kept) {
        await this.#describe(key, options);
        options.onProgress?.(kept.size, kept.size);
        return kept;
      }
      try {
        const { name = key, size, details } = options;
        return await fill(wanted, from, source, await DiskFile.open(this.#root, key, { digest, name, size, details }));
      } catch (error) {
        if (error.name !== "QuotaExceededError") throw error;
        const { usage, quota } = await this.usage();
        const sizes = quota ? ` (${gigabytes(usage)} of ${gigabytes(quota)} used)` : "";
        throw new StorageError("quota", `the browser's storage is full${sizes}, ${options.name ?? "the model"} needs ${gigabytes(options.size)}: `
          + "delete another model or free disk space", { cause: error });
      }
    });
  }

  /** What is there, begun downloads too. @returns {Promise<Kept[]>} */
  async list() {
    const found = [];
    if (!this.available) return found;
    const busy = await held();
    for await (const [key, folder] of this.#root.entries()) {
      if (folder.kind !== "directory") continue;
      const about = await aboutOf(folder).catch(absent); // another tab may be removing it
      const stored = (await segments(folder).catch(() => [])).reduce((sum, file) => sum + file.size, 0);
      const size = about?.size ?? stored;
      const { name = key, digest, date, details } = about ?? {};
      found.push({
        key, name, size, stored, complete: about?.complete === true && stored === size,
        ...(digest && { digest }), ...(date && { date }), ...(details && { details }), ...(busy.has(lockOf(key)) && { busy: true }),
      });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Deletes a file, complete or not, once no download writes to it; nothing happens if it is not there. @param {string} key */
  async remove(key) {
    if (!this.available) return;
    await exclusively(hex(key), null, undefined, () => this.#root.removeEntry(hex(key), { recursive: true }).catch(absent));
  }

  /** Bytes of this origin. @returns {Promise<{usage: number, quota: number}>} zeros where the browser does not say */
  async usage() {
    const { usage = 0, quota = 0 } = await globalThis.navigator?.storage?.estimate?.() ?? {};
    return { usage, quota };
  }

  /** Asks the browser not to evict what is kept. @returns {Promise<boolean>} whether it agrees; a worker cannot ask in every browser */
  async persist() {
    return await globalThis.navigator?.storage?.persist?.() ?? false;
  }

  /** Notes the details of a file that came without any. */
  async #describe(key, { name = key, details }) {
    const folder = await this.#folder(key), about = await aboutOf(folder);
    if (details && !about.details) await writeAbout(folder, { ...about, name, details: JSON.parse(JSON.stringify(details)) });
  }

  async #folder(key) {
    return this.#root && await this.#root.getDirectoryHandle(key).catch(absent);
  }
}

/** A key for what comes from somewhere and has no digest yet. @param {string} where */
export function keyOf(where) {
  const sum = new Sha256();
  sum.update(new TextEncoder().encode(where));
  return sum.hex();
}

async function fill({ digest, size, signal, onProgress, onCheck }, from, source, file) {
  const sum = new Sha256();
  let done = 0;
  signal?.throwIfAborted();
  for await (const chunk of file.kept()) {
    signal?.throwIfAborted();
    sum.update(chunk);
    done += chunk.length;
    onCheck?.(done, file.size);
  }
  onProgress?.(done, size);
  let tagged = Boolean(file.about.etag);
  try {
    for await (const chunk of source(file, signal)) {
      signal?.throwIfAborted();
      if (!tagged && file.about.etag) {
        tagged = true;
        await file.note();
      }
      await file.write(chunk);
      sum.update(chunk);
      done += chunk.length;
      onProgress?.(done, size);
    }
  } catch (error) {
    // What has arrived stays; an error on the way there tells less than the first.
    try {
      await file.pause();
      if (error instanceof ChangedError && done > 0) await file.discard();
    } catch {}
    if (error instanceof ChangedError && done > 0) throw new StorageError("changed", `${error.message}: what had arrived was thrown away, load it again`, { cause: error });
    throw error;
  }
  await file.pause();
  const found = sum.hex();
  if (digest && found !== digest) {
    await file.discard();
    throw new StorageError("digest", `${from}: found bytes with the SHA-256 ${found}, expected ${digest}: they were thrown away, load it again`);
  }
  file.about.digest = found;
  return file.complete();
}

const lockOf = (key) => `tokenselect-weights-${key}`;

/** The locks that some tab holds. */
async function held() {
  const { held = [] } = await globalThis.navigator?.locks?.query() ?? {};
  return new Set(held.map((lock) => lock.name));
}

// One writer at a time among the tabs of an origin; the second waits.
async function exclusively(key, signal, onWait, act) {
  const locks = globalThis.navigator?.locks;
  if (!locks) return act();
  if (onWait && (await held()).has(lockOf(key))) onWait();
  return locks.request(lockOf(key), signal ? { signal } : {}, act);
}

function hex(key) {
  const found = /^(?:sha256[:-])?([0-9a-f]{64})$/i.exec(key)?.[1];
  if (!found) throw new TypeError(`found the digest ${JSON.stringify(key)}, expected the 64 hexadecimal digits of a SHA-256`);
  return found.toLowerCase();
}

function gigabytes(bytes) {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
