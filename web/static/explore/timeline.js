// The timeline: the tokens of the answer, how long each took and with which
// kernels, how sure the model was, and where selections came from the cache.
import { element } from "../app/dom.js";
import { count } from "../app/format.js";
import { csv } from "./csv.js";
import { known, milliseconds, oneLine, probability, quoted } from "./numbers.js";
import { redraws } from "./redraw.js";
import { s, standalone } from "./svg.js";

const WIDTH = 34, HIGH = 110, WORDS = 74, HITS = 22;
const KERNELS = 6; // kinds of kernels that have a pattern of their own; the rest is one

/** The kinds of kernels of a run, those that took longest first, with all their time. */
function kinds(run) {
  const sums = new Map();
  for (const step of run.steps) for (const { name, ms } of step.kernels ?? []) sums.set(name, (sums.get(name) ?? 0) + ms);
  return [...sums].sort((a, b) => b[1] - a[1]);
}

export function view(node, run, state) {
  const scroller = element("div", { className: "drawing scroller" }), said = element("p", { className: "hint" });
  const key = element("ul", { className: "key timeline-key" }), figures = element("p", { className: "timeline-figures" });
  const body = element("div", { className: "timeline-view" }, figures, scroller, key, said);
  node.replaceChildren(body);

  function facts() {
    const hits = run.steps.flatMap((step) => step.layers).filter((l) => l.hit).length, all = run.steps.reduce((n, step) => n + step.layers.length, 0);
    const timed = run.steps.filter((step) => known(step.ms)).map((step) => step.ms).sort((a, b) => a - b);
    const first = run.steps.length > 0 ? run.steps[0].at : null;
    return [
      `${count(run.steps.length)} steps`, timed.length > 0 ? `${milliseconds(timed[Math.floor(timed.length / 2)])} a token, recording included` : "",
      known(first) ? `the first after ${milliseconds(first)}` : "",
      all > 0 ? (hits > 0 ? `${count(hits)} of ${count(all)} selections from the Selection Cache` : "no selection from the Selection Cache") : "",
    ].filter(Boolean).join(", ");
  }

  function describe(step, i) {
    const hits = step.layers.filter((l) => l.hit).length;
    const kernels = (step.kernels ?? []).slice().sort((a, b) => b.ms - a.ms).slice(0, 4).map(({ name, ms }) => `${name} ${milliseconds(ms)}`).join(", ");
    return `step ${i + 1}, ${quoted(step.text || "the end")}: ${milliseconds(step.ms)}${kernels ? ` (${kernels})` : ""}${known(step.p) ? `, probability ${probability(step.p)}` : ""}${hits > 0 ? `, ${hits} of ${step.layers.length} selections reused` : ""}`;
  }

  function drawing() {
    const { steps } = run, longest = Math.max(1e-9, ...steps.map((step) => Math.max(step.ms ?? 0, (step.kernels ?? []).reduce((sum, k) => sum + k.ms, 0))));
    const named = kinds(run).slice(0, KERNELS).map(([name]) => name), hit = steps.some((step) => step.layers.some((l) => l.hit));
    const made = s("svg", { viewBox: `0 0 ${steps.length * WIDTH} ${HIGH + WORDS + (hit ? HITS : 0)}`, width: steps.length * WIDTH, height: HIGH + WORDS + (hit ? HITS : 0), role: "group" });
    const scale = (ms) => (ms / longest) * (HIGH - 8);
    steps.forEach((step, i) => {
      const x = i * WIDTH;
      const column = s("g", { class: "step", "data-step": i, tabindex: -1, role: "button", "aria-pressed": false, "aria-label": describe(step, i) },
        s("rect", { class: "reach", x, y: 0, width: WIDTH, height: HIGH + WORDS + (hit ? HITS : 0) }));
      if (known(step.ms)) column.append(s("rect", { class: "ground", x: x + 7, y: HIGH - scale(step.ms), width: WIDTH - 14, height: scale(step.ms) }));
      let y = HIGH;
      const parts = named.map((name) => (step.kernels ?? []).filter((k) => k.name === name).reduce((sum, k) => sum + k.ms, 0));
      const rest = (step.kernels ?? []).reduce((sum, k) => sum + k.ms, 0) - parts.reduce((sum, ms) => sum + ms, 0);
      [...parts, rest].forEach((ms, n) => {
        if (!(ms > 0)) return;
        y -= scale(ms);
        column.append(s("rect", { class: `kernel kernel-${n < parts.length ? n : "rest"}`, x: x + 7, y, width: WIDTH - 14, height: Math.max(0.5, scale(ms)) }));
      });
      if (known(step.p)) column.append(s("circle", { class: "near", cx: x + WIDTH / 2, cy: HIGH - 4 - step.p * (HIGH - 12), r: 3.5 }));
      if (hit) {
        const hits = step.layers.filter((l) => l.hit).length;
        column.append(s("rect", { class: "ground", x: x + 7, y: HIGH + 5, width: WIDTH - 14, height: HITS - 10 }), s("rect", { class: "recall", x: x + 7, y: HIGH + 5, width: (WIDTH - 14) * (hits / step.layers.length), height: HITS - 10 }));
      }
      const words = HIGH + (hit ? HITS : 0) + 8;
      column.append(s("text", { class: "token", transform: `translate(${x + WIDTH / 2 + 4} ${words}) rotate(90)` }, oneLine(step.text.trim() || step.text || "end", 9)));
      made.append(column);
    });
    return { made, named, hit };
  }

  /** What is drawn as chosen, or no longer. */
  function choose(column, yes) {
    column.setAttribute("class", yes ? "step chosen" : "step");
    column.setAttribute("tabindex", yes ? 0 : -1);
    column.setAttribute("aria-pressed", yes);
    column.firstElementChild.setAttribute("class", yes ? "column" : "reach");
    column.lastElementChild.setAttribute("class", yes ? "token chosen" : "token");
  }

  let built = { of: "", made: null }, chosen = null, unrecorded = "";

  /** Draws the tokens that there are; the same from step to step. */
  function build() {
    const of = JSON.stringify([run.steps.length, run.steps.at(-1).text]);
    if (built.of === of) return;
    const { made, named, hit } = drawing(), before = left;
    built = { of, made };
    chosen = null;
    figures.textContent = `${facts()}.`;
    scroller.replaceChildren(made);
    scroller.scrollLeft = before;
    key.replaceChildren(
      element("li", { className: "ground", textContent: "time from token to token" }),
      ...named.map((name, i) => element("li", { className: `kernel-${i}`, textContent: name })), ...(named.length === KERNELS ? [element("li", { className: "kernel-rest", textContent: "other kernels" })] : []),
      ...(run.steps.some((step) => known(step.p)) ? [element("li", { className: "near", textContent: "probability of the token" })] : []),
      ...(hit ? [element("li", { className: "recall", textContent: "layers that reused a selection" })] : []));
    unrecorded = named.length > 0 ? "" : run.record?.timings ? ` ${run.model.adapter ? `On ${run.model.adapter}` : "On this device"} nothing tells what a kernel takes.` : " Times of kernels were not recorded (-record timings).";
  }

  function update() {
    if (run.steps.length === 0) {
      figures.textContent = "No step of the answer yet.";
      return;
    }
    const focused = scroller.contains(document.activeElement), x = state.step * WIDTH;
    build();
    const column = built.made.children[state.step];
    if (column !== chosen) {
      if (chosen) choose(chosen, false);
      choose(chosen = column, true);
      if (x < left || x + WIDTH > left + inside()) scroller.scrollLeft = x - inside() / 2;
      if (focused) column.focus({ preventScroll: true });
    }
    said.textContent = `${describe(run.steps[state.step], state.step)}.${unrecorded}`;
  }

  const at = (event) => event.target.closest?.("[data-step]");
  scroller.addEventListener("click", (event) => {
    if (at(event)) state.set({ step: Number(at(event).dataset.step) });
  });
  scroller.addEventListener("keydown", (event) => {
    const goals = { ArrowLeft: state.step - 1, ArrowRight: state.step + 1, Home: 0, End: run.steps.length - 1 };
    if (!(event.key in goals) || !at(event)) return;
    event.preventDefault();
    event.stopPropagation();
    state.set({ step: Math.max(0, Math.min(run.steps.length - 1, goals[event.key])) });
  });
  const { redraw, now, stop, perWidth } = redraws(body, state, [{ draw: update }]);
  const inside = perWidth(() => scroller.clientWidth);
  let left = 0; // how far it is scrolled: to ask for it lays the page out
  scroller.addEventListener("scroll", () => { left = scroller.scrollLeft; });

  return {
    update: redraw,
    svg() {
      now();
      return standalone([["Tokens of the answer", scroller.querySelector("svg")]]);
    },
    csv() {
      const named = kinds(run).map(([name]) => name);
      return csv([["step", "token", "ms", "probability", "selections_reused", "layers", ...named.map((name) => `${name}_ms`)],
        ...run.steps.map((step, i) => [i, step.text, step.ms?.toFixed(3), step.p, step.layers.filter((l) => l.hit).length, step.layers.length,
          ...named.map((name) => { const of = (step.kernels ?? []).filter((k) => k.name === name); return of.length > 0 ? of.reduce((sum, k) => sum + k.ms, 0).toFixed(4) : null; })])]);
    },
    destroy() {
      stop();
      node.replaceChildren();
    },
  };
}
