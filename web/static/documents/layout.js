// From the pieces of text that a PDF page is made of to lines, and from lines to
// paragraphs: a PDF says where letters stand, not what belongs together.

/** @typedef {{text: string, x: number, y: number, right: number, height: number}} Line  in points, y upwards */

const ENDS_SENTENCE = /[.!?:;…。！？]["'”’»)\]]*$/;
const STARTS_ITEM = /^(?:[-–—•‣▪◦*·]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s/;
const UNSPACED = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]/;

/**
 * Lines of a page, in the order of the file.
 * @param {{str: string, transform: number[], width: number, height: number, hasEOL: boolean}[]} items of pdf.js
 * @returns {Line[]}
 */
export function linesOf(items) {
  const lines = [];
  let line = null;
  const end = () => {
    if (line) {
      line.text = line.text.replace(/[ \t\u00a0]+/g, " ").trim();
      if (line.text !== "") lines.push(line);
    }
    line = null;
  };
  for (const { str, transform, width, height, hasEOL } of items) {
    if (str !== undefined && str !== "") {
      const [, , , , x, y] = transform;
      if (str.trim() === "") {
        if (line) line.text += " ";
      } else if (line) {
        line.text += str;
        line.right = Math.max(line.right, x + width);
        line.height = Math.max(line.height, height);
      } else {
        line = { text: str, x, y, right: x + width, height };
      }
    }
    if (hasEOL) end();
  }
  end();
  return lines;
}

/**
 * The text of all pages: headers, footers and page numbers that recur are left
 * out, lines are joined to paragraphs, words divided at a line's end are whole.
 * @param {Line[][]} pages
 * @returns {string}
 */
export function paragraphsOf(pages) {
  const bodies = withoutMargins(pages);
  const words = vocabulary(bodies);
  const paragraphs = [];
  for (const lines of bodies) {
    const column = measure(lines);
    lines.forEach((line, i) => {
      const before = paragraphs.at(-1);
      const goesOn = before && (i > 0 ? !parts(lines[i - 1], line, column) : overPages(before, line.text));
      if (goesOn) paragraphs[paragraphs.length - 1] = join(before, line.text, words);
      else paragraphs.push(line.text);
    });
  }
  return paragraphs.join("\n\n").replace(/\u00ad/g, "");
}

function measure(lines) {
  const gaps = [];
  for (let i = 1; i < lines.length; i++) {
    const gap = lines[i - 1].y - lines[i].y;
    if (gap > 0) gaps.push(gap);
  }
  gaps.sort((a, b) => a - b);
  return { gap: gaps[Math.floor(gaps.length / 2)] ?? 0, right: lines.reduce((right, line) => Math.max(right, line.right), 0) };
}

// Whether a new paragraph starts between two lines of a page.
function parts(a, b, column) {
  if (STARTS_ITEM.test(b.text)) return true;
  const gap = a.y - b.y;
  const height = Math.max(a.height, b.height, 1);
  // Upwards: the top of the next column. Beside: cells of a table.
  if (gap < -height) return !overPages(a.text, b.text);
  if (Math.abs(gap) < 0.3 * height) return true;
  if (gap > 1.35 * column.gap && gap > 1.35 * height) return true;
  if (Math.abs(a.height - b.height) > 0.15 * height) return true;
  if (b.x - a.x > 0.8 * height && ENDS_SENTENCE.test(a.text)) return true;
  return ENDS_SENTENCE.test(a.text) && a.right < b.x + 0.75 * (column.right - b.x);
}

function overPages(before, after) {
  return !ENDS_SENTENCE.test(before) && /^[\p{Ll}\p{Lo}]/u.test(after);
}

function join(before, after, words) {
  if (before.endsWith("\u00ad")) return before.slice(0, -1) + after;
  const first = /([\p{L}]+)[-‐]$/u.exec(before)?.[1];
  const second = /^\p{Ll}[\p{L}]*/u.exec(after)?.[0];
  if (first && second) {
    const compound = words.has(`${first}-${second}`.toLowerCase()) && !words.has((first + second).toLowerCase());
    return compound ? before + after : before.slice(0, -1) + after;
  }
  if (/[-‐–—/]$/.test(before) && !/\s[-‐–—/]$/.test(before)) return before + after;
  return UNSPACED.test(before.at(-1)) && UNSPACED.test(after[0]) ? before + after : `${before} ${after}`;
}

function vocabulary(pages) {
  const words = new Set();
  for (const line of pages.flat()) {
    for (const [word] of line.text.matchAll(/\p{L}+(?:-\p{L}+)?/gu)) words.add(word.toLowerCase());
  }
  return words;
}

// The first and last line of a page go where they are a page number, or where
// other pages have the same but for a number, or most pages the same.
function withoutMargins(pages) {
  const filled = pages.filter((lines) => lines.length > 0);
  const often = [0, -1].map((at) => {
    const counts = new Map();
    for (const lines of filled) {
      const key = pattern(lines.at(at));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return (line) => {
      const key = pattern(line);
      return counts.get(key) >= 3 && (key.includes("#") || counts.get(key) > filled.length / 2);
    };
  });
  return pages.map((lines) => {
    let [from, to] = [0, lines.length];
    const spare = () => to - from > 1;
    if (spare() && (often[0](lines[from]) || isNumber(lines[from]))) from++;
    if (spare() && (often[1](lines[to - 1]) || isNumber(lines[to - 1]))) to--;
    return lines.slice(from, to);
  });
}

function pattern(line) {
  return line.text.replace(/\d+/g, "#");
}

function isNumber(line) {
  return /^(?:[-–—]\s*)?(?:page\s+)?\d{1,4}(?:\s*(?:\/|of)\s*\d{1,4})?(?:\s*[-–—])?$/i.test(line.text);
}
