// Where the bytes of a file go as they arrive.
import { absent, segments, SegmentWriter } from "./segments.js";

const ABOUT = "about.json";

/** Where nothing can be kept: the browser holds the Blob, on its disk if that suits it. */
export class MemoryFile {
  about = {};
  size = 0;
  #chunks = [];
  #blobs = [];
  #waiting = 0;

  async *kept() {}

  note() {}

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

/** A folder of segments, with about.json, which says what they are to become. */
export class DiskFile {
  /** What about.json says. */
  about;

  /** Bytes that are there. */
  size = 0;

  #root;
  #folder;
  #files;
  #writer;

  /**
   * Begins a file, or goes on with it. What is there of a file of another size is
   * of no use.
   * @param {FileSystemDirectoryHandle} root
   * @param {string} key
   * @param {{name: string, size: number, digest?: string, details?: object}} about
   */
  static async open(root, key, about) {
    const folder = await root.getDirectoryHandle(key, { create: true });
    const before = await aboutOf(folder);
    const files = await segments(folder);
    const size = files.reduce((sum, part) => sum + part.size, 0);
    if (size > about.size || (before && before.size !== about.size)) {
      await root.removeEntry(key, { recursive: true });
      return DiskFile.open(root, key, about);
    }
    const file = new DiskFile();
    file.#root = root;
    file.#folder = folder;
    file.#files = files;
    file.#writer = new SegmentWriter(folder, size);
    file.size = size;
    // JSON leaves out what is undefined, and with it nothing that was known.
    file.about = { ...(size > 0 && before), ...JSON.parse(JSON.stringify(about)), complete: false };
    await writeAbout(folder, file.about);
    return file;
  }

  async *kept() {
    for (const part of this.#files) yield* pieces(part);
  }

  /** Adds to about.json. */
  async note(more) {
    Object.assign(this.about, more);
    await writeAbout(this.#folder, this.about);
  }

  write(chunk) {
    return this.#writer.write(chunk);
  }

  pause() {
    return this.#writer.close();
  }

  discard() {
    return this.#root.removeEntry(this.#folder.name, { recursive: true });
  }

  async complete() {
    await this.note({ complete: true });
    return new Blob(await segments(this.#folder));
  }
}

/** The bytes of a Blob, a few megabytes at a time. @param {Blob} blob */
export async function* pieces(blob, from = 0) {
  for (let at = from; at < blob.size; at += 2 ** 22) {
    yield new Uint8Array(await blob.slice(at, at + 2 ** 22).arrayBuffer());
  }
}

/** What about.json says, and when it was written; null where there is none that can be read. */
export async function aboutOf(folder) {
  const handle = await folder.getFileHandle(ABOUT).catch(absent);
  if (!handle) return null;
  try {
    const file = await handle.getFile();
    return { ...JSON.parse(await file.text()), date: file.lastModified };
  } catch {
    return null; // cut off while it was written: not complete
  }
}

/** Writes about.json anew. */
export async function writeAbout(folder, { date, ...about }) {
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
