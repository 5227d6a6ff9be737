// The paper's second observation: the tokens that matter are scattered.
import { csv } from "../../explore/csv.js";
import { percent } from "../../explore/numbers.js";
import { s } from "../../explore/svg.js";
import { count } from "../../app/format.js";
import { linear, rules, sheet, text, ticks } from "../drawing.js";
import { mean } from "../measures.js";

export const title = "What a budget holds: single tokens or blocks";
export const about = "Share of the attention that the best tokens hold when the same budget is spent on single tokens, or on whole blocks of 8 to 128. A thin line is a layer, the thick one the mean.";

export function view(node, run) {
  const sizes = () => Object.keys(run.steps.flatMap((step) => step.layers).find((layer) => layer.blocks)?.blocks ?? {}).map(Number).sort((a, b) => a - b);
  const shares = (l, size) => run.steps.map((step) => step.layers[l].blocks?.[size]).filter((v) => v !== undefined);
  const table = () => Array.from({ length: run.model.layers }, (_, l) => sizes().map((size) => mean(shares(l, size))));
  const update = () => {
    const all = sizes();
    if (all.length === 0) {
      node.replaceChildren("Blocks were not measured in this run. Record with -record mass.");
      return;
    }
    const rows = table(), width = Math.max(280, node.clientWidth || 640), left = 48, right = 64, top = 12, bottom = 220, height = 264;
    const x = (i) => left + 20 + (i * (width - left - right - 20)) / (all.length - 1), y = linear(0, Math.max(...rows.flat()) * 1.05, bottom, top);
    const means = all.map((_, i) => mean(rows.map((row) => row[i])));
    const drawing = sheet(width, height, `Share of attention held by ${run.selection.k} tokens: ${all.map((size, i) => `${percent(means[i])} in blocks of ${size}`).join(", ")}`);
    rules(drawing, y, ticks(0, Math.max(...rows.flat()), 4), left, width - right, percent);
    const path = (row) => row.map((v, i) => `${i === 0 ? "M" : "L"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    rows.forEach((row, l) => drawing.append(s("path", { d: path(row), class: "layer-line" }, s("title", {}, `layer ${l}`))));
    drawing.append(s("path", { d: path(means), class: "mean-line" }));
    means.forEach((v, i) => drawing.append(s("circle", { cx: x(i), cy: y(v), r: 4.5, class: "point selected" }), text(x(i) + 7, y(v) - 8, percent(v), "number"), text(x(i), bottom + 18, all[i] === 1 ? "single" : String(all[i]), "axis middle")));
    drawing.append(text(left + (width - left - right) / 2, height - 6, `tokens of a block, ${count(run.selection.k)} tokens in all`, "axis middle"));
    node.replaceChildren(drawing);
  };
  update();
  return { update, csv: () => csv([["layer", ...sizes().map((size) => `blocks of ${size}`)], ...table().map((row, l) => [l, ...row])]) };
}
