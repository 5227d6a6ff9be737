// A figure's frame: its title, what it shows, the drawing, and what one can take
// from it: the drawing as SVG, its numbers as CSV, a link to it alone.
import { eachFrame, element } from "../app/dom.js";
import { download } from "../explore/export.js";
import { standalone } from "../explore/svg.js";
import { written } from "./drawing.js";

/** Words of the answer and heads to choose from, for figures that use them. */
function controls(module, run, state) {
  const uses = module.uses ?? [], made = [];
  const add = (label, options, name) => {
    const select = element("select", { ariaLabel: label }, ...options.map((words, i) => element("option", { value: i, textContent: words })));
    select.addEventListener("change", () => state.set({ [name]: Number(select.value) }));
    made.push({ select, name, label: element("label", { className: "field" }, `${label} `, select) });
  };
  if (uses.includes("step")) add("To write", run.steps.map((step) => written(step.text)), "step");
  const layer = run.steps[0]?.layers[state.scored];
  if (uses.includes("head") && layer?.scores) add("Head", Array.from({ length: run.model.heads }, (_, h) => String(h)), "head");
  if (uses.includes("layer")) add("Layer", run.steps[0]?.layers.map((_, l) => String(l)) ?? [], "layer");
  const sync = () => made.forEach(({ select, name }) => { select.value = String(state[name]); });
  sync();
  return { bar: made.length > 0 ? element("div", { className: "controls" }, ...made.map((one) => one.label)) : "", sync };
}

/**
 * Puts a figure into its place.
 * @param {HTMLElement} place
 * @param {string} name of the module, for files and addresses
 * @param {{title: string, about: string, view: Function, uses?: string[]}} module
 * @param {{alone: (name: string) => string}} links where the figure is alone
 * @returns {{destroy(): void}}
 */
export function frame(place, name, module, run, state, links) {
  const body = element("div", { className: "drawing" }), saved = element("div", { className: "actions" });
  const { bar, sync } = controls(module, run, state);
  place.replaceChildren(element("h3", { textContent: module.title }), element("p", { className: "hint" }, module.about), bar, body, saved);
  const made = module.view(body, run, state);
  const button = (words, label, act) => {
    const b = element("button", { type: "button", className: "link", textContent: words, ariaLabel: `${label}: ${module.title}` });
    b.addEventListener("click", act);
    saved.append(b);
  };
  if (body.querySelector("svg")) {
    button("SVG", "Save the drawing as SVG", () => download(`${name}.svg`, standalone([...body.querySelectorAll("svg")].map((drawing, i) => [i === 0 ? module.title : "", drawing])), "image/svg+xml"));
  }
  button("CSV", "Save the numbers as CSV", () => download(`${name}.csv`, made.csv(), "text/csv"));
  const link = element("a", { textContent: "Alone", ariaLabel: `This figure alone: ${module.title}`, href: links.alone(name) });
  if (links.alone(name)) saved.append(link);
  const refresh = eachFrame(() => {
    sync();
    link.href = links.alone(name);
    made.update();
  });
  const off = module.uses ? state.subscribe(refresh) : () => {};
  let wide = body.clientWidth;
  const size = new ResizeObserver(() => {
    if (Math.abs(body.clientWidth - wide) < 2) return;
    wide = body.clientWidth;
    refresh();
  });
  size.observe(body);
  return {
    destroy() {
      off();
      size.disconnect();
      made.destroy?.();
    },
  };
}
