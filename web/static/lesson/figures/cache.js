// The Selection Cache at work: which selections were taken again.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { percent } from "../../explore/numbers.js";
import { s } from "../../explore/svg.js";
import { sheet, spoken, text } from "../drawing.js";

export const title = "Selections made anew, and taken again";
export const about = "A field for each step and layer: full where the layer took the selection of an earlier step, as its query had hardly turned; empty where it scored and voted.";
export const recording = "cache";

export function view(node, run) {
  const words = element("p", { className: "hint" });
  function update() {
    const steps = run.steps.slice(1), layers = run.model.layers, width = Math.max(280, node.clientWidth || 640), left = 60, line = 20, top = 4, wide = Math.min(26, (width - left - 4) / Math.max(1, steps.length));
    const drawing = sheet(width, top + layers * line + 24, "Selection Cache: hits by layer and step");
    for (let l = 0; l < layers; l++) drawing.append(text(left - 8, top + l * line + 14, `layer ${l}`, "axis end"));
    steps.forEach((step, i) => step.layers.forEach((layer, l) => drawing.append(s("rect", { x: left + i * wide + 0.5, y: top + l * line + 1, width: Math.max(1, wide - 1), height: line - 2, class: layer.hit ? "hit" : "miss" },
      s("title", {}, `for ${spoken(step.text)}, layer ${l}: ${layer.hit ? `taken again, cosine ${layer.cosine.toFixed(2)}` : "made anew"}`)))));
    drawing.append(text(left, top + layers * line + 18, "steps of the answer →", "axis"));
    const all = steps.flatMap((step) => step.layers), hits = all.filter((layer) => layer.hit).length;
    words.textContent = run.selection.theta > 0 ? `θ = ${run.selection.theta}: ${count(hits)} of ${count(all.length)} selections (${percent(hits / all.length)}) were taken again. The answer${run.expected && run.answer.includes(run.expected.trim()) ? ", which is right" : ""}: “${run.answer.replace(/\s+/g, " ").trim()}”`
      : "The Selection Cache was off in this run (θ = 0): every layer scored and voted at every step.";
    node.replaceChildren(drawing, words);
  }
  update();
  return { update, csv: () => csv([["step", "token", "layer", "hit", "cosine with the anchor"], ...run.steps.flatMap((step, i) => step.layers.map((layer, l) => [i, step.text, l, layer.hit, layer.cosine]))]) };
}
