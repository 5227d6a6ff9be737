// The votes in order, down to the cut.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { s } from "../../explore/svg.js";
import { linear, rules, sheet, spoken, text, under } from "../drawing.js";
import { context, marked, order } from "../measures.js";

export const title = "Top-k, and where it cuts";
export const about = "The votes of the selected tokens, the largest first; each line across is a tenth of the one above. Dots are tokens of the marked sentence.";
export const uses = ["step", "layer"];

export function view(node, run, state) {
  const words = element("p", { className: "hint" });
  const layer = () => run.steps[state.step]?.layers[state.layer];
  function update() {
    const l = layer();
    if (!l?.votes) {
      node.replaceChildren(l?.hit ? "This layer took the selection of an earlier step from the Selection Cache: nobody voted." : "Votes were not recorded, or nothing was selected. Record with -record votes.");
      return;
    }
    const sorted = order(l.votes), n = sorted.length, width = Math.max(280, node.clientWidth || 640), left = 56, right = 16, top = 12, height = 240, bottom = height - 40;
    const most = l.votes[sorted[0]], least = l.cut?.[0] || l.votes[sorted[n - 1]];
    const hi = Math.ceil(Math.log10(most)), lo = Math.floor(Math.log10(Math.max(least, 1e-8))) - 0.3;
    const x = linear(0, n + Math.max(24, n / 12), left, width - right), y = linear(lo, hi, bottom, top), at = (v) => y(Math.log10(Math.max(v, 10 ** lo)));
    const drawing = sheet(width, height, `Votes of ${n} selected tokens of layer ${state.layer}, from ${most.toPrecision(2)} to ${least.toPrecision(2)}`);
    rules(drawing, y, Array.from({ length: hi - Math.ceil(lo) + 1 }, (_, i) => hi - i), left, width - right, (v) => String(Number((10 ** v).toPrecision(1))));
    under(drawing, x, [1, n], bottom, count);
    drawing.append(text((left + width - right) / 2, height - 6, "selected tokens, by vote", "axis middle"),
      s("path", { d: Array.from(sorted, (i, r) => `${r === 0 ? "M" : "L"}${x(r + 0.5).toFixed(1)} ${at(l.votes[i]).toFixed(1)}`).join(""), class: "mean-line" }),
      s("line", { x1: x(n), x2: x(n), y1: top, y2: bottom, class: "cursor" }), text(x(n) - 6, top + 12, "the cut", "axis end"));
    const needle = new Set(marked(run)), found = [];
    sorted.forEach((i, r) => {
      if (!needle.has(l.rows[i])) return;
      found.push(r + 1);
      drawing.append(s("circle", { cx: x(r + 0.5), cy: at(l.votes[i]), r: 4.5, class: "point needle" }, s("title", {}, `${spoken(run.textOf(l.rows[i]))}: place ${r + 1}, vote ${l.votes[i].toPrecision(2)}`)));
    });
    // Neighbours have the same vote by the pool: the word that it is of is among them.
    const first = sorted[0];
    let last = first;
    while (l.rows[last + 1] === l.rows[last] + 1 && l.votes[last + 1] === most) last++;
    const { before, token, after } = context(run, l.rows[first], 3, l.rows[last]);
    words.replaceChildren(`The most votes, ${most.toPrecision(2)}, go to …${before}`, element("mark", { textContent: token }), `${after}…${last > first ? ": one token, and its neighbours by the pool" : ""}. `,
      `Selected are ${count(n)} of ${count(l.candidates ?? n)} candidates. ${l.cut ? `The last one in has ${l.cut[0].toPrecision(3)}, the first one left out ${l.cut[1].toPrecision(3)}. ` : ""}`,
      needle.size > 0 ? `Of the marked sentence’s ${needle.size} tokens ${found.length} are in${found.length > 0 ? `, the best at place ${count(found[0])}` : ""}.` : "");
    node.replaceChildren(drawing, words);
  }
  update();
  return { update, csv: () => csv([["place", "row", "token", "vote"], ...Array.from(order(layer().votes), (i, r) => [r + 1, layer().rows[i], run.textOf(layer().rows[i]), layer().votes[i].toPrecision(3)])]) };
}
