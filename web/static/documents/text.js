import { DocumentError } from "./failure.js";

/**
 * The text of a plain file: UTF-8, UTF-16 by its mark, and Windows-1252 for what
 * is neither.
 * @param {Uint8Array} bytes
 * @param {string} name of the file
 * @param {string} [label] encoding that the file itself names
 * @returns {{text: string, warnings: string[]}}
 */
export function decodeText(bytes, name, label) {
  const marked = byMark(bytes);
  if (marked) return { text: lines(new TextDecoder(marked).decode(bytes)), warnings: [] };
  if (isBinary(bytes)) {
    throw new DocumentError(name, "found binary data, expected text in UTF-8, UTF-16 or Windows-1252, or a PDF, DOCX or EPUB file");
  }
  if (label && !/^utf-?8$/i.test(label)) {
    const decoder = decoderFor(label);
    if (decoder) return { text: lines(decoder.decode(bytes)), warnings: [] };
  }
  try {
    return { text: lines(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), warnings: [] };
  } catch {
    return {
      text: lines(new TextDecoder("windows-1252").decode(bytes)),
      warnings: ["The file is not UTF-8; it was read as Windows-1252. Letters that look wrong come from that: save it as UTF-8."],
    };
  }
}

/** Whether bytes cannot be text of an encoding that has no zero bytes. */
export function isBinary(bytes) {
  const head = bytes.subarray(0, 1 << 16);
  let control = 0;
  for (const b of head) {
    if (b === 0) return true;
    if (b < 32 && !(b >= 9 && b <= 13) && b !== 27) control++;
  }
  return control * 100 > head.length;
}

function byMark(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  return null;
}

function decoderFor(label) {
  try {
    return new TextDecoder(label);
  } catch {
    return null;
  }
}

function lines(text) {
  return text.replace(/\r\n?/g, "\n");
}
