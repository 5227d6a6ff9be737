// The view of budgets: what reading fewer or more tokens costs and gives. On a
// live run another budget asks the question again; a recording has the budgets
// that were recorded with it, and nothing between them.
import { largestK } from "../app/budget.js";
import { element } from "../app/dom.js";
import { count } from "../app/format.js";
import { atStep, keyOf, measured, nearest, reference } from "./budget/measure.js";
import { mean } from "./heads/measures.js";
import { draw } from "./budget/plot.js";
import { csv } from "./csv.js";
import { answered, known, milliseconds, percent, probability, quoted } from "./numbers.js";
import { redraws } from "./redraw.js";
import { standalone } from "./svg.js";

const STEP = 16;
const NAMES = { tokenselect: "TokenSelect", dense: "dense", window: "window" };
const nameOf = ({ policy, k }) => (policy === "dense" ? "dense" : policy === "tokenselect" ? `k ${count(k)}` : `${policy} ${count(k)}`);
const QUALITIES = { p: "probability of the answer", recall: "recall of dense attention" };
const COSTS = { rows: "tokens read at a step", ms: "milliseconds per token" };

function choice(label, options) {
  const select = element("select", {}, ...Object.entries(options).map(([value, textContent]) => element("option", { value, textContent })));
  return { select, field: element("label", { className: "field" }, `${label} `, select) };
}

export function view(node, run, state) {
  const live = run.live ?? null;
  const policy = choice("Policy", {}), quality = choice("Quality", QUALITIES), cost = choice("Cost", COSTS);
  const k = element("input", { type: "range", step: live ? STEP : 1 }), value = element("output");
  const kField = element("label", { className: "field k-field" }, "k ", k, value);
  const again = element("button", { type: "button", textContent: "Ask again" }), stop = element("button", { type: "button", className: "quiet", textContent: "Stop", hidden: true });
  const status = element("p", { className: "hint budget-status", role: "status" });
  const beside = element("div", { className: "scroller", tabIndex: 0, role: "region", ariaLabel: "The budget beside dense attention and the window" });
  const drawing = element("div", { className: "drawing" }), about = element("p", { className: "hint" });
  const all = element("div", { className: "scroller", tabIndex: 0, role: "region", ariaLabel: "All budgets" });
  const key = element("ul", { className: "key" }, ...[["selected", "TokenSelect, labelled with k"], ["dense", "dense: every token"], ["local", "window: first and last tokens"]].map(([className, textContent]) => element("li", { className, textContent })));
  const body = element("div", { className: "budget-view" },
    element("div", { className: "controls" }, policy.field, kField, ...(live ? [again, stop] : [])), status, beside,
    element("figure", {}, element("h3", { textContent: "What it costs, what it gives" }), element("div", { className: "controls" }, quality.field, cost.field), drawing, key, about),
    element("details", {}, element("summary", { textContent: "All budgets" }), all));
  node.replaceChildren(body);

  /** Budgets beside each other, by keyOf. */
  const budgets = new Map();
  let wanted = { policy: run.selection?.policy ?? "tokenselect", k: run.selection?.k ?? 512 };
  let queue = [], running = null, failed = "", drawn = "";

  const ref = () => reference(run);

  /** The budgets that were recorded, and the run's own, which grows while its answer comes. */
  function gather() {
    if (!run.selection || run.steps.length === 0) return;
    const own = keyOf(run.selection);
    for (const b of run.sweep ?? []) if (!budgets.has(keyOf(b))) budgets.set(keyOf(b), keyOf(b) === own ? { ...b, run } : b);
    const had = budgets.get(own);
    if (!had || (had.seen ?? run.steps.length) !== run.steps.length) budgets.set(own, { ...measured(run, ref(), had?.ms ?? null), seen: run.steps.length });
  }

  function controls() {
    const policies = live ? ["tokenselect", "dense", "window"].filter((p) => live.info.policies.length === 0 || live.info.policies.includes(p)) : [...new Set([...budgets.values()].map((b) => b.policy))];
    if (policies.length !== policy.select.options.length) {
      policy.select.replaceChildren(...policies.map((p) => element("option", { value: p, textContent: NAMES[p] ?? p })));
    }
    policy.select.value = wanted.policy;
    const ks = [...budgets.values()].filter((b) => b.policy === wanted.policy).map((b) => b.k);
    const [least, most] = live ? [STEP, Math.max(wanted.k, largestK(live.info))] : ks.length > 0 ? [Math.min(...ks), Math.max(...ks)] : [wanted.k, wanted.k];
    Object.assign(k, { min: least, max: most });
    k.value = wanted.k;
    k.disabled = wanted.policy === "dense" || least === most;
    value.textContent = wanted.policy === "dense" ? "–" : count(wanted.k);
  }

  /** What is shown for what is wanted: on a recording the nearest that there is. */
  const shown = () => (live ? budgets.get(keyOf(wanted)) ?? null : nearest(budgets.values(), wanted.policy, wanted.k));

  function tell(at) {
    if (failed) status.textContent = failed;
    else if (running) status.textContent = `Asking with ${nameOf(running.selection)}: ${running.phase}…${queue.length > 0 ? ` Then ${queue.map(nameOf).join(", ")}.` : ""}`;
    else if (live) status.textContent = at ? `Asked with ${nameOf(at)}. The document stays read as it was with ${nameOf(run.selection)}; the question and the answer use the budget.` : `Not asked with ${nameOf(wanted)} yet.`;
    else if (budgets.size <= 1) status.textContent = "This recording has one budget only. Record it with -sweep k=64,128,256 for others beside it.";
    else if (!at) status.textContent = "";
    else status.textContent = at.policy === "dense" || at.k === wanted.k ? `Recorded: ${nameOf(at)}.` : `k ${count(wanted.k)} was not recorded: this is the nearest that was, ${nameOf(at)}. Nothing is interpolated.`;
    again.hidden = running !== null || (at !== null && at.run !== run);
    stop.hidden = running === null;
  }

  /** Which step's token is asked about, in the run's own answer. */
  const stepNow = () => Math.min(Math.max(0, state.step), run.steps.length - 1);

  function compare(at) {
    const others = ["dense", "window"].filter((p) => p !== at?.policy).map((p) => nearest(budgets.values(), p, at?.k ?? wanted.k));
    const columns = [at, ...others].filter(Boolean);
    if (columns.length === 0) {
      beside.replaceChildren();
      return;
    }
    const reference = ref(), i = stepNow(), context = mean(run.steps.map((st) => st.n));
    const row = (title, cell) => element("tr", {}, element("th", { scope: "row", textContent: title }), ...columns.map((b) => element("td", {}, ...[cell(b)].flat())));
    const rows = [
      row("Probability of the answer, per token", (b) => probability(b.p, b.bound)),
      row("Recall of dense attention", (b) => percent(b.recall)),
      row("Tokens read", (b) => (known(b.rows) ? `${count(b.rows)} (${percent(Math.min(1, b.rows / context))})` : "–")),
      row("Time per token", (b) => milliseconds(b.ms)),
      row("Answer", (b) => [answered(b.answer, 240), b.left ? element("small", {}, ` says ${quoted(b.left.said)} for ${quoted(b.left.wanted)}`) : ""]),
    ];
    if (columns.some((b) => known(b.in))) rows.splice(2, 0, row("Marked passage read whole", (b) => percent(b.in)));
    if (live && run.steps[i]) {
      rows.splice(1, 0, row(`Probability of ${quoted(run.steps[i].text)} at step ${i + 1}`, (b) => {
        const p = b.run ? atStep(b.run, reference, i) : null;
        return p ? probability(p.p, p.bound) : "–";
      }));
    }
    beside.replaceChildren(element("table", { className: "beside" },
      element("thead", {}, element("tr", {}, element("td"), ...columns.map((b) => element("th", { scope: "col", className: b === at ? "here" : "" }, ...b.policy === "tokenselect" ? ["Token", element("wbr"), `Select, ${nameOf(b)}`] : [nameOf(b)])))), element("tbody", {}, ...rows)),
      ...(run.rows > run.model.context ? [element("p", { className: "hint", textContent: `The text is longer than the ${count(run.model.context)} tokens that the model was trained for. There dense attention looks at the wrong things, and to recall much of it is no merit.` })] : []));
  }

  function plot(at) {
    const up = quality.select.value, across = cost.select.value;
    const points = [...budgets.values()].filter((b) => known(b[up]) && b[across] > 0);
    const without = budgets.size - points.length;
    if (points.length === 0) {
      drawing.replaceChildren();
      about.textContent = across === "ms" ? "No time was measured." : `${up === "p" ? "Probabilities were" : "Recall was"} not recorded.`;
      return;
    }
    const focused = drawing.contains(document.activeElement);
    drawing.replaceChildren(draw({
      width: inside(), axes: [COSTS[across], QUALITIES[up]],
      points: points.map((b) => ({
        x: b[across], y: b[up], policy: b.policy, label: b.policy === "tokenselect" ? count(b.k) : b.policy === "dense" ? "dense" : `${b.policy} ${count(b.k)}`, chosen: b === at,
        words: `${nameOf(b)}: ${QUALITIES[up]} ${up === "p" ? probability(b.p, b.bound) : percent(b.recall)}, ${COSTS[across]} ${across === "ms" ? milliseconds(b.ms) : count(b.rows)}`,
        choose: () => want({ policy: b.policy, k: b.k }),
      })),
    }));
    if (focused) drawing.querySelector(".budget.chosen")?.focus();
    const right = ref().right;
    about.textContent = `Each point is a run. ${up === "p" ? `Of the answer ${quoted(right, 80)}, per token. ` : ""}${without > 0 ? `${without} of ${budgets.size} budgets are left out: ${up === "recall" ? "recall" : "p"} or ${across === "ms" ? "time" : "tokens"} not measured.` : ""}`;
  }

  function list(at) {
    const rows = sorted().map((b) => element("tr", { className: b === at ? "here" : "" }, element("th", { scope: "row" }, nameOf(b)),
      ...[known(b.rows) ? count(b.rows) : "–", milliseconds(b.ms), probability(b.p, b.bound), percent(b.recall), percent(b.in), answered(b.answer, 60)].map((textContent) => element("td", { textContent }))));
    all.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...["Budget", "Read", "Time", "p", "Recall", "Passage read whole", "Answer"].map((textContent) => element("th", { scope: "col", textContent })))), element("tbody", {}, ...rows)));
  }

  const sorted = () => [...budgets.values()].sort((a, b) => a.policy.localeCompare(b.policy) || a.k - b.k);

  function update() {
    gather();
    controls();
    const at = shown();
    tell(at);
    // On a recording nothing of it changes from step to step.
    const of = JSON.stringify([wanted, quality.select.value, cost.select.value, inside(), live ? stepNow() : 0, run.steps.at(-1)?.text, [...budgets.values()].map((b) => [keyOf(b), b.seen, b.ms])]);
    if (of === drawn) return;
    drawn = of;
    compare(at);
    plot(at);
    list(at);
  }

  /** Shows a budget; on a live run it is asked with when nobody has yet. */
  function want(selection) {
    wanted = selection;
    failed = "";
    if (live && !budgets.has(keyOf(selection))) ask([selection]);
    later();
  }

  /** Asks with budgets, and once with those that every other stands beside. */
  function ask(selections) {
    for (const p of ["dense", "window"]) {
      const other = { policy: p, k: wanted.k };
      if (!nearest(budgets.values(), p, wanted.k) && !queue.some((q) => q.policy === p) && running?.selection.policy !== p && (live.info.policies.length === 0 || live.info.policies.includes(p))) selections.push(other);
    }
    queue = [...selections, ...queue.filter((q) => !selections.some((x) => keyOf(x) === keyOf(q)))];
    if (!running) work();
  }

  async function work() {
    const abort = new AbortController();
    while (queue.length > 0 && !abort.signal.aborted) {
      const selection = queue.shift();
      running = { selection, phase: "what it reads", abort };
      later();
      try {
        const options = { signal: abort.signal };
        const looked = await live.ask(selection, options);
        running.phase = "how long it takes";
        later();
        // Recording takes its time, which is not the budget's.
        const timed = await live.ask(selection, { ...options, record: null });
        const rate = timed.stats?.decode_tps ?? 0;
        if (abort.signal.aborted) break;
        budgets.set(keyOf(selection), measured(looked, ref(), rate > 0 ? 1000 / rate : null));
      } catch (error) {
        if (!abort.signal.aborted) failed = `${nameOf(selection)}: ${error.message}`;
        queue = [];
      }
    }
    running = null;
    later();
  }

  const { redraw, later, now, stop: rest, perWidth } = redraws(body, state, [{ draw: update }]);
  const inside = perWidth(() => Math.max(260, drawing.clientWidth || 480));
  policy.select.addEventListener("change", () => want({ ...wanted, policy: policy.select.value }));
  k.addEventListener("input", () => {
    if (live) value.textContent = count(k.valueAsNumber); // asked with when it is let go
    else want({ ...wanted, k: k.valueAsNumber });
  });
  k.addEventListener("change", () => want({ ...wanted, k: k.valueAsNumber }));
  again.addEventListener("click", () => {
    failed = "";
    ask([wanted]);
  });
  stop.addEventListener("click", () => {
    queue = [];
    running?.abort.abort();
  });
  for (const { select } of [quality, cost]) select.addEventListener("change", later);


  return {
    update: redraw,
    svg() {
      now();
      const plotted = drawing.querySelector("svg");
      return standalone(plotted ? [[`${QUALITIES[quality.select.value]} against ${COSTS[cost.select.value]}`, plotted]] : []);
    },
    csv() {
      now();
      return csv([["policy", "k", "n_local", "n_init", "rows", "ms_per_token", "p", "p_is_at_most", "recall", "passage_read_whole", "answer"],
        ...sorted().map((b) => [b.policy, b.k, b.n_local, b.n_init, b.rows, b.ms, b.p, b.bound ?? false, b.recall, b.in, b.answer])]);
    },
    destroy() {
      queue = [];
      running?.abort.abort();
      rest();
      node.replaceChildren();
    },
  };
}
