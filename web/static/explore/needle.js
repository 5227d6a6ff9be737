// The view of a marked passage, the needle: whether the layers read it, how
// clearly it was chosen, and how sure the model was of what it said meanwhile.
import { element } from "../app/dom.js";
import { count } from "../app/format.js";
import { csv } from "./csv.js";
import { answered, known, percent, probability, quoted } from "./numbers.js";
import { passageRows, presence } from "./needle/presence.js";
import { draw } from "./needle/raster.js";
import { redraws } from "./redraw.js";
import { standalone } from "./svg.js";

const budgetName = ({ policy, k }) => (policy === "tokenselect" ? `k ${count(k)}` : policy);

let made = 0; // views on the page, for names of radio buttons

export function view(node, run, state) {
  const name = `needle-shows-${++made}`;
  const passages = element("select", { className: "passages" }), field = element("label", { className: "field" }, "Passage ", passages);
  const choices = [["read", "tokens of it that are read"], ["margin", "margin of its best vote over the cut"]].map(([value, words]) => {
    const input = element("input", { type: "radio", name, value, checked: value === "read" });
    return { input, label: element("label", {}, input, ` ${words}`) };
  });
  const shows = () => choices.find(({ input }) => input.checked).input.value;
  const summary = element("p", { className: "needle-summary" });
  summary.setAttribute("aria-live", "polite");
  const scroller = element("div", { className: "drawing scroller", tabIndex: -1 }), note = element("p", { className: "hint" });
  const about = element("p", { className: "hint" });
  const key = element("ul", { className: "key" });
  const consequence = element("div", { className: "needle-sweep" });
  const body = element("div", { className: "needle-view" },
    element("div", { className: "controls" }, field, element("fieldset", {}, element("legend", { className: "off-screen" }, "The raster shows"), ...choices.map(({ label }) => label))),
    summary, element("figure", {}, element("h3", { textContent: "The passage by layer and step" }), about, scroller, key, note), consequence);
  node.replaceChildren(body);

  let rows = [], cells = [], looked = null; // the passage that rows and cells are of
  let drawn = { of: "" }, listed = null;

  /** The passages that can be followed: a selection of the reader first. */
  const offered = () => [...state.mark ? [{ ...state.mark, label: run.document.text.slice(state.mark.start, state.mark.end), own: true }] : [], ...run.marks ?? []];

  function listPassages() {
    const all = offered(), words = all.map((m) => `${m.own ? "selected text: " : ""}${quoted(m.label || run.document.text.slice(m.start, m.end), 80)}`);
    const before = passages.selectedIndex, same = words.length === passages.options.length && words.every((w, i) => w === passages.options[i].textContent);
    if (!same) passages.replaceChildren(...words.map((w, i) => element("option", { value: String(i), textContent: w })));
    if (same && before >= 0) passages.selectedIndex = before;
    field.hidden = all.length === 0;
    return all[passages.selectedIndex] ?? null;
  }

  /** What was found out stays, as steps do not change once they are there. */
  function look(mark) {
    const same = looked && mark && looked.start === mark.start && looked.end === mark.end;
    if (!same) {
      rows = mark ? passageRows(run, mark) : [];
      cells = [];
      looked = mark;
    }
    for (let i = cells.length; i < run.steps.length; i++) cells.push(run.steps[i].layers.map((layer) => presence(run.steps[i], layer, rows)));
  }

  function describe(i, l) {
    const { read, selected, margin, best } = cells[i][l], layer = run.steps[i].layers[l];
    const where = `step ${i + 1} “${run.steps[i].text}”, layer ${l}: ${read} of ${rows.length} tokens read`;
    if (!layer.rows) return `${where}, as all are`;
    if (read === 0) return `${where}${layer.cut ? `; their votes are at most ${layer.cut[1].toPrecision(2)}` : ""}`;
    if (selected === 0) return `${where}, all of them among the first or the local ones`;
    if (margin === null) return `${where}${layer.hit ? ", by a selection of an earlier step" : ", votes were not recorded"}`;
    return `${where}; the best vote, ${best.toPrecision(2)}, is 2^${margin.toFixed(1)} times the greatest that was left out`;
  }

  function summarise(at) {
    const step = run.steps[at], now = cells[at], reading = now.filter((c) => c.read > 0).length, whole = now.filter((c) => c.read === rows.length).length;
    let best = -1;
    now.forEach((c, l) => { if (c.margin !== null && (best < 0 || c.margin > now[best].margin)) best = l; });
    const p = known(step.p) ? ` The model gave it probability ${probability(step.p)}.` : "";
    const margin = best < 0 ? "" : ` It won most clearly in layer ${best}: its best vote was ${count(2 ** now[best].margin)} times the greatest that was left out (2^${now[best].margin.toFixed(1)}).`;
    const lost = cells.map((c, i) => (c.some((x) => x.read > 0) ? -1 : i)).filter((i) => i >= 0);
    const without = lost.length === 0 ? ` At every step so far some layer read a part of it.` : ` At ${lost.length} of ${cells.length} steps no layer read any of it: ${lost.slice(0, 8).map((i) => quoted(run.steps[i].text)).join(", ")}${lost.length > 8 ? "…" : ""}.`;
    summary.textContent = `Step ${at + 1}, ${step.text === "" ? "the end of the answer" : quoted(step.text)}: ${reading} of ${now.length} layers read some of the passage’s ${rows.length} tokens, ${whole === 0 ? "none" : whole} all of them.${margin}${p}${without}`;
  }

  /** Steps do not change once they are there, so that most of the time only the marks move. */
  function drawRaster(at) {
    const focused = scroller.contains(document.activeElement), seen = inside();
    const of = JSON.stringify([shows(), looked.start, looked.end, cells.length, run.steps[cells.length - 1].text, seen]);
    if (of !== drawn.of) {
      const layers = Math.max(...run.steps.map((s) => s.layers.length));
      drawn = { of, ...draw({
        cells, size: rows.length, shows: shows(), layers, width: seen, steps: run.steps.map(({ text, p }) => ({ text, p: p ?? null })),
        describe, choose: (step, layer) => state.set(layer === null ? { step } : { step, layer }),
      }) };
      scroller.replaceChildren(drawn.node);
      explain();
    }
    const { cell, from, to } = drawn.mark(at, state.layer === "all" ? null : state.layer);
    if (from < left || to > left + seen) scroller.scrollLeft = from - seen / 2;
    if (focused) cell.focus({ preventScroll: true });
  }

  function explain() {
    const shown = shows();
    about.textContent = shown === "read"
      ? `How much of a cell is filled: the share of the passage’s ${rows.length} tokens that the layer read; the number says how many.`
      : "The best vote of the passage’s selected tokens against the greatest vote that was left out, in octaves: at 0 it was chosen only just, at 10 its vote is a thousand times as large.";
    key.replaceChildren(...[["needle", "selected"], ...(shown === "read" ? [["local", "always read: first or local tokens"]] : []), ["bar-in", "token said while the passage was read"], ["bar-out", "while it was not"]]
      .map(([className, textContent]) => element("li", { className, textContent })));
    const votes = run.steps.some((s) => s.layers.some((l) => l.votes));
    note.textContent = shown === "margin" && !votes ? "Votes were not recorded. Record again with -record votes." : !run.steps.some((s) => known(s.p)) ? "Probabilities were not recorded." : "";
  }

  /** The budgets of the sweep, those that lost the passage first. */
  function drawSweep(mark) {
    if (listed === mark) return;
    listed = mark;
    const sweep = run.sweep ?? [], first = run.marks?.[0];
    if (sweep.length === 0) {
      consequence.replaceChildren(element("h3", { textContent: "When it is not read" }),
        element("p", { className: "hint" }, run.live ? "Ask again with a smaller budget, or with the window alone, in the view of budgets: the answers stand beside each other there." : "This recording has one budget only. Record it with -sweep k=64,128,256 for others beside it."));
      return;
    }
    const sorted = [...sweep].sort((a, b) => (a.in ?? 1) - (b.in ?? 1) || (a.p ?? 0) - (b.p ?? 0));
    const table = element("table", {},
      element("thead", {}, element("tr", {}, ...["Budget", "All of it read", "p of the answer", "Answer"].map((t) => element("th", { scope: "col", textContent: t })))),
      element("tbody", {}, ...sorted.map((b) => {
        const here = b.policy === run.selection?.policy && b.k === run.selection?.k;
        return element("tr", { className: `${here ? "here " : ""}${b.in === 0 ? "out" : ""}` },
          element("th", { scope: "row" }, budgetName(b), here ? element("small", {}, element("br"), "this run") : ""),
          element("td", {}, b.in === 0 ? "never" : percent(b.in)), element("td", {}, probability(b.p)), element("td", {}, answered(b.answer, 240)));
      })));
    const of = first ? quoted(first.label || run.document.text.slice(first.start, first.end), 60) : "";
    const other = first && mark && (first.start !== mark.start || first.end !== mark.end);
    consequence.replaceChildren(element("h3", { textContent: "When it is not read" }),
      element("p", { className: "hint" }, first
        ? `The recorded budgets. “All of it read”: the share of steps and layers that read every token of ${other ? `the recorded passage, ${of}` : "the passage"}. p: the probability of ${run.expected ? `the right answer, ${quoted(run.expected)}` : "the run’s own answer"}, per token.`
        : "The recorded budgets. No passage was marked when they were recorded."),
      element("div", { className: "scroller", tabIndex: 0, role: "region", ariaLabel: "Budgets" }, table));
  }

  function update() {
    const mark = listPassages();
    const none = !mark || run.steps.length === 0;
    summary.hidden = none;
    consequence.hidden = !mark;
    let empty = body.querySelector(".nothing");
    if (none) {
      empty ??= body.insertBefore(element("p", { className: "nothing hint" }), consequence);
      empty.textContent = !mark ? "No passage is marked. Select some text of the document to follow it through the layers." : "No step of the answer yet.";
    } else {
      empty?.remove();
    }
    if (mark) {
      look(mark);
      drawSweep(mark);
    }
    body.querySelector("figure").hidden = none || rows.length === 0;
    if (none) return;
    if (rows.length === 0) {
      summary.textContent = "The marked passage has no tokens of its own.";
      return;
    }
    const at = Math.min(Math.max(0, state.step), run.steps.length - 1);
    summarise(at);
    drawRaster(at);
  }

  const { redraw, later, now, stop, perWidth } = redraws(body, state, [{ draw: update }]);
  const inside = perWidth(() => Math.max(240, scroller.clientWidth || 480));
  let left = 0; // how far the raster is scrolled: to ask for it lays the page out
  scroller.addEventListener("scroll", () => { left = scroller.scrollLeft; });
  passages.addEventListener("change", later);
  for (const { input } of choices) input.addEventListener("change", later);

  return {
    update: redraw,
    svg() {
      now();
      return drawn.together ? drawn.together((drawing) => standalone([[`${quoted(run.document.text.slice(looked.start, looked.end))}: ${choices.find(({ input }) => input.checked).label.textContent.trim()}`, drawing]])) : standalone([]);
    },
    /** A row for each step and layer. */
    csv() {
      now();
      const lines = cells.flatMap((layers, i) => layers.map((c, l) => [
        i, run.steps[i].text, run.steps[i].p ?? "", l, rows.length, c.read, c.selected, c.best?.toPrecision(4) ?? "", run.steps[i].layers[l].cut?.[1] ?? "", c.margin?.toFixed(2) ?? "",
      ]));
      return csv([["step", "token", "p", "layer", "passage_tokens", "read", "selected", "best_vote", "greatest_vote_left_out", "margin_log2"], ...lines]);
    },
    destroy() {
      stop();
      node.replaceChildren();
    },
  };
}
