import { DocumentError, MAX_TEXT, mebibytes } from "./failure.js";

// XML is several times as long as the text in it.
const MAX_PARTS = 8 * MAX_TEXT;

/** The parts of a zip file, by their paths in it; nothing is unpacked before it is asked for. */
export class Zip {
  #fflate;
  #bytes;
  #name;
  #left = MAX_PARTS;
  /** @type {Map<string, number>} unpacked size by path */
  #sizes = new Map();

  /**
   * @param {Uint8Array} bytes
   * @param {string} name of the file
   */
  static async open(bytes, name) {
    // The minified build is a script that leaves its functions on the global object.
    await import("../vendor/fflate/fflate.min.js");
    return new Zip(globalThis.fflate, bytes, name);
  }

  constructor(fflate, bytes, name) {
    this.#fflate = fflate;
    this.#bytes = bytes;
    this.#name = name;
    this.#unzip((entry) => {
      this.#sizes.set(entry.name, entry.originalSize);
      return false;
    });
  }

  /** @returns {string[]} */
  get paths() {
    return [...this.#sizes.keys()];
  }

  has(path) {
    return this.#sizes.has(path);
  }

  /** A part as bytes. @param {string} path */
  bytes(path) {
    if (!this.has(path)) {
      throw new DocumentError(this.#name, `found no part "${path}" in the zip file, expected one: the file is incomplete`);
    }
    this.#left -= this.#sizes.get(path);
    if (this.#left < 0) {
      throw new DocumentError(this.#name, `its parts unpack to more than ${mebibytes(MAX_PARTS)}, expected at most that`);
    }
    return this.#unzip((entry) => entry.name === path)[path];
  }

  /** A part as text. @param {string} path */
  text(path) {
    const bytes = this.bytes(path);
    const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : null;
    return new TextDecoder(utf16 ?? "utf-8").decode(bytes);
  }

  /** A part as an XML document. @param {string} path */
  xml(path) {
    const doc = new DOMParser().parseFromString(this.text(path), "application/xml");
    if (doc.getElementsByTagName("parsererror").length > 0) {
      throw new DocumentError(this.#name, `found broken XML in its part "${path}", expected well-formed XML`);
    }
    return doc;
  }

  #unzip(filter) {
    try {
      return this.#fflate.unzipSync(this.#bytes, { filter });
    } catch (error) {
      throw new DocumentError(this.#name, `found a broken zip file (${error.message}), expected a whole one: load or save it again`, { cause: error });
    }
  }
}

/** The elements of a local name below a node, whatever their namespace prefix. */
export function elements(node, localName) {
  return [...node.getElementsByTagNameNS("*", localName)];
}

/** An attribute by its local name. */
export function attribute(element, localName) {
  for (const a of element.attributes) {
    if (a.localName === localName) return a.value;
  }
  return null;
}

/** The path of a link in a part, e.g. "../a%20b.xml" in "x/y/z.opf". */
export function resolve(base, href) {
  const { pathname } = new URL(href, new URL(base.split("/").map(encodeURIComponent).join("/"), "zip://parts/"));
  return decodeURIComponent(pathname).replace(/^\/+/, "");
}
