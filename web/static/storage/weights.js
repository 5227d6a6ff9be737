import { bytesFrom } from "./download.js";
import { absent, segments, SegmentWriter } from "./segments.js";
import { Sha256 } from "./sha256.js";

const FOLDER = "weights";
const ABOUT = "about.json";

/** Something about the browser's storage, in words. code: "quota" or "digest". */
export class StorageError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.name = "StorageError";
    this.code = code;
  }
}

/** @typedef {{digest: string, name: string, size: number, stored: number, complete: boolean}} Kept  stored: bytes on the disk */

/**
 * Files of weights in the browser, by the SHA-256 of their bytes. In a worker and
 * in a page. A file is a folder of segments, and about.json, which says that it
 * is complete only once its digest has been found right.
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
   * @param {string} digest 64 hexadecimal digits, "sha256:" before them or not
   * @returns {Promise<Blob | null>}
   */
  async get(digest) {
    const folder = await this.#folder(hex(digest));
    const about = folder && await aboutOf(folder);
    if (!about?.complete) return null;
    const blob = new Blob(await segments(folder));
    return blob.size === about.size ? blob : null;
  }

  /**
   * Downloads a file into the cache, from where an earlier attempt stopped.
   * @param {object} options
   * @param {string} options.url
   * @param {string} options.digest
   * @param {number} options.size in bytes
   * @param {string} [options.name] for list
   * @param {AbortSignal} [options.signal] what has arrived stays
   * @param {(done: number, total: number) => void} [options.onProgress]
   * @param {boolean} [options.store] false: keep it in memory only
   * @param {number[]} [options.pauses] milliseconds before each further try of a broken connection
   * @returns {Promise<Blob>}
   * @throws {StorageError} for too little room, or for other bytes than the digest's
   */
  async fetchInto({ store = true, ...options }) {
    const digest = hex(options.digest);
    if (!store || !this.available) return download({ ...options, digest }, new MemoryFile());
    return exclusively(digest, options.signal, async () => {
      const kept = await this.get(digest);
      if (kept) {
        options.onProgress?.(kept.size, kept.size);
        return kept;
      }
      try {
        return await download({ ...options, digest }, await DiskFile.open(this.#root, { ...options, digest }));
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
    for await (const [digest, folder] of this.#root.entries()) {
      if (folder.kind !== "directory") continue;
      const about = await aboutOf(folder);
      const stored = (await segments(folder)).reduce((sum, file) => sum + file.size, 0);
      const size = about?.size ?? stored;
      found.push({ digest, name: about?.name ?? digest, size, stored, complete: about?.complete === true && stored === size });
    }
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Deletes a file, complete or not, once no download writes to it; nothing happens if it is not there. @param {string} digest */
  async remove(digest) {
    if (!this.available) return;
    await exclusively(hex(digest), null, () => this.#root.removeEntry(hex(digest), { recursive: true }).catch(absent));
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

  async #folder(digest) {
    return this.#root && await this.#root.getDirectoryHandle(digest).catch(absent);
  }
}

async function download({ url, digest, size, signal, onProgress, pauses }, file) {
  const sum = new Sha256();
  let done = 0;
  signal?.throwIfAborted();
  for await (const chunk of file.kept()) {
    signal?.throwIfAborted();
    sum.update(chunk);
    done += chunk.length;
  }
  onProgress?.(done, size);
  try {
    for await (const chunk of bytesFrom({ url, from: done, size, signal, pauses })) {
      await file.write(chunk);
      sum.update(chunk);
      done += chunk.length;
      onProgress?.(done, size);
    }
  } catch (error) {
    // What has arrived stays; an error on the way there tells less than the first.
    try {
      await file.pause();
    } catch {}
    throw error;
  }
  await file.pause();
  const found = sum.hex();
  if (found !== digest) {
    await file.discard();
    throw new StorageError("digest", `${url}: found bytes with the SHA-256 ${found}, expected ${digest}: they were thrown away, load it again`);
  }
  return file.complete();
}

/** Where nothing can be kept: the browser holds the Blob, on its disk if that suits it. */
class MemoryFile {
  #chunks = [];
  #blobs = [];
  #waiting = 0;

  async *kept() {}

  write(chunk) {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    if (this.#waiting >= 2 ** 24) this.pause();
  }

  // Into a Blob, out of this thread's heap.
  pause() {
    this.#blobs.push(new Blob(this.#chunks));
    this.#chunks = [];
    this.#waiting = 0;
  }

  discard() {
    this.#blobs = [];
  }

  complete() {
    return new Blob(this.#blobs);
  }
}

class DiskFile {
  #root;
  #folder;
  #about;
  #files;
  #writer;

  static async open(root, { digest, name = digest, size }) {
    const folder = await root.getDirectoryHandle(digest, { create: true });
    const file = new DiskFile();
    let files = await segments(folder);
    let at = files.reduce((sum, part) => sum + part.size, 0);
    if (at > size) {
      await root.removeEntry(digest, { recursive: true });
      return DiskFile.open(root, { digest, name, size });
    }
    file.#root = root;
    file.#folder = folder;
    file.#files = files;
    file.#about = { digest, name, size };
    file.#writer = new SegmentWriter(folder, at);
    await writeAbout(folder, { ...file.#about, complete: false });
    return file;
  }

  async *kept() {
    for (const part of this.#files) {
      for (let at = 0; at < part.size; at += 2 ** 22) {
        yield new Uint8Array(await part.slice(at, at + 2 ** 22).arrayBuffer());
      }
    }
  }

  write(chunk) {
    return this.#writer.write(chunk);
  }

  pause() {
    return this.#writer.close();
  }

  discard() {
    return this.#root.removeEntry(this.#about.digest, { recursive: true });
  }

  async complete() {
    await writeAbout(this.#folder, { ...this.#about, complete: true });
    return new Blob(await segments(this.#folder));
  }
}

async function aboutOf(folder) {
  const handle = await folder.getFileHandle(ABOUT).catch(absent);
  if (!handle) return null;
  try {
    return JSON.parse(await (await handle.getFile()).text());
  } catch {
    return null; // cut off while it was written: not complete
  }
}

async function writeAbout(folder, about) {
  const bytes = new TextEncoder().encode(JSON.stringify(about));
  const handle = await folder.getFileHandle(ABOUT, { create: true });
  if (typeof FileSystemFileHandle.prototype.createSyncAccessHandle === "function") {
    const access = await handle.createSyncAccessHandle();
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.flush();
    access.close();
    return;
  }
  const stream = await handle.createWritable();
  await stream.write(bytes);
  await stream.close();
}

// One writer at a time among the tabs of an origin; the second waits.
function exclusively(digest, signal, act) {
  if (!globalThis.navigator?.locks) return act();
  return navigator.locks.request(`tokenselect-weights-${digest}`, signal ? { signal } : {}, act);
}

function hex(digest) {
  const found = /^(?:sha256[:-])?([0-9a-f]{64})$/i.exec(digest)?.[1];
  if (!found) throw new TypeError(`found the digest ${JSON.stringify(digest)}, expected the 64 hexadecimal digits of a SHA-256`);
  return found.toLowerCase();
}

function gigabytes(bytes) {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
