// A raster of steps and layers, with the answer's tokens under it and how sure
// the model was of each. What marks the step that is looked at lies behind and
// above it in drawings of its own: thousands of shapes need not be painted anew
// for two that move.
import { known, probability, quoted } from "../numbers.js";
import { s } from "../svg.js";

const LEFT = 34, TOP = 8, BARS = 56, LABEL = 92;

/** The most octaves that a margin is drawn for; the cell says all of it. */
export const OCTAVES = 12;

/**
 * @param {object} raster
 * @param {import("./presence.js").presence[][]} raster.cells by step and layer
 * @param {number} raster.size rows of the passage
 * @param {"read" | "margin"} raster.shows
 * @param {{text: string, p: number | null}[]} raster.steps
 * @param {(step: number, layer: number) => string} raster.describe
 */
export function draw({ cells, size, shows, steps, layers, width, describe, choose }) {
  const each = Math.max(18, Math.min(46, Math.floor((width - LEFT - 4) / steps.length))), high = Math.max(10, Math.min(24, 240 / layers));
  const whole = LEFT + steps.length * each + 4, bottom = TOP + layers * high, height = bottom + 10 + BARS + LABEL;
  const layer = (name, ...shapes) => s("svg", { viewBox: `0 0 ${whole} ${height}`, width: whole, height, class: name, "aria-hidden": "true" }, ...shapes);
  const drawing = s("svg", { viewBox: `0 0 ${whole} ${height}`, width: whole, height, class: "raster", role: "grid", "aria-label": "The passage by layer and step", "aria-rowcount": layers, "aria-colcount": steps.length });
  const column = s("rect", { x: LEFT - 1, y: 2, width: each, height: height - 4, class: "column" });
  const rowsOfIt = Math.max(1, size);
  for (let l = 0; l < layers; l++) {
    const y = TOP + l * high, row = s("g", { role: "row" });
    if (high >= 12 || l % 2 === 0) row.append(s("text", { x: LEFT - 8, y: y + high / 2 + 4, class: "axis end" }, String(l)));
    steps.forEach((_, i) => {
      const cell = cells[i][l], x = LEFT + i * each, w = each - 2, tall = high - 2;
      const words = cell ? describe(i, l) : `step ${i + 1}, layer ${l}: not recorded`;
      const group = s("g", { role: "gridcell", class: "cell", tabindex: -1, "aria-label": words, "data-step": i, "data-layer": l },
        s("title", {}, words), s("rect", { x, y, width: w, height: tall, rx: 1, class: "ground" }));
      if (cell && cell.read > 0) {
        if (shows === "read") {
          const part = cell.read / rowsOfIt;
          group.append(s("rect", { x, y: (y + tall * (1 - part)).toFixed(2), width: w, height: (tall * part).toFixed(2), class: cell.selected > 0 || cell.always === 0 ? "needle" : "local", "fill-opacity": 0.55 }));
          if (part < 1) group.append(s("rect", { x, y, width: w, height: tall, rx: 1, class: "needle", "fill-opacity": 0.14 }));
        } else if (cell.margin !== null) {
          group.append(s("rect", { x, y, width: w, height: tall, rx: 1, class: "needle", "fill-opacity": (0.08 + 0.47 * Math.min(1, cell.margin / OCTAVES)).toFixed(3) }));
        }
        if (each >= 26 && high >= 16) {
          const number = shows === "read" ? String(cell.read) : cell.margin === null ? "–" : cell.margin.toFixed(cell.margin < 9.95 ? 1 : 0);
          group.append(s("text", { x: x + w / 2, y: y + tall / 2 + 4, class: "number middle" }, number));
        }
      }
      row.append(group);
    });
    drawing.append(row);
  }
  const floor = bottom + 10 + BARS;
  drawing.append(s("text", { x: LEFT - 8, y: floor - BARS + 8, class: "axis end" }, "p 1"), s("text", { x: LEFT - 8, y: floor, class: "axis end" }, "0"),
    s("line", { x1: LEFT, x2: whole - 4, y1: floor + 0.5, y2: floor + 0.5, class: "rule" }));
  steps.forEach(({ text, p }, i) => {
    const x = LEFT + i * each, seen = cells[i].some((cell) => cell?.read > 0);
    const told = known(p) ? `probability ${probability(p)}` : "its probability was not recorded";
    const label = text.replaceAll("\n", "⏎").trim() || (text === "" ? "∅" : "␣");
    drawing.append(s("g", { class: seen ? "" : "missing", "data-step": i }, s("title", {}, `step ${i + 1}: ${quoted(text)}, ${told}; the passage was ${seen ? "read" : "not read by any layer"}`),
      p === null ? "" : s("rect", { x: x + 2, y: floor - Math.max(1, BARS * p), width: each - 6, height: Math.max(1, BARS * p), class: seen ? "bar-in" : "bar-out" }),
      s("text", { x: x + each / 2 - 1, y: floor + 8, class: "token", transform: `rotate(90 ${x + each / 2 - 1} ${floor + 8})`, "dominant-baseline": "middle" }, label.length > 12 ? `${label.slice(0, 11)}…` : label)));
  });
  const at = (event) => event.target.closest?.("[data-step]");
  drawing.addEventListener("click", (event) => {
    const cell = at(event);
    if (cell) choose(Number(cell.dataset.step), cell.dataset.layer === undefined ? null : Number(cell.dataset.layer));
  });
  drawing.addEventListener("keydown", (event) => {
    const cell = at(event);
    if (!cell) return;
    let step = Number(cell.dataset.step), layer = Number(cell.dataset.layer);
    switch (event.key) {
      case "ArrowLeft": step--; break;
      case "ArrowRight": step++; break;
      case "ArrowUp": layer--; break;
      case "ArrowDown": layer++; break;
      case "Home": step = 0; break;
      case "End": step = steps.length - 1; break;
      case "Enter": case " ": break;
      default: return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (step >= 0 && step < steps.length && layer >= 0 && layer < layers) choose(step, layer);
  });
  const ring = s("rect", { width: each - 3, height: high - 3, rx: 1, class: "ring", visibility: "hidden" });
  const behind = layer("behind", column), above = layer("above", ring);
  const node = document.createElement("div");
  node.className = "layered";
  node.append(behind, drawing, above);
  let before = null;

  /** Marks a step, and a layer of it or none: which is cheap beside drawing. */
  function mark(step, layer) {
    const cell = drawing.querySelector(`.cell[data-step="${step}"][data-layer="${layer ?? 0}"]`);
    before?.setAttribute("tabindex", "-1");
    before?.removeAttribute("aria-selected");
    before = cell;
    cell.setAttribute("tabindex", "0");
    if (layer !== null) cell.setAttribute("aria-selected", "true");
    column.setAttribute("x", String(LEFT + step * each - 1));
    ring.setAttribute("x", String(LEFT + step * each + 0.5));
    ring.setAttribute("y", String(TOP + (layer ?? 0) * high + 0.5));
    ring.setAttribute("visibility", layer === null ? "hidden" : "visible");
    return { cell, from: LEFT + step * each - 1, to: LEFT + (step + 1) * each };
  }

  /** The raster with its marks as one drawing, while of is done with it. */
  function together(of) {
    drawing.prepend(column);
    drawing.append(ring);
    const made = of(drawing);
    behind.append(column);
    above.append(ring);
    return made;
  }
  return { node, mark, together };
}
