import { DocumentError } from "./failure.js";
import { xhtmlText } from "./html.js";
import { attribute, elements, resolve } from "./zip.js";

// These hide fonts only; the text can be read.
const FONT_ALGORITHMS = new Set(["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"]);

/**
 * The text of an EPUB book, chapter after chapter as its spine has them.
 * @param {import("./zip.js").Zip} zip
 * @param {string} name of the file
 * @param {number} limit length of the text, at most
 * @returns {{text: string, warnings: string[]}}
 */
export function epubText(zip, name, limit) {
  refuseEncrypted(zip, name);
  const container = zip.xml("META-INF/container.xml");
  const root = elements(container, "rootfile").map((r) => attribute(r, "full-path")).find((path) => path);
  if (!root) throw new DocumentError(name, 'found no "rootfile" in META-INF/container.xml, expected the path of the book\'s package');
  const book = zip.xml(root);
  const items = new Map(elements(book, "item").map((item) => [attribute(item, "id"), item]));
  const chapters = [];
  const missing = [];
  let left = limit;
  for (const ref of elements(book, "itemref")) {
    const item = items.get(attribute(ref, "idref"));
    if (!item || !/html|xml/.test(attribute(item, "media-type") ?? "")) continue;
    if (/\bnav\b/.test(attribute(item, "properties") ?? "")) continue;
    const path = resolve(root, attribute(item, "href") ?? "");
    if (!zip.has(path)) {
      missing.push(path);
      continue;
    }
    const text = xhtmlText(zip.text(path), left);
    left -= text.length;
    if (text !== "") chapters.push(text);
  }
  const warnings = missing.length > 0 ? [`The book names chapters that it does not hold: ${missing.join(", ")}.`] : [];
  return { text: chapters.join("\n\n"), warnings };
}

function refuseEncrypted(zip, name) {
  const path = "META-INF/encryption.xml";
  if (!zip.has(path)) return;
  const methods = elements(zip.xml(path), "EncryptionMethod").map((m) => attribute(m, "Algorithm"));
  if (methods.some((method) => !FONT_ALGORITHMS.has(method))) {
    throw new DocumentError(name, "found a book that is encrypted (copy protection), expected one without: its text cannot be read here");
  }
}
