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
 * @property {number} [parts] how many files it is, where it is several: size and stored are those of all
 */

/**
 * @typedef {object} Part one of several files that are kept as one
 * @property {string} name
 * @property {number} size in bytes
 * @property {string} [key] as Wanted has it, other than those of the other files
 * @property {string} [digest]
 * @property {string} [url] for fetchInto
 * @property {Blob} [blob] for copyInto
 */

/**
 * @typedef {object} Wanted
 * @property {string} [key] under which it is kept: 64 hexadecimal digits, by default the digest
 * @property {string} [digest] of its bytes, if it is known: other bytes are thrown away
 * @property {number} size in bytes
 * @property {Part[]} [parts] the files of a model that is split into several: key and size are those of all
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
 * given, has been found right. Several files that are one model are a folder of
 * such folders, with an about.json that lists them.
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
   * A complete file; its bytes are read from the disk when they are asked for. Of
   * several that are kept as one all, with their names.
   * @param {string} key 64 hexadecimal digits, "sha256:" before them or not
   * @returns {Promise<Blob | File[] | null>}
   */
  async get(key) {
    const folder = await this.#folder(hex(key));
    const about = folder && await aboutOf(folder);
    if (!about?.parts) return about && whole(folder, about);
    const files = [];
    for (const { key, name } of about.parts) {
      const blob = await wholeIn(folder, key);
      if (!blob) return null;
      files.push(new File([blob], name));
    }
    return files;
  }

  /**
   * Downloads a file into the cache, from where an earlier attempt stopped; or
   * several, one after the other.
   * @param {Wanted & Pick<Parameters<typeof bytesFrom>[0], "url" | "pauses" | "stall" | "onTrouble">} options
   * @returns {Promise<Blob | File[]>}
   * @throws {StorageError} for too little room, for other bytes than the digest's, or where the server has another file by now
   */
  async fetchInto({ pauses, stall, onTrouble, ...options }) {
    return this.#fill(options, ({ url, size, digest }, file, signal) => bytesFrom({
      url, from: file.size, size, signal, pauses, stall, onTrouble,
      // Where there is a digest, it tells more.
      etag: digest ? null : file.about.etag,
      onTag: (etag) => { file.about.etag ??= etag; },
    }));
  }

  /**
   * Copies a file into the cache, or several.
   * @param {Omit<Wanted, "size"> & {blob?: Blob}} options
   * @returns {Promise<Blob | File[]>}
   */
  async copyInto(options) {
    const size = (options.parts ?? [options]).reduce((sum, { blob }) => sum + blob.size, 0);
    return this.#fill({ ...options, size }, ({ blob }, file) => pieces(blob, file.size));
  }

  /** @param {(part: Part, file: DiskFile | MemoryFile, signal?: AbortSignal) => AsyncIterable<Uint8Array>} source what is missing of a file */
  async #fill({ store = true, onWait, ...options }, source) {
    const key = hex(options.key ?? options.digest);
    if (!store || !this.available) return fillAll(options, source, () => new MemoryFile());
    return exclusively(key, options.signal, onWait, async () => {
      const kept = await this.get(key);
      if (kept) {
        await this.#describe(key, options);
        options.onProgress?.(options.size, options.size);
        return kept;
      }
      const { name = key, size, details } = options;
      try {
        if (!options.parts) return await fillAll(options, source, (part, digest) => DiskFile.open(this.#root, key, { digest, name, size, details }));
        const folder = await openParts(this.#root, key, { name, size, details, parts: options.parts.map((part) => ({ key: keyOfPart(part), name: part.name, size: part.size })) });
        return await fillAll(options, source, (part, digest) => DiskFile.open(folder, keyOfPart(part), { digest, name: part.name, size: part.size }), (part) => wholeIn(folder, keyOfPart(part)));
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
      const { name = key, digest, date, details, parts } = about ?? {};
      const files = await Promise.all((parts ?? [{ key: null }]).map(({ key }) => extent(folder, key)));
      const stored = files.reduce((sum, file) => sum + file.stored, 0);
      const size = about?.size ?? stored;
      found.push({
        key, name, size, stored, complete: files.every((file) => file.complete) && stored === size, ...(parts && { parts: parts.length }),
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

/** A file that is complete, or null. */
async function whole(folder, about) {
  if (!about?.complete) return null;
  const blob = new Blob(await segments(folder));
  return blob.size === about.size ? blob : null;
}

/** As whole, of a folder in another, which may not be there. */
async function wholeIn(root, key) {
  const folder = await root.getDirectoryHandle(key).catch(absent);
  return folder && whole(folder, await aboutOf(folder));
}

/** What is there of a file: that of a folder, or of one in it. */
async function extent(root, key) {
  const folder = key === null ? root : await root.getDirectoryHandle(key).catch(absent);
  const about = folder && await aboutOf(folder).catch(absent);
  const files = folder ? await segments(folder).catch(() => []) : [];
  return { stored: files.reduce((sum, file) => sum + file.size, 0), complete: about?.complete === true };
}

/** The folder of several files. What is there of others than are wanted is of no use. */
async function openParts(root, key, about) {
  const folder = await root.getDirectoryHandle(key, { create: true });
  const before = await aboutOf(folder);
  if (before && JSON.stringify(before.parts) !== JSON.stringify(about.parts)) {
    await root.removeEntry(key, { recursive: true });
    return openParts(root, key, about);
  }
  await writeAbout(folder, JSON.parse(JSON.stringify({ details: before?.details, ...about })));
  return folder;
}

const keyOfPart = ({ key, digest }) => hex(key ?? digest);

/**
 * Fills one file, or all of several in turn.
 * @param {(part: Part, digest?: string) => DiskFile | MemoryFile | Promise<DiskFile>} open
 * @param {(part: Part) => Promise<Blob | null>} [ready] a file of several that is complete
 */
async function fillAll({ parts, size, signal, onProgress, onCheck, ...single }, source, open, ready) {
  const blobs = [];
  let before = 0;
  for (const part of parts ?? [{ ...single, size }]) {
    signal?.throwIfAborted();
    const at = before, digest = part.digest === undefined ? undefined : hex(part.digest);
    const blob = await ready?.(part) ?? await fill({
      digest, size: part.size, signal, onCheck,
      onProgress: (done) => onProgress?.(at + done, size),
    }, part.url ?? part.name ?? "the file", (file) => source(part, file, signal), await open(part, digest));
    blobs.push(blob);
    before += part.size;
    onProgress?.(before, size);
  }
  return parts ? blobs.map((blob, i) => new File([blob], parts[i].name)) : blobs[0];
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
    for await (const chunk of source(file)) {
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
