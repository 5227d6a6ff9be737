// The explorer's numbers in words.
import { count } from "../app/format.js";

export const known = (v) => v !== null && v !== undefined;

/** A share as a percentage in few digits. */
export function percent(v) {
  if (!known(v)) return "–";
  if (v === 0 || v >= 0.0995) return `${Math.round(100 * v)} %`;
  return v >= 0.00095 ? `${(100 * v).toFixed(1)} %` : "<0.1 %";
}

/** A probability; bound: it is at most that. */
export function probability(v, bound = false) {
  if (!known(v)) return "–";
  if (v > 0.9995 && v < 1 && !bound) return ">0.999";
  return `${bound ? "at most " : ""}${v >= 0.00095 ? v.toFixed(3) : v === 0 ? "0" : v.toExponential(0)}`;
}

export const milliseconds = (v) => (known(v) ? `${v < 10 ? v.toFixed(1) : count(v)} ms` : "not measured");

/** A text in one line: line breaks are shown, many of them counted. */
export function oneLine(text, most = Infinity) {
  const line = text.replace(/\n{4,}/g, (all) => `⏎ ×${all.length} `).replace(/\n/g, "⏎");
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}

/** An answer of nothing but white space, in words. */
export const blank = (answer) => (answer === "" ? "nothing" : `${count([...answer].length)} blank lines or spaces`);

/** An answer in one line. */
export const answered = (answer, most) => (!known(answer) ? "–" : answer.trim() === "" ? blank(answer) : oneLine(answer, most));

export const quoted = (text, most) => `“${oneLine(text.trim() || text, most)}”`;
