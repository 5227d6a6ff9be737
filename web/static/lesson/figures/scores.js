// The scores of one head over the whole document.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { s } from "../../explore/svg.js";
import { linear, rules, sheet, spoken, text, ticks, under } from "../drawing.js";
import { context, marked, raw } from "../measures.js";

export const title = "One head's scores over the document";
export const about = "From the least to the greatest score under each point of the line; the marked sentence has dots of its own. Move over the drawing, or along it with the arrow keys, to read the words.";
export const uses = ["step", "head"];

export function view(node, run, state) {
  const words = element("p", { className: "hint", ariaLive: "polite" });
  let at = null, geometry = null;
  const own = () => (run.steps[state.step]?.layers[state.scored].scores ? raw(run, run.steps[state.step], state.scored).find((one) => one.head === state.head) ?? null : null);

  function describe() {
    if (!geometry) return;
    const { values, lo } = geometry.own;
    let best = at?.from ?? 0;
    const to = at ? at.to : values.length;
    for (let i = best; i < to; i++) if (values[i] > values[best]) best = i;
    const { before, token, after } = context(run, lo + best, 5);
    words.replaceChildren(`${at ? "The greatest here" : "The greatest of all"}: token ${count(lo + best)}, score ${values[best].toFixed(1)}: …${before}`, element("mark", { textContent: token }), `${after}…`);
    geometry.cursor.setAttribute("x1", geometry.x(lo + best));
    geometry.cursor.setAttribute("x2", geometry.x(lo + best));
  }

  function look(x) {
    const { own: { values, lo }, wide, left } = geometry, share = (x - left) / wide, half = Math.ceil(values.length / wide) * 3;
    const middle = Math.round(share * (values.length - 1));
    at = { from: Math.max(0, Math.min(values.length - 1, middle - half)), to: Math.max(1, Math.min(values.length, middle + half + 1)), x };
    describe();
  }

  function update() {
    const of = own();
    if (!of) {
      node.replaceChildren("Scores of this head were not recorded. Record with -record scores=LAYER:HEAD.");
      geometry = null;
      return;
    }
    const width = Math.max(280, node.clientWidth || 640), left = 44, right = 12, top = 14, height = 250, bottom = height - 40, wide = width - left - right;
    const { values, lo } = of, rows = marked(run);
    let least = Infinity, most = -Infinity;
    for (const v of values) { least = Math.min(least, v); most = Math.max(most, v); }
    const x = linear(lo, lo + values.length - 1, left, left + wide), y = linear(least, most, bottom, top);
    const columns = Math.min(Math.floor(wide), values.length), up = [], down = [];
    for (let c = 0; c < columns; c++) {
      const from = Math.floor((c * values.length) / columns), to = Math.max(from + 1, Math.floor(((c + 1) * values.length) / columns));
      let a = Infinity, b = -Infinity;
      for (let i = from; i < to; i++) { a = Math.min(a, values[i]); b = Math.max(b, values[i]); }
      const px = (left + ((c + 0.5) * wide) / columns).toFixed(1);
      up.push(`${px} ${y(b).toFixed(1)}`);
      down.push(`${px} ${y(a).toFixed(1)}`);
    }
    const drawing = sheet(width, height, `Scores of layer ${state.scored}, head ${state.head}, from ${least.toFixed(0)} to ${most.toFixed(0)} over ${count(values.length)} tokens`);
    drawing.setAttribute("tabindex", "0");
    rules(drawing, y, ticks(least, most, 5), left, width - right);
    under(drawing, x, ticks(lo, lo + values.length - 1, width < 500 ? 4 : 6), bottom, count);
    drawing.append(text(left + wide / 2, height - 4, "position of the token in the text", "axis middle"), s("path", { d: `M${up.join("L")}L${down.reverse().join("L")}Z`, class: "band" }));
    const cursor = s("line", { y1: top, y2: bottom, class: "cursor" });
    drawing.append(cursor);
    for (const row of rows) {
      const v = values[row - lo];
      if (v !== undefined) drawing.append(s("circle", { cx: x(row), cy: y(v), r: 4.5, class: "point needle" }, s("title", {}, `${spoken(run.textOf(row))}: ${v.toFixed(1)}`)));
    }
    drawing.addEventListener("pointermove", (event) => look(((event.clientX - drawing.getBoundingClientRect().left) * width) / drawing.getBoundingClientRect().width));
    drawing.addEventListener("pointerleave", () => { at = null; describe(); });
    drawing.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -4, ArrowRight: 4 }[event.key];
      if (!by) return;
      event.preventDefault();
      look(Math.max(left, Math.min(left + wide, (at?.x ?? left + wide / 2) + by)));
    });
    geometry = { own: of, x, wide, left, cursor };
    at = null;
    node.replaceChildren(drawing, words);
    describe();
  }
  update();
  return {
    update,
    csv() {
      const { values, lo } = own();
      return csv([["row", "token", "score q·k"], ...Array.from(values, (v, i) => [lo + i, run.textOf(lo + i), v.toFixed(2)])]);
    },
  };
}
