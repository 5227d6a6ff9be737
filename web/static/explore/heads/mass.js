// Where dense attention's mass lies, and what of it the layers read.
import { described as d } from "../described.js";
import { percent } from "../numbers.js";

export const REGIONS = ["sink", "selected", "local", "left-out"];
const NAMES = { sink: "first tokens", selected: "selected", local: "local window", "left-out": "not attended to" };

/** Bars of shares by region, one under the other. @param {[string, number[]][]} bars a label and the four shares */
export function bars(bars, { width, chosen = -1, of }) {
  const left = 30, right = 44, high = Math.max(14, Math.min(20, 320 / bars.length)), wide = Math.max(60, width - left - right);
  const drawing = d("svg", { viewBox: `0 0 ${width} ${bars.length * high + 2}`, width, height: bars.length * high + 2, role: "img", class: "mass", "aria-label": `Shares of dense attention's mass by ${of}: ${bars.map(([label, shares]) => `${label}: ${percent(1 - shares[3])} attended to`).join(", ")}` });
  bars.forEach(([label, shares], i) => {
    const y = i * high + 1, group = d("g", { class: i === chosen ? "bar chosen" : "bar" },
      d("title", {}, `${of} ${label}: ${shares.map((share, r) => `${NAMES[REGIONS[r]]} ${percent(share)}`).join(", ")}`),
      d("text", { x: left - 8, y: y + high / 2 + 4, class: "axis end" }, label));
    let x = left;
    shares.forEach((share, r) => {
      group.children.push(d("rect", { x: x.toFixed(2), y, width: (share * wide).toFixed(2), height: high - 2, class: REGIONS[r] }));
      x += share * wide;
    });
    group.children.push(d("text", { x: left + wide + 6, y: y + high / 2 + 4, class: "number" }, percent(1 - shares[3])));
    drawing.children.push(group);
  });
  return drawing;
}

/**
 * Recall of each layer: at this step a bar, and as ticks the mean of all steps
 * and what it is at distances cut to the local window.
 * @param {{now: number | null, steps: number | null, near: number | null}[]} layers
 */
export function recallByLayer(layers, width) {
  const left = 30, top = 8, bottom = 20, tall = 110, wide = Math.max(60, width - left - 8), each = wide / layers.length;
  const y = (v) => top + (1 - v) * tall;
  const words = layers.map(({ now }, i) => `${i}: ${now === null ? "not recorded" : percent(now)}`).join(", ");
  const drawing = d("svg", { viewBox: `0 0 ${width} ${top + tall + bottom}`, width, height: top + tall + bottom, role: "img", class: "recall-by-layer", "aria-label": `Recall by layer: ${words}` });
  for (const v of [0, 0.5, 1]) {
    drawing.children.push(d("line", { x1: left, x2: left + wide, y1: y(v), y2: y(v), class: "rule" }), d("text", { x: left - 6, y: y(v) + 4, class: "axis end" }, String(100 * v)));
  }
  layers.forEach(({ now, steps, near }, i) => {
    const x = left + i * each, pad = Math.min(8, each / 5);
    const group = d("g", {}, d("title", {}, `layer ${i}: ${now === null ? "not recorded" : `recall ${percent(now)}`}${steps === null ? "" : `, mean of all steps ${percent(steps)}`}${near === null ? "" : `, at distances cut to the local window ${percent(near)}`}`));
    if (now !== null) group.children.push(d("rect", { x: x + pad, y: y(now), width: each - 2 * pad, height: y(0) - y(now), class: "recall solid" }));
    if (steps !== null) group.children.push(d("line", { x1: x + pad - 2, x2: x + each - pad + 2, y1: y(steps), y2: y(steps), class: "tick" }));
    if (near !== null) group.children.push(d("circle", { cx: x + each / 2, cy: y(near), r: 3.5, class: "near" }));
    if (i % Math.ceil(20 / each) === 0) group.children.push(d("text", { x: x + each / 2, y: top + tall + 15, class: "axis middle" }, String(i)));
    drawing.children.push(group);
  });
  return drawing;
}
