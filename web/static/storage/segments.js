// A long file as a row of shorter ones in a folder of the origin's private file
// system. All but the last are SEGMENT bytes long, so what has arrived needs no
// index, and appending copies one segment at most where a browser can write
// only to copies. Together they are one Blob, whose bytes stay on the disk.

/** Bytes of a segment. */
export const SEGMENT = 32 * 2 ** 20;

const name = (i) => String(i).padStart(6, "0");

/**
 * The files of a folder, in order, up to the first that is missing or short.
 * @param {FileSystemDirectoryHandle} folder
 * @returns {Promise<File[]>}
 */
export async function segments(folder) {
  const files = [];
  for (;;) {
    const handle = await folder.getFileHandle(name(files.length)).catch(absent);
    if (!handle) return files;
    files.push(await handle.getFile());
    if (files.at(-1).size !== SEGMENT) return files;
  }
}

/** For what may not be there: null instead of a NotFoundError. */
export function absent(error) {
  if (error.name === "NotFoundError") return null;
  throw error;
}

/** Appends to the segments of a folder. */
export class SegmentWriter {
  #folder;
  #at;
  /** @type {{write(bytes: Uint8Array): Promise<void> | void, close(): Promise<void> | void} | null} */
  #open = null;

  /**
   * @param {FileSystemDirectoryHandle} folder
   * @param {number} at bytes that are there already
   */
  constructor(folder, at) {
    this.#folder = folder;
    this.#at = at;
  }

  /** @param {Uint8Array} bytes */
  async write(bytes) {
    while (bytes.length > 0) {
      const within = this.#at % SEGMENT;
      this.#open ??= await openFile(this.#folder, name(Math.floor(this.#at / SEGMENT)), within);
      const part = bytes.subarray(0, SEGMENT - within);
      await this.#open.write(part);
      this.#at += part.length;
      bytes = bytes.subarray(part.length);
      if (this.#at % SEGMENT === 0) await this.close();
    }
  }

  /** Puts what was written on the disk. More can be written afterwards. */
  async close() {
    const open = this.#open;
    this.#open = null;
    await open?.close();
  }
}

async function openFile(folder, file, at) {
  const handle = await folder.getFileHandle(file, { create: true });
  // Only workers have the first; Safari before 26 has no other.
  if (typeof FileSystemFileHandle.prototype.createSyncAccessHandle === "function") {
    const access = await handle.createSyncAccessHandle();
    access.truncate(at);
    return {
      write(bytes) {
        const written = access.write(bytes, { at });
        at += written;
        if (written !== bytes.length) throw new DOMException("the disk took only a part", "QuotaExceededError");
      },
      close() {
        access.flush();
        access.close();
      },
    };
  }
  const stream = await handle.createWritable({ keepExistingData: true });
  await stream.truncate(at);
  await stream.seek(at);
  return { write: (bytes) => stream.write(bytes), close: () => stream.close() };
}
