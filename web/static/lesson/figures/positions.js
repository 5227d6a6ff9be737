// From where tokens stand to where the model is told that they stand.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { firstTo, localFrom } from "../../explore/attended.js";
import { csv } from "../../explore/csv.js";
import { s } from "../../explore/svg.js";
import { linear, sheet, text } from "../drawing.js";
import { marked } from "../measures.js";

export const title = "Where tokens stand, and where the model sees them";
export const about = "Above the whole text, below the attended tokens at the positions that attention gives them. Below, the full width is what the model was trained for.";
export const uses = ["step", "layer"];

/** Attended rows in order, with what they are. */
function attended(step, layer) {
  const to = firstTo(step, layer), local = layer.rows ? localFrom(step, layer) : Math.max(to, step.n - 1 - step.nLocal);
  const rows = layer.rows ?? Uint32Array.from({ length: local - to }, (_, i) => to + i), all = [];
  for (let row = 0; row < to; row++) all.push({ row, kind: "sink" });
  for (const row of rows) all.push({ row, kind: "selected" });
  for (let row = local; row < step.n; row++) all.push({ row, kind: "local" });
  return all;
}

export function view(node, run, state) {
  const words = element("p", { className: "hint" });
  const key = element("ul", { className: "key" }, ...[["sink", "first tokens"], ["selected", "selected"], ["local", "the most recent"], ["needle", "the marked sentence"]].map(([name, t]) => element("li", { className: name, textContent: t })));
  const list = () => attended(run.steps[state.step], run.steps[state.step].layers[state.layer]);
  function update() {
    const step = run.steps[state.step], all = list(), needle = new Set(marked(run));
    const width = Math.max(280, node.clientWidth || 640), left = 8, right = 8, height = 236, high = 30, low = height - 52;
    const above = linear(0, step.n, left, width - right), trained = run.model.context, below = linear(0, Math.max(trained, all.length), left, width - right);
    const drawing = sheet(width, height, `${all.length} attended tokens of ${step.n}, at positions 0 to ${all.length - 1}`);
    drawing.append(s("rect", { x: left, y: high, width: width - left - right, height: 18, class: "ground" }), s("rect", { x: left, y: low, width: width - left - right, height: 18, class: "ground" }),
      text(width - right, high - 10, `the text: ${count(step.n)} tokens`, "axis end"), text(left, height - 14, `attention: positions 0 to ${count(all.length - 1)}`, "axis"),
      text(width - right, height - 14, `trained for ${count(trained)}`, "axis end"));
    const end = above(Math.min(trained, step.n));
    if (step.n > trained) drawing.append(s("line", { x1: end, x2: end, y1: high - 8, y2: high + 18, class: "cursor" }), text(end + 4, high - 10, end < width - 60 ? count(trained) : "", "axis"));
    for (let i = 0; i < all.length;) {
      let j = i + 1;
      const green = needle.has(all[i].row);
      while (j < all.length && all[j].row === all[j - 1].row + 1 && all[j].kind === all[i].kind && needle.has(all[j].row) === green) j++;
      const kind = green ? "needle" : all[i].kind, a = above(all[i].row), b = Math.max(above(all[j - 1].row + 1), a + (green ? 2.5 : 0.6)), c = below(i), d = Math.max(below(j), c + (green ? 2.5 : 0.4));
      drawing.append(s("path", { d: `M${a} ${high + 18}L${b} ${high + 18}L${d} ${low}L${c} ${low}Z`, class: `flow ${kind}` }),
        s("rect", { x: a, y: high, width: b - a, height: 18, class: kind }), s("rect", { x: c, y: low, width: d - c, height: 18, class: kind }));
      i = j;
    }
    const first = [...needle].find((row) => all.some((one) => one.row === row)), place = all.findIndex((one) => one.row === first);
    words.textContent = first === undefined ? `${needle.size > 0 ? "Nothing of the marked sentence is attended to by this layer at this step. " : ""}${count(all.length)} of ${count(step.n)} tokens are.`
      : `The first attended token of the marked sentence stands at ${count(first)} of the text, ${count(step.n - 1 - first)} tokens back. Attention is told ${count(place)}, ${count(all.length - 1 - place)} tokens back.`;
    node.replaceChildren(key, drawing, words);
  }
  update();
  return { update, csv: () => csv([["row in the text", "position in attention", "kind", "token"], ...list().map(({ row, kind }, i) => [row, i, kind, run.textOf(row)])]) };
}
