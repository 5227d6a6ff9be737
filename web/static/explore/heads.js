// The view of layers and heads: what each head reads, how much of what dense
// attention would read that is, and whether the heads of a layer agree.
import { element } from "../app/dom.js";
import { count } from "../app/format.js";
import { csv } from "./csv.js";
import { show } from "./described.js";
import { byCount, matrix } from "./heads/agreement.js";
import { chosenWith, draw } from "./heads/grid.js";
import { bars, recallByLayer } from "./heads/mass.js";
import { agreement, concentrations, heaviest, mean, recalls } from "./heads/measures.js";
import { fill, heaviestRows, linked, votedRows } from "./heads/rows.js";
import { percent } from "./numbers.js";
import { redraws } from "./redraw.js";
import { standalone } from "./svg.js";

const VOTED = 12; // rows listed of those with the most votes

/** How to record what is missing, in words. */
const unrecorded = (what, record) => `${what} not recorded. Record again with -record ${record}.`;

function figure(title, about) {
  const drawing = element("div", { className: "drawing" }), note = element("p", { className: "hint" });
  const made = element("figure", {}, element("h3", { textContent: title }), element("p", { className: "hint" }, about), drawing, note);
  return { made, drawing, note, title };
}

export function view(node, run, state) {
  const heads = run.model.heads, layers = run.model.layers, kvHeads = run.model.kv_heads ?? heads;
  const grid = figure("Recall by layer and head", "The fill and its number: recall, the share in % of dense attention's mass that lies on tokens which were read. The bar: how much of the head's attention its heaviest tokens hold.");
  const near = element("input", { type: "checkbox" });
  grid.made.insertBefore(element("label", { className: "hint check" }, near, " with distances cut to the local window, at which tokens are scored"), grid.drawing);
  const read = figure("What the head reads", "Its heaviest tokens between the first and the most recent ones, with their share of its attention.");
  const voted = figure("Which heads vote for which tokens", "The tokens of the layer with the most votes, and those that are pinned. A dot for each head that has the token among its own k best.");
  const overlap = figure("Agreement between heads", "Of the selected tokens that either of two heads has among its own k best, the share in % that both have. On the diagonal, how many a head has. Heads in a frame share their keys.");
  const crowd = figure("Selected tokens by number of heads", "How many heads have a selected token among their own k best.");
  const mass = figure("Where attention lies", "Shares of dense attention's mass. The number: how much of it was read.");
  const byLayer = figure("Recall by layer", "The bar: the mean of the heads at this step. The line: of all steps. The dot: this step at distances cut to the local window, at which tokens are scored.");
  const list = element("ol", { className: "rows", tabIndex: -1 }), votes = element("ol", { className: "rows", tabIndex: -1 });
  read.drawing.append(list);
  voted.drawing.append(votes);
  linked(list, state);
  linked(votes, state);
  chosenWith(grid.drawing, { layers, heads, choose: (layer, head) => state.set({ layer: layer ?? "all", head }) });
  const key = (...entries) => element("ul", { className: "key" }, ...entries.map(([name, words]) => element("li", { className: name, textContent: words })));
  mass.made.insertBefore(key(["sink", "first tokens"], ["selected", "selected"], ["local", "local window"], ["left-out", "not attended to"]), mass.drawing);
  if (run.marks?.length > 0) read.made.insertBefore(key(["selected", "token"], ["needle", "token of the marked passage"]), read.drawing);
  const body = element("div", { className: "heads-view" },
    element("div", {}, ...[grid, byLayer, mass, overlap].map((f) => f.made)), element("div", {}, ...[read, voted, crowd].map((f) => f.made)));
  node.replaceChildren(body);

  let step = null, chosen = null, guessed = false;
  let recalled = [], held = []; // by layer and head, at the step
  let means = { of: -1, layers: [] }; // recall of each layer, of all steps
  let found = { layer: null, agreed: null };

  /** The head that is looked at: the chosen one, else that with the heaviest row, in the chosen layer or any. */
  function choice() {
    const layer = state.layer === "all" ? null : state.layer;
    guessed = state.head === null || layer === null;
    if (!guessed) return { layer, head: state.head };
    const found = heaviest(layer === null ? step.layers : [step.layers[layer]]);
    const at = found ? { layer: layer ?? found.layer, head: found.head } : { layer: layer ?? 0, head: 0 };
    return state.head === null ? at : { ...at, head: state.head };
  }

  const marks = () => [...run.marks ?? [], ...state.mark ? [state.mark] : []];

  /** Is a row in a marked passage? */
  function marked(row) {
    const at = run.offsetsOf(row);
    return at !== null && marks().some(({ start, end }) => at.start < end && at.end > start);
  }

  function describe(l, h) {
    const recall = recalled[l]?.[h], share = held[l]?.[h];
    return `layer ${l}, head ${h}${recall === undefined ? "" : `: recall ${percent(recall)}`}${share === undefined ? "" : `, ${percent(share)} of its attention on its ${step.layers[l].top[h].length} heaviest tokens`}`;
  }

  function drawGrid() {
    const focused = grid.drawing.contains(document.activeElement);
    show(grid.drawing, draw({
      width: widthOf(grid), layers: step.layers.length, heads, recalls: recalled.some(Boolean) ? recalled : null, concentrations: held.some(Boolean) ? held : null, chosen, describe,
    }));
    if (focused) grid.drawing.querySelector(".cell.chosen")?.focus();
    const lacking = [recalled.some(Boolean) ? "" : unrecorded("Recall was", "mass"), held.some(Boolean) ? "" : unrecorded("The heads' weights were", "heads=16")];
    grid.note.textContent = lacking.filter(Boolean).join(" ");
  }

  function drawHead() {
    const layer = step.layers[chosen.layer];
    read.made.querySelector("h3").textContent = `Layer ${chosen.layer}, head ${chosen.head}${guessed ? ": the one with the heaviest token" : ""}`;
    if (!layer.top) {
      show(list);
      read.note.textContent = unrecorded("The heads' weights were", "heads=16");
      return;
    }
    fill(list, heaviestRows(run, state, layer, chosen.head, marked));
    point(state.hover);
    read.note.textContent = layer.top[chosen.head].length === 0 ? "Every token that this head read is among the first or the most recent ones." : `${describe(chosen.layer, chosen.head)}.`;
  }

  /** How far the chosen layer's heads agree, found out once for all that show it; null where that is not known. */
  function agreed() {
    const layer = step.layers[chosen.layer];
    if (found.layer !== layer) found = { layer, agreed: agreement(layer, heads) };
    return found.agreed;
  }

  /** Why it is not known. */
  function unvoted() {
    const layer = step.layers[chosen.layer];
    return !layer.rows ? "This layer read every token: nobody had to vote."
      : layer.hit ? "This layer took the selection of an earlier step from the Selection Cache: nobody voted."
        : layer.sliding ? "This layer has a sliding window and reads what is in it: nobody votes."
          : layer.rows.length === 0 ? "Nothing is selected with this policy." : unrecorded("Votes were", "votes");
  }

  function drawVotes() {
    const layer = step.layers[chosen.layer];
    voted.made.querySelector("h3").textContent = `Which heads vote for which tokens: layer ${chosen.layer}`;
    if (agreed()) {
      fill(votes, votedRows(run, state, layer, VOTED, marked));
      point(state.hover);
    } else {
      show(votes);
    }
    voted.note.textContent = agreed() ? `${count(layer.rows.length)} selected${layer.candidates ? ` of ${count(layer.candidates)}` : ""}. The vote of the last that was taken: ${layer.cut ? layer.cut[0].toPrecision(3) : "not recorded"}.` : unvoted();
  }

  function drawOverlap() {
    overlap.made.querySelector("h3").textContent = `Agreement between heads: layer ${chosen.layer}`;
    if (agreed()) show(overlap.drawing, matrix(agreed(), { width: widthOf(overlap), kvHeads, chosen: chosen.head }));
    else show(overlap.drawing);
    overlap.note.textContent = agreed() ? "" : unvoted();
  }

  function drawCrowd() {
    if (!agreed()) {
      show(crowd.drawing);
      crowd.note.textContent = "";
      return;
    }
    const { byCount: by } = agreed(), lone = by[0] + (by[1] ?? 0), most = by.slice(Math.ceil(heads / 2)).reduce((sum, n) => sum + n, 0);
    show(crowd.drawing, byCount(agreed(), widthOf(crowd)));
    crowd.note.textContent = `${count(lone)} have one head or none behind them (a token may owe its vote to its neighbours), ${count(most)} at least half of the heads.`;
  }

  /** Says so where attention mass was not recorded. */
  function massless(f) {
    if (step.layers.some((l) => l.mass)) return false;
    show(f.drawing);
    f.note.textContent = unrecorded("Attention mass was", "mass");
    return true;
  }

  function drawMass() {
    if (massless(mass)) return;
    const layer = step.layers[chosen.layer], all = state.layer === "all";
    const meanOf = (m) => [0, 1, 2, 3].map((r) => mean(m.map((shares) => shares[r])));
    const named = all ? step.layers.flatMap((l, i) => (l.mass ? [[String(i), meanOf(l.mass)]] : [])) : (layer.mass ?? []).map((shares, h) => [String(h), shares]);
    mass.made.querySelector("h3").textContent = all ? "Where attention lies, by layer (mean of the heads)" : `Where attention lies, by head of layer ${chosen.layer}`;
    show(mass.drawing, bars(named, { width: widthOf(mass), chosen: all ? -1 : chosen.head, of: all ? "layer" : "head" }));
    mass.note.textContent = all ? "Choose a layer to see its heads." : "";
  }

  function drawByLayer() {
    if (massless(byLayer)) return;
    if (means.of !== run.steps.length) {
      const recorded = step.layers.map((_, i) => run.steps.flatMap((s) => (s.layers[i]?.mass ? [mean(recalls(s.layers[i]))] : [])));
      means = { of: run.steps.length, layers: recorded.map((all) => (all.length > 0 ? mean(all) : null)) };
    }
    show(byLayer.drawing, recallByLayer(step.layers.map((l, i) => ({
      now: l.mass ? mean(recalls(l)) : null, steps: means.layers[i], near: l.near ? mean(Array.from(l.near)) : null,
    })), widthOf(byLayer)));
    byLayer.note.textContent = "";
  }

  function look() {
    step = run.steps[Math.min(state.step, run.steps.length - 1)] ?? null;
    if (step?.layers.length === 0) step = null;
    body.classList.toggle("empty", step === null);
    if (step === null) {
      grid.note.textContent = "No step of the answer yet.";
      return;
    }
    chosen = choice();
    recalled = step.layers.map((layer) => (near.checked ? layer.near : recalls(layer)));
    held = step.layers.map(concentrations);
  }

  function point(row) {
    for (const at of body.querySelectorAll("[data-row]")) at.classList.toggle("pointed", Number(at.dataset.row) === row);
  }

  const { redraw, later, now, stop, perWidth } = redraws(body, state, [
    { draw: look },
    ...[[drawGrid, grid], [drawHead, read], [drawByLayer, byLayer], [drawVotes, voted], [drawMass, mass], [drawOverlap, overlap], [drawCrowd, crowd]].map(([draw, { made }]) => ({ draw: () => { if (step) draw(); }, at: [made] })),
  ], point);
  const widths = perWidth(() => new Map([grid, overlap, crowd, mass, byLayer].map((f) => [f, Math.max(240, f.drawing.clientWidth || 480)])));
  const widthOf = (f) => widths().get(f);
  near.addEventListener("change", later);

  return {
    update: redraw,
    svg() {
      now();
      const drawn = [grid, overlap, crowd, mass, byLayer].flatMap((f) => {
        const drawing = f.drawing.querySelector("svg");
        return drawing ? [[f.made.querySelector("h3").textContent, drawing]] : [];
      });
      return standalone(drawn);
    },
    /** A row for each step, layer and head. */
    csv() {
      const rows = run.steps.flatMap((st, i) => st.layers.flatMap((layer, l) => {
        const agreed = agreement(layer, heads);
        return Array.from({ length: heads }, (_, h) => [
          i, st.text, l, h, ...(layer.mass?.[h] ?? ["", "", "", ""]), layer.mass ? (1 - layer.mass[h][3]).toFixed(4) : "", layer.near?.[h] ?? "",
          concentrations(layer)?.[h].toFixed(4) ?? "", layer.weights?.[h]?.[0]?.toPrecision(3) ?? "", layer.top?.[h]?.[0] ?? "", agreed?.own[h] ?? "",
        ]);
      }));
      return csv([["step", "token", "layer", "head", "sink", "selected", "local", "not_attended", "recall", "recall_near", "on_heaviest", "heaviest_weight", "heaviest_row", "own_best_selected"], ...rows]);
    },
    destroy() {
      stop();
      node.replaceChildren();
    },
  };
}
