// Budgets as points: what they cost, what they give. Nothing is drawn between
// points, as nothing was measured there.
import { s } from "../svg.js";
import { count } from "../../app/format.js";

const LEFT = 44, RIGHT = 16, TOP = 22, BOTTOM = 40, TALL = 190;

/** Round numbers for a logarithmic axis. */
function ticks(lo, hi) {
  const all = [];
  for (let ten = 10 ** Math.floor(Math.log10(lo)); ten <= hi; ten *= 10) for (const m of [1, 2, 5]) all.push(m * ten);
  return all.filter((v) => v >= lo * 0.999 && v <= hi * 1.001);
}

function sign(policy, x, y, r) {
  if (policy === "dense") return s("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r, class: "point dense" });
  if (policy === "window") return s("path", { d: `M${x} ${y - r - 1.5}L${x + r + 1.5} ${y}L${x} ${y + r + 1.5}L${x - r - 1.5} ${y}Z`, class: "point local" });
  return s("circle", { cx: x, cy: y, r: r + 0.5, class: "point selected" });
}

/**
 * @param {object} plot
 * @param {{x: number, y: number, policy: string, label: string, words: string, chosen: boolean, choose: () => void}[]} plot.points
 * @param {[string, string]} plot.axes what x and y are
 */
export function draw({ points, axes: [across, up], width }) {
  const wide = width - LEFT - RIGHT, height = TOP + TALL + BOTTOM;
  const drawing = s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "budget-plot", role: "group", "aria-label": `Budgets: ${up} against ${across}` });
  const xs = points.map((p) => p.x), lo = Math.min(...xs) / 1.25, hi = Math.max(...xs) * 1.25;
  const x = (v) => LEFT + (wide * Math.log(v / lo)) / Math.log(hi / lo), y = (v) => TOP + TALL * (1 - v);
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    drawing.append(s("line", { x1: LEFT, x2: LEFT + wide, y1: y(v), y2: y(v), class: "rule" }), s("text", { x: LEFT - 6, y: y(v) + 4, class: "axis end" }, String(v)));
  }
  let last = -Infinity;
  for (const v of ticks(lo, hi)) {
    drawing.append(s("line", { x1: x(v), x2: x(v), y1: TOP, y2: TOP + TALL, class: "rule" }));
    if (x(v) - last < 38) continue;
    last = x(v);
    if (last + 20 <= width) drawing.append(s("text", { x: last, y: TOP + TALL + 16, class: "axis middle" }, count(v)));
  }
  drawing.append(s("text", { x: LEFT + wide / 2, y: height - 6, class: "axis middle" }, across), s("text", { x: 4, y: 12, class: "axis" }, up));
  const right = new Map(); // of the labels of a line: where the last ends
  for (const p of [...points].sort((a, b) => a.x - b.x)) {
    const px = x(p.x), py = y(Math.max(0, Math.min(1, p.y))), half = p.label.length * 3.6;
    const group = s("g", { class: p.chosen ? "budget chosen" : "budget", tabindex: 0, role: "button", "aria-pressed": p.chosen, "aria-label": p.words }, s("title", {}, p.words), s("circle", { cx: px, cy: py, r: 12, class: "reach" }));
    if (p.chosen) group.append(s("circle", { cx: px, cy: py, r: 10, class: "ring thin" }));
    group.append(sign(p.policy, px, py, 4.5));
    const lines = py > TOP + TALL - 30 ? [-13, -26] : [20, 33, 46];
    const dy = lines.find((d) => px - half > (right.get(Math.round(py / 24) * 100 + d) ?? -Infinity)) ?? lines[0];
    right.set(Math.round(py / 24) * 100 + dy, px + half + 4);
    const at = Math.max(LEFT + half, Math.min(LEFT + wide - half, px));
    group.append(s("text", { x: at, y: py + dy, class: "number middle" }, p.label));
    group.addEventListener("click", p.choose);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      p.choose();
    });
    drawing.append(group);
  }
  return drawing;
}
