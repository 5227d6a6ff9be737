// The grid of layers and heads: what each reads of what dense attention would,
// and on how few rows its attention lies. Arrow keys go from cell to cell,
// Escape back to none in particular.
import { described as d } from "../described.js";

const LEFT = 26, TOP = 20, GAP = 2;

/**
 * @param {object} grid
 * @param {number} grid.width of the drawing
 * @param {number[][] | null} grid.recalls by layer and head
 * @param {number[][] | null} grid.concentrations likewise
 * @param {{layer: number, head: number} | null} grid.chosen
 * @param {(layer: number, head: number) => string} grid.describe a cell in words
 */
export function draw({ width, layers, heads, recalls, concentrations, chosen, describe }) {
  const side = Math.max(7, Math.min(54, Math.floor((width - LEFT) / heads)));
  const high = Math.max(10, Math.min(34, side)), roomy = side >= 26;
  const whole = LEFT + heads * side, height = TOP + layers * high;
  const drawing = d("svg", { viewBox: `0 0 ${whole} ${height}`, width: whole, height, role: "grid", class: "head-grid", "aria-label": "Layers and heads", "aria-rowcount": layers, "aria-colcount": heads });
  const every = Math.ceil(22 / side);
  for (let h = 0; h < heads; h += every) drawing.children.push(d("text", { x: LEFT + (h + 0.5) * side, y: TOP - 6, class: "axis middle" }, String(h)));
  for (let l = 0; l < layers; l++) {
    const row = d("g", { role: "row" }, d("text", { x: LEFT - 8, y: TOP + (l + 0.5) * high + 4, class: "axis end" }, String(l)));
    for (let h = 0; h < heads; h++) {
      const x = LEFT + h * side, y = TOP + l * high, w = side - GAP, tall = high - GAP;
      const recall = recalls?.[l]?.[h], share = concentrations?.[l]?.[h];
      const here = chosen?.layer === l && chosen.head === h, words = describe(l, h);
      const cell = d("g", { role: "gridcell", class: here ? "cell chosen" : "cell", tabindex: here || (!chosen && l + h === 0) ? 0 : -1, "aria-selected": here, "aria-label": words, "data-layer": l, "data-head": h },
        d("title", {}, words), d("rect", { x, y, width: w, height: tall, rx: 2, class: "ground" }));
      if (recall !== undefined) cell.children.push(d("rect", { x, y, width: w, height: tall, rx: 2, class: "recall", "fill-opacity": (0.65 * recall).toFixed(3) }));
      if (share !== undefined) cell.children.push(d("rect", { x: x + 1, y: y + tall - 4, width: ((w - 2) * Math.min(1, share)).toFixed(2), height: 4, class: "selected" }));
      if (roomy && recall !== undefined) cell.children.push(d("text", { x: x + w / 2, y: y + (tall - 4) / 2 + 4, class: "number middle" }, String(Math.round(100 * recall))));
      if (here) cell.children.push(d("rect", { x: x + 0.5, y: y + 0.5, width: w - 1, height: tall - 1, rx: 2, class: "ring" }));
      row.children.push(cell);
    }
    drawing.children.push(row);
  }
  return drawing;
}

/** What the grid drawn in a node does with pointer and keyboard. @param {(layer: number | null, head: number | null) => void} choose null: none in particular */
export function chosenWith(node, { layers, heads, choose }) {
  const at = (event) => event.target.closest?.("[data-head]");
  node.addEventListener("click", (event) => {
    const cell = at(event);
    if (cell) choose(Number(cell.dataset.layer), Number(cell.dataset.head));
  });
  node.addEventListener("keydown", (event) => {
    const cell = at(event);
    if (!cell) return;
    let layer = Number(cell.dataset.layer), head = Number(cell.dataset.head);
    switch (event.key) {
      case "ArrowLeft": head--; break;
      case "ArrowRight": head++; break;
      case "ArrowUp": layer--; break;
      case "ArrowDown": layer++; break;
      case "Home": head = 0; break;
      case "End": head = heads - 1; break;
      case "Escape": return void choose(null, null);
      case "Enter": case " ": break;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (layer >= 0 && layer < layers && head >= 0 && head < heads) choose(layer, head);
  });
}
