// The paper's first observation: the query of a step is like that of the one before.
import { csv } from "../../explore/csv.js";
import { s } from "../../explore/svg.js";
import { linear, sheet, spoken, text, under } from "../drawing.js";
import { median } from "../measures.js";

export const title = "How alike consecutive queries are";
export const about = "Cosine of a layer's query with the one of the step before. A dot for each word of the answer, a line for the middle one.";

export function view(node, run) {
  const layers = () => Array.from({ length: run.model.layers }, (_, l) => run.steps.map((step) => step.layers[l].q));
  const update = () => {
    const width = Math.max(280, node.clientWidth || 640), left = 64, right = 16, line = 26, top = 8;
    const all = layers(), known = all.flat().filter((v) => v !== null);
    if (known.length === 0) {
      node.replaceChildren("The queries of this run were not compared. Record with -record votes.");
      return;
    }
    const height = top + all.length * line + 40, bottom = top + all.length * line;
    const x = linear(Math.min(0, ...known), 1, left, width - right);
    const drawing = sheet(width, height, `Cosine of consecutive queries by layer; the middle one of all is ${median(known).toFixed(2)}`);
    under(drawing, x, [0, 0.25, 0.5, 0.75, 1], bottom);
    drawing.append(s("line", { x1: x(0), x2: x(1), y1: bottom, y2: bottom, class: "rule" }), text(x(0), height - 4, "at right angles", "axis"), text(x(1), height - 4, "the same direction", "axis end"));
    all.forEach((values, l) => {
      const y = top + (l + 0.5) * line;
      drawing.append(text(left - 10, y + 4, `layer ${l}`, "axis end"), s("line", { x1: x(0), x2: x(1), y1: y, y2: y, class: "rule" }));
      values.forEach((v, i) => {
        if (v !== null) drawing.append(s("circle", { cx: x(v), cy: y, r: 4, class: "point local" }, s("title", {}, `layer ${l}, for ${spoken(run.steps[i].text)}: ${v.toFixed(2)}`)));
      });
      const middle = median(values.filter((v) => v !== null));
      if (!Number.isNaN(middle)) drawing.append(s("line", { x1: x(middle), x2: x(middle), y1: y - 9, y2: y + 9, class: "tick" }));
    });
    node.replaceChildren(drawing);
  };
  update();
  return { update, csv: () => csv([["step", "token", "layer", "cosine with the step before"], ...run.steps.flatMap((step, i) => step.layers.map((layer, l) => [i, step.text, l, layer.q]))]) };
}
