import { DocumentError, MAX_FILE, MAX_TEXT, mebibytes } from "./failure.js";
import { decodeText } from "./text.js";

/** @typedef {"text" | "markdown" | "html" | "pdf" | "docx" | "epub"} Kind */
/** @typedef {{name: string, text: string, kind: Kind, pages?: number, warnings: string[]}} ReadDocument */

const EXTENSIONS = { txt: "text", text: "text", md: "markdown", markdown: "markdown", html: "html", htm: "html", xhtml: "html", pdf: "pdf", docx: "docx", epub: "epub" };
const TITLES = { text: "plain text", markdown: "Markdown", html: "HTML", pdf: "PDF", docx: "DOCX", epub: "EPUB" };
const EXPECTED = "expected a .txt, .md, .html, .pdf, .docx or .epub file";

/** For the accept attribute of a file input. */
export const ACCEPT = ".txt,.md,.markdown,.html,.htm,.xhtml,.pdf,.docx,.epub,text/*";

/**
 * The text of a file. What the file is is told from its first bytes, and where
 * these do not tell, from its name. The libraries of PDF and zip files are loaded
 * when such a file comes.
 * @param {File} file
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<ReadDocument>}
 * @throws {DocumentError} for a file that cannot be read; the message says what was found and expected
 */
export async function readDocument(file, { signal } = {}) {
  const { name } = file;
  if (file.size > MAX_FILE) {
    throw new DocumentError(name, `found ${mebibytes(file.size)}, expected at most ${mebibytes(MAX_FILE)}`);
  }
  const bytes = await contents(file);
  signal?.throwIfAborted();
  if (bytes.length === 0) throw new DocumentError(name, "found an empty file, expected one with text");
  const extension = /\.([^./\\]+)$/.exec(name)?.[1].toLowerCase() ?? "";
  const named = EXTENSIONS[extension];
  let read;
  try {
    read = await open(bytes, name, named, signal);
  } catch (error) {
    if (error instanceof RangeError) throw new DocumentError(name, `${error.message}, expected at most that`, { cause: error });
    throw error;
  }
  const text = tidy(read.text, read.kind);
  if (text.trim() === "") throw new DocumentError(name, `found ${TITLES[read.kind]} without any text, expected some`);
  const warnings = [...read.warnings];
  if (named && named !== read.kind) {
    warnings.push(`The file is named .${extension}, but is ${TITLES[read.kind]}; it was read as that.`);
  } else if (!named && read.kind === "text") {
    warnings.push(`${extension ? `A .${extension} file` : "A file without an extension"} was read as plain text.`);
  }
  return { name, text, kind: read.kind, ...(read.pages && { pages: read.pages }), warnings };
}

async function contents(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new DocumentError(file.name, `found nothing that can be read (${error.message}), ${EXPECTED}, and no folder`, { cause: error });
  }
}

async function open(bytes, name, named, signal) {
  if (ascii(bytes, 1024).includes("%PDF-")) {
    const { pdfText } = await import("./pdf.js");
    return { kind: "pdf", ...await pdfText(bytes, name, MAX_TEXT, signal) };
  }
  if (/^PK(\x03\x04|\x05\x06|\x07\x08)/.test(ascii(bytes, 4))) return openZip(bytes, name);
  refuse(bytes, name);
  if (named === "pdf" || named === "docx" || named === "epub") {
    const signature = named === "pdf" ? 'no "%PDF-" at its start' : 'no zip file ("PK" at its start)';
    throw new DocumentError(name, `found ${signature}, expected ${TITLES[named]} as the name says: load or save it again`);
  }
  const marked = /^\ufeff?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/i.test(ascii(bytes, 2048).replace("ï»¿", ""));
  if (named === "html" || (marked && named !== "markdown")) {
    const { htmlEncoding, htmlText } = await import("./html.js");
    const { text, warnings } = decodeText(bytes, name, htmlEncoding(bytes));
    return { kind: "html", text: htmlText(text, MAX_TEXT), warnings };
  }
  const { text, warnings } = decodeText(bytes, name);
  if (text.length > MAX_TEXT) throw new RangeError(`its text is longer than ${MAX_TEXT} characters`);
  return { kind: named ?? "text", text, warnings };
}

async function openZip(bytes, name) {
  const { Zip } = await import("./zip.js");
  const zip = await Zip.open(bytes, name);
  if (zip.has("META-INF/container.xml")) {
    const { epubText } = await import("./epub.js");
    return { kind: "epub", ...epubText(zip, name, MAX_TEXT) };
  }
  if (zip.paths.some((path) => path.startsWith("word/"))) {
    const { docxText } = await import("./docx.js");
    return { kind: "docx", ...docxText(zip, name, MAX_TEXT) };
  }
  const other = zip.has("xl/workbook.xml") ? "an Excel workbook" : zip.has("ppt/presentation.xml") ? "a PowerPoint presentation"
    : zip.has("content.xml") ? "an OpenDocument file" : `a zip file with ${zip.paths.length} other files`;
  throw new DocumentError(name, `found ${other}, ${EXPECTED}`);
}

// Kinds that people do try, by their first bytes.
function refuse(bytes, name) {
  const head = ascii(bytes, 16);
  const found = head.startsWith("\xd0\xcf\x11\xe0") ? "an old Office file (.doc) or one with a password, save it as .docx without a password"
    : head.startsWith("{\\rtf") ? "an RTF file, save it as .docx"
      : head.startsWith("\x89PNG") || head.startsWith("\xff\xd8\xff") || head.startsWith("GIF8") ? "a picture"
        : /^.{60}BOOKMOBI/s.test(ascii(bytes, 68)) ? "a Kindle book, convert it to .epub" : null;
  if (found) throw new DocumentError(name, `found ${found}; ${EXPECTED}`);
}

/** @returns {string} the first bytes, one character each */
function ascii(bytes, n) {
  return String.fromCharCode(...bytes.subarray(0, n));
}

// Marks for a printer mean nothing to a model; plain text and Markdown stay as they are.
function tidy(text, kind) {
  if (kind === "text" || kind === "markdown") return text;
  return text.replace(/[\u00ad\u200b\u2060\ufeff]/g, "").replace(/[\u00a0\u2007\u202f]/g, " ");
}
