// What the lesson's drawings have in common.
import { s } from "../explore/svg.js";

/** @param {string} label what the drawing shows, in words */
export const sheet = (width, height, label) => s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });

export const linear = (lo, hi, from, to) => (v) => from + ((v - lo) / (hi - lo || 1)) * (to - from);

/** Round values of an axis, about so many. */
export function ticks(lo, hi, about = 5) {
  const rough = (hi - lo) / about, ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * ten).find((v) => v >= rough);
  const all = [];
  for (let i = Math.ceil(lo / step); i * step <= hi + step * 1e-9; i++) all.push(Number((i * step).toPrecision(12)));
  return all;
}

export const text = (x, y, words, kind = "") => s("text", { x, y, class: kind }, words);

/** Lines across for values of y, with their numbers to the left. */
export function rules(drawing, y, values, from, to, words = String) {
  for (const v of values) drawing.append(s("line", { x1: from, x2: to, y1: y(v), y2: y(v), class: "rule" }), text(from - 6, y(v) + 4, words(v), "axis end"));
}

/** Numbers under an axis. */
export function under(drawing, x, values, y, words = String) {
  for (const v of values) drawing.append(s("line", { x1: x(v), x2: x(v), y1: y, y2: y + 4, class: "rule" }), text(x(v), y + 17, words(v), "axis middle"));
}

/** A token as it is shown: blanks at its ends and line breaks can be seen. */
export const shown = (token) => token.replace(/\n/g, "⏎").replace(/^ | $/g, "␣") || "∅";

/** A token of the answer; the last one, which ends it, has no text. */
export const written = (token) => (token === "" ? "(end)" : shown(token).replace(/^␣/, ""));

/** A token in words, for sentences. */
export const spoken = (token) => `“${token.replace(/\n/g, "⏎").trim() || shown(token)}”`;
