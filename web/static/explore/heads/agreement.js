// Do the heads of a layer want the same tokens?
import { described as d } from "../described.js";

/** How far every two heads agree. Heads that share keys stand in one frame. */
export function matrix({ alike, own }, { width, kvHeads, chosen }) {
  const heads = alike.length, left = 26, top = 20, side = Math.max(8, Math.min(40, Math.floor((width - left) / heads)));
  const size = heads * side, group = heads / kvHeads;
  const drawing = d("svg", { viewBox: `0 0 ${left + size + 2} ${top + size + 2}`, width: left + size + 2, height: top + size + 2, role: "img", class: "overlap", "aria-label": `Agreement of every two of ${heads} heads on the selected tokens` });
  for (let a = 0; a < heads; a++) {
    const label = { class: a === chosen ? "axis chosen" : "axis" };
    if (a % Math.ceil(20 / side) === 0) drawing.children.push(d("text", { x: left + (a + 0.5) * side, y: top - 6, class: `${label.class} middle` }, String(a)));
    if (a % Math.ceil(12 / side) === 0) drawing.children.push(d("text", { x: left - 8, y: top + (a + 0.5) * side + 4, class: `${label.class} end` }, String(a)));
    for (let b = 0; b < heads; b++) {
      const v = alike[a][b], words = a === b ? `head ${a} has ${own[a]} of the selected tokens among its own best` : `heads ${a} and ${b}: ${Math.round(100 * v)} % of the tokens of either are of both`;
      drawing.children.push(d("g", {}, d("title", {}, words),
        d("rect", { x: left + b * side, y: top + a * side, width: side - 1, height: side - 1, class: a === b ? "diagonal" : "recall", "fill-opacity": a === b ? null : (0.65 * v).toFixed(3) }),
        side >= 26 ? d("text", { x: left + (b + 0.5) * side - 0.5, y: top + (a + 0.5) * side + 4, class: "number middle" }, a === b ? String(own[a]) : String(Math.round(100 * v))) : ""));
    }
  }
  if (kvHeads < heads) {
    for (let g = 0; g < kvHeads; g++) drawing.children.push(d("rect", { x: left + g * group * side - 0.5, y: top + g * group * side - 0.5, width: group * side, height: group * side, class: "ring thin" }));
  }
  return drawing;
}

/** How many selected rows have 0, 1, 2… heads behind them. */
export function byCount({ byCount }, width) {
  const left = 8, top = 16, tall = 80, bottom = 20, wide = width - 2 * left, each = wide / byCount.length, most = Math.max(1, ...byCount);
  const drawing = d("svg", { viewBox: `0 0 ${width} ${top + tall + bottom}`, width, height: top + tall + bottom, role: "img", class: "by-count", "aria-label": `Selected tokens by the heads that have them among their own best: ${byCount.map((n, h) => `${h}: ${n}`).join(", ")}` });
  byCount.forEach((n, h) => {
    const x = left + h * each, height = (tall * n) / most;
    drawing.children.push(d("g", {}, d("title", {}, `${n} of the selected tokens are among the own best of ${h} heads`),
      d("rect", { x: x + 1, y: top + tall - height, width: Math.max(1, each - 2), height, class: "selected" })));
    if (each >= 24) drawing.children.push(d("text", { x: x + each / 2, y: top + tall - height - 4, class: "number middle" }, String(n)));
    if (h % Math.ceil(20 / each) === 0) drawing.children.push(d("text", { x: x + each / 2, y: top + tall + 15, class: "axis middle" }, String(h)));
  });
  return drawing;
}
