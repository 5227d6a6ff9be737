import { DocumentError } from "./failure.js";
import { Flow } from "./flow.js";
import { attribute, elements, resolve } from "./zip.js";

// Deleted and moved-away text of tracked changes, and what is no text.
const SILENT = new Set(["del", "delText", "instrText", "moveFrom", "pPr", "rPr", "sectPr", "tblPr", "trPr", "tcPr", "sdtPr", "Fallback"]);
const MARKS = { tab: "\t", br: "\n", cr: "\n", noBreakHyphen: "-" };

/**
 * The text of a Word document: its body, and the notes at its end. Headers,
 * footers and comments are left out.
 * @param {import("./zip.js").Zip} zip
 * @param {string} name of the file
 * @param {number} limit length of the text, at most
 * @returns {{text: string, warnings: string[]}}
 */
export function docxText(zip, name, limit) {
  const main = mainPart(zip);
  const body = elements(zip.xml(main), "body")[0];
  if (!body) throw new DocumentError(name, `found no body in its part "${main}", expected a Word document`);
  const flow = new Flow(limit);
  const notes = [];
  blocks(flow, body, notes);
  for (const kind of ["footnote", "endnote"]) {
    const path = resolve(main, `${kind}s.xml`);
    if (!zip.has(path)) continue;
    const byId = new Map(elements(zip.xml(path), kind).map((note) => [attribute(note, "id"), note]));
    notes.forEach((note, i) => {
      if (note.kind !== kind || !byId.has(note.id)) return;
      flow.paragraph();
      flow.verbatim(`[${i + 1}]`);
      flow.words(" ");
      flow.words(elements(byId.get(note.id), "p").map((p) => runs(p, [])).join(" "));
    });
  }
  return { text: flow.text(), warnings: [] };
}

function mainPart(zip) {
  if (zip.has("_rels/.rels")) {
    const link = elements(zip.xml("_rels/.rels"), "Relationship").find((r) => attribute(r, "Type")?.endsWith("/officeDocument"));
    const path = link && resolve("", attribute(link, "Target") ?? "");
    if (path && zip.has(path)) return path;
  }
  return "word/document.xml";
}

function blocks(flow, parent, notes) {
  for (const child of parent.children) {
    if (SILENT.has(child.localName)) continue;
    if (child.localName === "p") paragraph(flow, child, notes);
    else if (child.localName === "tbl") table(flow, child, notes);
    else blocks(flow, child, notes);
  }
}

function paragraph(flow, p, notes) {
  const text = runs(p, notes).trim();
  const properties = [...p.children].find((c) => c.localName === "pPr");
  const list = properties && elements(properties, "numPr")[0];
  if (!list) {
    flow.paragraph();
    flow.verbatim(text);
    flow.paragraph();
    return;
  }
  const level = Math.min(Number.parseInt(attribute(elements(list, "ilvl")[0] ?? list, "val") ?? "0", 10) || 0, 8);
  flow.line();
  if (text !== "") flow.verbatim(`${"  ".repeat(level)}- ${text}`);
  flow.line();
}

function table(flow, tbl, notes) {
  flow.paragraph();
  for (const tr of [...tbl.children].filter((c) => c.localName === "tr")) {
    const cells = elementsBelow(tr, "tc").map((tc) => {
      const cell = new Flow(Infinity);
      blocks(cell, tc, notes);
      return cell.text().replace(/\s*\n\s*/g, " ");
    });
    flow.line();
    if (cells.some((cell) => cell !== "")) flow.verbatim(cells.join(" | "));
  }
  flow.paragraph();
}

// Cells of this row only: a cell may hold another table.
function elementsBelow(parent, localName) {
  return [...parent.children].flatMap((c) => (c.localName === localName ? [c] : /^sdt/.test(c.localName) ? elementsBelow(c, localName) : []));
}

function runs(parent, notes) {
  let text = "";
  for (const child of parent.children) {
    const tag = child.localName;
    if (SILENT.has(tag)) continue;
    if (tag === "t") text += child.textContent;
    else if (tag in MARKS) text += MARKS[tag];
    else if (tag === "footnoteReference" || tag === "endnoteReference") {
      text += `[${notes.push({ kind: tag.slice(0, -"Reference".length), id: attribute(child, "id") })}]`;
    } else if (tag === "p") text += ` ${runs(child, notes)} `;
    else text += runs(child, notes);
  }
  return text;
}
