// One score: the product of a query and a key, dimension by dimension.
import { element } from "../../app/dom.js";
import { csv } from "../../explore/csv.js";
import { s } from "../../explore/svg.js";
import { linear, rules, sheet, shown, spoken, text, ticks } from "../drawing.js";
import { context } from "../measures.js";

export const title = "Query · key";
export const about = "The bars are the products of the two vectors' numbers, one for each dimension of the head; the line adds them up from left to right. Where it ends is the score.";
export const uses = ["step", "head"];

export function view(node, run, state) {
  let chosen = 0;
  const select = element("select"), drawing = element("div"), words = element("p", { className: "hint" });
  node.replaceChildren(element("div", { className: "controls" }, element("label", { className: "field" }, "Key of ", select)), drawing, words);
  select.addEventListener("change", () => {
    chosen = Number(select.value);
    draw();
  });
  const scores = () => run.steps[state.step]?.layers[state.scored].scores?.find((one) => one.head === state.head) ?? null;
  const products = (of) => of.q.map((v, i) => v * of.keys[chosen].k[i]);

  function draw() {
    const of = scores();
    const all = products(of), sums = [];
    all.reduce((sum, v) => sums[sums.push(sum + v) - 1], 0);
    const width = Math.max(280, node.clientWidth || 640), left = 48, right = 16, top = 12, height = 240, bottom = height - 28;
    const lo = Math.min(0, ...all, ...sums), hi = Math.max(0, ...all, ...sums), y = linear(lo, hi, bottom, top), wide = (width - left - right) / all.length;
    const total = sums.at(-1), token = run.textOf(of.keys[chosen].row), asking = state.step > 0 ? run.steps[state.step - 1].text : run.textOf(run.steps[0].n - 1);
    const figure = sheet(width, height, `Products of ${all.length} dimensions of query and key, which come to ${total.toFixed(1)}`);
    rules(figure, y, ticks(lo, hi, 5), left, width - right);
    all.forEach((v, i) => figure.append(s("rect", { x: left + i * wide + 0.5, width: Math.max(1, wide - 1), y: Math.min(y(0), y(v)), height: Math.max(0.5, Math.abs(y(v) - y(0))), class: v >= 0 ? "plus" : "minus" },
      s("title", {}, `dimension ${i}: ${of.q[i]} × ${of.keys[chosen].k[i]} = ${v.toFixed(2)}`))));
    figure.append(s("path", { d: sums.map((v, i) => `${i === 0 ? "M" : "L"}${(left + (i + 1) * wide).toFixed(1)} ${y(v).toFixed(1)}`).join(""), class: "sum-line" }),
      s("circle", { cx: left + all.length * wide, cy: y(total), r: 4.5, class: "point selected" }), text(width - right, height - 6, `dimension 0 to ${all.length - 1}`, "axis end"));
    drawing.replaceChildren(figure);
    words.textContent = `Layer ${state.scored}, head ${state.head}. The query of ${spoken(asking)}, about to write ${spoken(run.steps[state.step].text)}, with the key of ${spoken(token)}: q · k = ${total.toFixed(1)}.`;
  }

  function update() {
    const of = scores();
    select.disabled = !of?.q;
    if (!of?.q) {
      drawing.replaceChildren();
      words.textContent = `Queries and keys were not recorded. Record with -record scores=LAYER:HEAD.`;
      return;
    }
    chosen = Math.min(chosen, of.keys.length - 1);
    select.replaceChildren(...of.keys.map(({ row }, i) => {
      const { before, token, after } = context(run, row);
      return element("option", { value: i, textContent: `${before}${/^\s/.test(token) ? " " : ""}[${shown(token.trim() || token)}]${after}${i === of.keys.length - 1 ? "  (a middling one)" : ""}` });
    }));
    select.value = String(chosen);
    draw();
  }
  update();
  return {
    update,
    csv() {
      const of = scores();
      return csv([["dimension", "query", "key", "product"], ...products(of).map((v, i) => [i, of.q[i], of.keys[chosen].k[i], v])]);
    },
  };
}
