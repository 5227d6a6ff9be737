// What an answer costs, by budget, and where the time of a token goes.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { draw } from "../../explore/budget/plot.js";
import { milliseconds, probability } from "../../explore/numbers.js";
import { s } from "../../explore/svg.js";
import { sheet } from "../drawing.js";
import { median } from "../measures.js";

export const title = "What it costs, and what it saves";
export const about = "Every point is the same question with another budget: to the right more tokens are read for a word, upwards the right answer is more probable. Choose a point to read its figures.";
const KINDS = { score: "scores", vote: "votes", select: "top-k", cache: "Selection Cache", attention: "attention", weights: "the model’s weights", other: "other" };

export function view(node, run) {
  let chosen = run.sweep.findIndex((row) => row.policy === run.selection.policy && row.k === run.selection.k);
  const plot = element("div"), words = element("p", { className: "hint", ariaLive: "polite" }), split = element("div"), key = element("ul", { className: "key kinds" }), note = element("p", { className: "hint" });
  node.replaceChildren(plot, words, split, key, note);

  function kinds() {
    const steps = run.steps.slice(1).filter((step) => step.kernels), names = [...new Set(steps.flatMap((step) => step.kernels.map((one) => one.name)))];
    return names.map((name) => ({ name, ms: median(steps.map((step) => step.kernels.find((one) => one.name === name)?.ms ?? 0)) })).sort((a, b) => Object.keys(KINDS).indexOf(a.name) - Object.keys(KINDS).indexOf(b.name));
  }

  function update() {
    const width = Math.max(280, node.clientWidth || 640);
    const known = run.sweep.filter((row) => row.p !== null);
    if (known.length === 0) plot.replaceChildren("Other budgets were not measured in this run. Record with -sweep.");
    else {
      const focused = plot.contains(document.activeElement);
      plot.replaceChildren(draw({
        width, axes: ["tokens attended to, mean of layers and steps", "probability of the right answer"],
        points: known.map((row) => {
          const i = run.sweep.indexOf(row), label = row.policy === "tokenselect" ? `k ${row.k}` : row.policy;
          return { x: row.rows, y: row.p, policy: row.policy, label, words: `${label}: ${count(row.rows)} tokens, probability ${probability(row.p)}`, chosen: i === chosen, choose: () => { chosen = i; update(); } };
        }),
      }));
      if (focused) plot.querySelector(".budget.chosen")?.focus();
      const row = run.sweep[chosen] ?? known[0], dense = run.sweep.find((one) => one.policy === "dense");
      words.textContent = `${row.policy === "tokenselect" ? `TokenSelect, k ${row.k}` : row.policy}: ${count(row.rows)} tokens read for a word${dense && dense !== row ? `, ${count(dense.rows / row.rows)} times fewer than dense` : ""}; ${milliseconds(row.ms)} a word on ${run.model.adapter || run.model.device}${dense && dense !== row ? `, dense ${milliseconds(dense.ms)}` : ""}.`;
    }
    const parts = kinds(), all = parts.reduce((t, one) => t + one.ms, 0);
    if (all === 0) {
      split.replaceChildren();
      key.replaceChildren();
      note.textContent = "The time of kernels was not recorded. Record with -record timings.";
      return;
    }
    const drawing = sheet(width, 30, `Time of a token by kind of kernel: ${parts.map((one) => `${KINDS[one.name] ?? one.name} ${one.ms.toFixed(2)} ms`).join(", ")}`);
    let at = 4;
    parts.forEach((one) => {
      const wide = ((width - 8) * one.ms) / all;
      drawing.append(s("rect", { x: at, y: 2, width: Math.max(0.5, wide), height: 26, class: `kind kind-${one.name}` }, s("title", {}, `${KINDS[one.name] ?? one.name}: ${one.ms.toFixed(2)} ms`)));
      at += wide;
    });
    split.replaceChildren(element("p", { className: "hint", textContent: `Of a word, ${all.toFixed(1)} ms are kernels (the middle of the steps), by kind:` }), drawing);
    key.replaceChildren(...parts.map((one) => element("li", { className: `kind-${one.name}`, textContent: `${KINDS[one.name] ?? one.name} ${one.ms < 0.05 ? "<0.1" : one.ms.toFixed(1)} ms` })));
    note.textContent = "";
  }
  update();
  return {
    update,
    csv: () => csv([["policy", "k", "n_local", "n_init", "tokens attended to", "probability of the right answer", "recall", "ms a token", "answer"], ...run.sweep.map((r) => [r.policy, r.k, r.n_local, r.n_init, r.rows, r.p, r.recall, r.ms, r.answer])]),
  };
}
