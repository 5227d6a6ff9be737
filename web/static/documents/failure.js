/** Largest file that is opened, in bytes. */
export const MAX_FILE = 100 * 2 ** 20;

/** Largest text that is taken out of a file, in UTF-16 code units. */
export const MAX_TEXT = 16 * 2 ** 20;

/** A file that cannot be read. The message names it, what was found and what is expected. */
export class DocumentError extends Error {
  /**
   * @param {string} file its name
   * @param {string} why what was found, and what is expected instead
   */
  constructor(file, why, options) {
    super(`${file}: ${why}`, options);
    this.name = "DocumentError";
    this.file = file;
  }
}

/** @param {number} bytes */
export function mebibytes(bytes) {
  const size = bytes / 2 ** 20;
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} MiB`;
}
