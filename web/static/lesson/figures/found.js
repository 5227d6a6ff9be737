// In which layers and steps the marked passage was read.
import { element } from "../../app/dom.js";
import { csv } from "../../explore/csv.js";
import { presence } from "../../explore/needle/presence.js";
import { s } from "../../explore/svg.js";
import { sheet, spoken, text, written } from "../drawing.js";
import { marked } from "../measures.js";

export const title = "Where and when the sentence was read";
export const about = "For each word of the answer and each layer, how many tokens of the marked sentence were among those attended to. Choose a field to look at that word and layer.";
export const uses = ["step", "layer"];

export function view(node, run, state) {
  const words = element("p", { className: "hint" });
  function counts() {
    const rows = marked(run);
    return run.steps.map((step) => step.layers.map((layer) => presence(step, layer, rows).read));
  }
  function update() {
    const all = counts(), of = marked(run).length;
    if (of === 0) {
      node.replaceChildren("No passage is marked in this run. Record with -mark or -hide.");
      return;
    }
    const left = 60, top = 24, width = Math.max(280, node.clientWidth || 640), wide = Math.min(72, (width - left - 8) / all.length), line = 24, layers = run.model.layers;
    const drawing = sheet(width, top + layers * line + 4, `Tokens of the marked passage that were read, by layer and step`);
    drawing.setAttribute("role", "group");
    all.forEach((column, i) => {
      drawing.append(text(left + (i + 0.5) * wide, 15, wide < 38 ? String(i) : written(run.steps[i].text), "axis middle"));
      column.forEach((n, l) => {
        const chosen = i === state.step && l === state.layer, label = `for ${spoken(run.steps[i].text)}, layer ${l}: ${n} of ${of} tokens`;
        const cell = s("g", { class: "cell", tabindex: chosen ? 0 : -1, role: "button", "aria-pressed": chosen, "aria-label": label }, s("title", {}, label),
          s("rect", { x: left + i * wide + 1, y: top + l * line + 1, width: wide - 2, height: line - 2, class: "ground" }),
          s("rect", { x: left + i * wide + 1, y: top + l * line + 1, width: wide - 2, height: line - 2, class: "needle", "fill-opacity": n / of }),
          text(left + (i + 0.5) * wide, top + l * line + 16, String(n), n / of >= 0.45 ? "number middle on" : "number middle"));
        if (chosen) cell.append(s("rect", { x: left + i * wide + 1, y: top + l * line + 1, width: wide - 2, height: line - 2, class: "ring" }));
        cell.addEventListener("click", () => state.set({ step: i, layer: l }));
        cell.addEventListener("keydown", (event) => {
          const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
          if (dx || dy) {
            event.preventDefault();
            state.set({ step: Math.max(0, Math.min(all.length - 1, i + dx)), layer: Math.max(0, Math.min(layers - 1, l + dy)) });
          } else if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            state.set({ step: i, layer: l });
          }
        });
        drawing.append(cell);
      });
    });
    for (let l = 0; l < layers; l++) drawing.append(text(left - 8, top + l * line + 16, `layer ${l}`, "axis end"));
    const focused = node.contains(document.activeElement) && document.activeElement.closest(".cell");
    const whole = all.flat().filter((n) => n === of).length, some = all.flat().filter((n) => n > 0).length;
    words.textContent = `All ${of} tokens in ${whole} of ${all.flat().length} fields, some of them in ${some}.`;
    node.replaceChildren(drawing, words);
    if (focused) drawing.querySelector('[aria-pressed="true"]')?.focus();
  }
  update();
  return { update, csv: () => csv([["step", "token", ...Array.from({ length: run.model.layers }, (_, l) => `layer ${l}`)], ...counts().map((column, i) => [i, run.steps[i].text, ...column])]) };
}
