import { Flow } from "./flow.js";

const BLOCKS = new Set(["address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt",
  "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "hr", "legend",
  "main", "nav", "ol", "p", "pre", "search", "section", "summary", "table", "ul"]);
const PARTS_OF_LISTS = new Set(["dd", "dt"]);
const SILENT = new Set(["audio", "button", "canvas", "datalist", "embed", "head", "iframe", "input", "link", "meta", "noscript",
  "object", "script", "select", "style", "svg", "template", "textarea", "title", "video"]);

/**
 * The text of an HTML page's body as it is read: a blank line between blocks,
 * one line for an item of a list or a row of a table.
 * @param {string} html
 * @param {number} limit length of the text, at most
 * @throws {RangeError} when the text is longer
 */
export function htmlText(html, limit) {
  return elementText(new DOMParser().parseFromString(html, "text/html").body, limit);
}

/**
 * As htmlText, for XHTML: as XML where it is well-formed.
 * @param {string} xhtml
 * @param {number} limit
 */
export function xhtmlText(xhtml, limit) {
  const xml = new DOMParser().parseFromString(xhtml, "application/xhtml+xml");
  const body = xml.getElementsByTagName("parsererror").length === 0 && xml.getElementsByTagNameNS("*", "body")[0];
  if (body) return elementText(body, limit);
  // An HTML parser takes <title/> for an open element that holds all the rest.
  return htmlText(xhtml.replace(/<(title|script|style|a|p|div|span|i|b|em|td|th|li)\b([^<>]*)\/>/gi, "<$1$2></$1>"), limit);
}

/** The encoding that an HTML file names in its first bytes, or undefined. */
export function htmlEncoding(bytes) {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 2048));
  return /<meta[^>]+charset\s*=\s*["']?([\w-]+)/i.exec(head)?.[1];
}

function elementText(element, limit) {
  const flow = new Flow(limit);
  if (element) children(flow, element, 0);
  return flow.text();
}

function children(flow, element, depth) {
  for (const child of element.childNodes) {
    if (child.nodeType === 3 || child.nodeType === 4) flow.words(child.data);
    else if (child.nodeType === 1) visit(flow, child, depth);
  }
}

function visit(flow, element, depth) {
  const tag = element.localName.toLowerCase();
  if (SILENT.has(tag) || element.hasAttribute("hidden")) return;
  if (tag === "br") flow.lineBreak();
  else if (tag === "pre") verbatim(flow, element);
  else if (tag === "ul" || tag === "ol") list(flow, element, depth);
  else if (tag === "tr") row(flow, element, depth);
  else if (PARTS_OF_LISTS.has(tag)) around(flow, element, depth, "line");
  else if (BLOCKS.has(tag)) around(flow, element, depth, "paragraph");
  else children(flow, element, depth);
}

function around(flow, element, depth, edge) {
  flow[edge]();
  children(flow, element, depth);
  flow[edge]();
}

function verbatim(flow, element) {
  flow.paragraph();
  flow.verbatim(element.textContent.replace(/^\n|\s+$/g, ""));
  flow.paragraph();
}

function list(flow, element, depth) {
  const edge = depth > 0 ? "line" : "paragraph";
  flow[edge]();
  let number = Number.parseInt(element.getAttribute("start") ?? "1", 10) || 1;
  for (const item of element.children) {
    if (item.localName.toLowerCase() !== "li") {
      visit(flow, item, depth + 1);
      continue;
    }
    const mark = element.localName.toLowerCase() === "ol" ? `${number++}.` : "-";
    const text = elementOf(item, depth + 1);
    if (text === "") continue;
    flow.line();
    flow.verbatim(`${"  ".repeat(depth)}${mark} ${text}`);
    flow.line();
  }
  flow[edge]();
}

function row(flow, element, depth) {
  const cells = [...element.children].map((cell) => elementOf(cell, depth).replace(/\s*\n\s*/g, " "));
  flow.line();
  if (cells.some((cell) => cell !== "")) flow.verbatim(cells.join(" | "));
  flow.line();
}

function elementOf(element, depth) {
  const flow = new Flow(Infinity);
  children(flow, element, depth);
  return flow.text();
}
