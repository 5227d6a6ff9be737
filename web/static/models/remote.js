import { Patience } from "../storage/patience.js";
import { refusal } from "./hub.js";
import { SourceError } from "./source.js";

const STEP = 2 ** 20; // bytes of a first look
const MOST = 2 ** 28; // that are read for a look

/**
 * A file on a server, as far as it must be read to know what it is. It has what
 * the engine uses of a Blob: a size, and slices that are read when asked for.
 */
export class RemoteFile {
  /** Bytes of the whole file. */
  size = 0;

  /** As the server gave it. @type {string | null} */
  etag = null;

  /** Whether the server sends parts of it: a download can go on where it stopped then. */
  ranges = false;

  #url;
  #name;
  #patience;
  #head = new Uint8Array(0); // the first bytes
  #reader = null; // of what follows them, where there are no parts to be had

  /**
   * Asks for the first bytes, and refuses what is no GGUF file by them.
   * @param {{url: string, name: string, size?: number}} file size: what it is known to be
   * @param {{signal?: AbortSignal, stall?: number}} [options]
   */
  static async open({ url, name, size }, { signal, stall } = {}) {
    const file = new RemoteFile();
    file.#url = url;
    file.#name = name;
    file.#patience = new Patience(signal, stall);
    try {
      await file.#begin(size);
      file.#check();
    } catch (error) {
      file.close();
      signal?.throwIfAborted();
      if (!(error instanceof TypeError)) throw error;
      throw new SourceError("network", `${new URL(url).origin} cannot be reached, or does not let pages of other sites read its files (${error.message}). Download the file and choose it here.`, { cause: error });
    }
    return file;
  }

  async #begin(known) {
    // A server that browsers have to ask whether they may say Range may say no.
    const response = await this.#get({ Range: `bytes=0-${STEP - 1}` }).catch((error) => {
      if (error instanceof TypeError) return this.#get({});
      throw error;
    });
    this.etag = response.headers.get("ETag");
    this.ranges = response.status === 206;
    const length = Number(response.headers.get("Content-Length") ?? NaN);
    this.size = this.ranges ? Number(/\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? NaN) : length;
    if (this.ranges) {
      this.#head = new Uint8Array(await this.#patience.over(() => response.arrayBuffer()));
      // Other sites read that header only where the server says so, but always the length.
      if (!this.size && !known) this.size = await this.#length();
    } else {
      this.#reader = response.body.getReader();
      await this.#upTo(4);
    }
    if (known && this.size && this.size !== known) throw new SourceError("unusable", `${this.#name}: the server has ${this.size} bytes, expected ${known}, which the hub lists.`);
    this.size ||= known;
    if (!this.size) throw new SourceError("unusable", `${this.#name}: the server does not say how long the file is (Content-Length), so that it cannot be known whether it fits.`);
  }

  async #get(headers) {
    // Of a part in its own cache, a browser would ask anew before the download.
    const response = await this.#patience.over(() => fetch(this.#url, { headers, cache: "no-store", signal: this.#patience.signal }));
    if (response.ok) return response;
    throw refusal(response, this.#name) ?? new SourceError("network", `${this.#name}: the server answers ${response.status} ${response.statusText}`.trim());
  }

  async #length() {
    const response = await this.#get({});
    await response.body.cancel();
    return Number(response.headers.get("Content-Length") ?? NaN);
  }

  #check() {
    const begin = String.fromCharCode(...this.#head.subarray(0, 64));
    if (begin.startsWith("GGUF")) return;
    const text = begin.replace(/^\u00ef\u00bb\u00bf/, "").trimStart();
    const kind = text.startsWith("<") ? "a page of HTML, not a model"
      : text.startsWith("version https://git-lfs") ? "a pointer of Git LFS, not the file itself"
      : text.startsWith("{") ? "JSON, not a model"
      : text.startsWith("PK") ? "a zip archive, perhaps of PyTorch, not a GGUF file"
      : this.#head.length === 0 ? "empty" : "no GGUF file";
    throw new SourceError("unusable", `What ${new URL(this.#url).host} sends as ${this.#name} is ${kind} (it starts with ${JSON.stringify(begin.slice(0, 8))}, expected "GGUF").`);
  }

  /** As a File's. */
  get name() {
    return this.#name;
  }

  /** As a Blob's. */
  slice(from, to) {
    return { arrayBuffer: async () => (await this.#bytes(from, Math.min(to, this.size))).slice().buffer };
  }

  async #bytes(from, to) {
    if (to > MOST) throw new Error(`bytes up to ${to} are asked for, expected a header of at most ${MOST}`);
    if (to > this.#head.length && this.ranges) {
      const response = await this.#get({ Range: `bytes=${this.#head.length}-${to - 1}` });
      if (response.status !== 206) throw new Error("the server does not send parts of the file any more");
      this.#append([new Uint8Array(await this.#patience.over(() => response.arrayBuffer()))]);
    } else if (to > this.#head.length) {
      await this.#upTo(to);
    }
    if (to > this.#head.length) throw new Error(`the server sent ${this.#head.length} bytes, expected at least ${to}`);
    return this.#head.subarray(from, to);
  }

  async #upTo(length) {
    const chunks = [];
    for (let at = this.#head.length; at < length;) {
      const { done, value } = await this.#patience.over(() => this.#reader.read());
      if (done) break;
      chunks.push(value);
      at += value.length;
    }
    this.#append(chunks);
  }

  #append(chunks) {
    const head = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, this.#head.length));
    head.set(this.#head);
    let at = this.#head.length;
    for (const chunk of chunks) {
      head.set(chunk, at);
      at += chunk.length;
    }
    this.#head = head;
  }

  /** Reads what a short header may take, and ends the connection. */
  async settle() {
    await this.#upTo(Math.min(STEP, this.size));
    this.close();
  }

  /** Ends the connection. */
  close() {
    this.#patience.end();
  }
}
