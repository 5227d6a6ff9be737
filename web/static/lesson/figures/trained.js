// What dense attention does with distances that it was not trained for.
import { element } from "../../app/dom.js";
import { csv } from "../../explore/csv.js";
import { percent } from "../../explore/numbers.js";
import { s } from "../../explore/svg.js";
import { sheet, text } from "../drawing.js";
import { mean } from "../measures.js";

export const title = "The same tokens at true distances, and at short ones";
export const about = "The share of attention to everything that falls on the tokens which TokenSelect read. The dashed line is what chance would give them.";

export function view(node, run) {
  const key = element("ul", { className: "key" }, element("li", { className: "left-out", textContent: "at true distances: dense attention" }), element("li", { className: "recall", textContent: "at distances cut to the local window" }));
  const words = element("p", { className: "hint" });
  const rows = () => Array.from({ length: run.model.layers }, (_, l) => {
    const layers = run.steps.map((step) => step.layers[l]).filter((layer) => layer.mass && layer.near);
    return layers.length === 0 ? null : { layer: l, far: mean(layers.map((one) => mean(one.mass.map((m) => 1 - m[3])))), near: mean(layers.map((one) => mean(one.near))) };
  }).filter(Boolean);
  function update() {
    const all = rows();
    if (all.length === 0) {
      node.replaceChildren("Where attention lies was not recorded. Record with -record mass.");
      return;
    }
    const chance = mean(run.steps.map((step) => mean(step.layers.map((layer) => layer.attended / step.n))));
    const width = Math.max(280, node.clientWidth || 640), left = 60, right = 58, line = 32, top = 6, wide = width - left - right;
    const drawing = sheet(width, top + all.length * line + 4, `Share of attention on the tokens read, mean of layers: ${percent(mean(all.map((r) => r.far)))} at true distances, ${percent(mean(all.map((r) => r.near)))} at short ones`);
    all.forEach((r, i) => {
      const y = top + i * line;
      drawing.append(text(left - 8, y + 20, `layer ${r.layer}`, "axis end"), s("rect", { x: left, y: y + 2, width: wide, height: 26, class: "ground" }),
        s("rect", { x: left, y: y + 2, width: wide * r.far, height: 13, class: "true" }), s("rect", { x: left, y: y + 15, width: wide * r.near, height: 13, class: "recall" }),
        text(left + wide + 6, y + 13, percent(r.far), "axis number"), text(left + wide + 6, y + 27, percent(r.near), "axis number"));
    });
    drawing.append(s("line", { x1: left + wide * chance, x2: left + wide * chance, y1: top, y2: top + all.length * line, class: "chance" }));
    words.textContent = `Read were ${percent(chance)} of the tokens. At true distances they hold ${percent(mean(all.map((r) => r.far)))} of the attention, at short ones ${percent(mean(all.map((r) => r.near)))}: mean of layers, heads and words.`;
    node.replaceChildren(key, drawing, words);
  }
  update();
  return { update, csv: () => csv([["layer", "share at true distances", "share at distances cut to the local window"], ...rows().map((r) => [r.layer, r.far, r.near])]) };
}
