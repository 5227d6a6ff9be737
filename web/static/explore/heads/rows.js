// Rows as text: those that a head reads most, and those with the most votes.
import { count } from "../../app/format.js";
import { described as d, show } from "../described.js";
import { percent } from "../numbers.js";
import { mostVoted, votesFor } from "./measures.js";

const AROUND = 5; // neighbours to each side
const BEFORE = 36; // characters of those before at most: the row itself is on the first line

/** A row among its neighbours; line breaks are shown. */
export function inContext(run, row) {
  const text = (from, to) => {
    let joined = "";
    for (let r = Math.max(0, from); r < Math.min(run.rows, to); r++) joined += run.textOf(r);
    return joined.replace(/\n+/g, " ⏎ ");
  };
  const own = text(row, row + 1);
  let from = row - AROUND;
  while (text(from, row).length > BEFORE) from++;
  return d("span", { class: "context" }, text(from, row), d("mark", {}, own === "" ? "∅" : own), text(row + 1, row + 1 + AROUND));
}

/** A row's button: pointing at it shows it in all views, choosing it pins it, with Shift beside others. */
function button(run, state, row, ...children) {
  return d("button", { type: "button", class: "row-button", "data-row": row, "aria-pressed": state.pinned.includes(row) }, inContext(run, row), ...children);
}

/** What a list of rows does with pointer and keyboard; once for each list. */
export function linked(list, state) {
  const row = (event) => {
    const at = event.target.closest("[data-row]");
    return at ? Number(at.dataset.row) : null;
  };
  const hover = (event) => {
    const r = row(event);
    if (r !== state.hover) state.set({ hover: r });
  };
  list.addEventListener("pointerover", hover);
  list.addEventListener("focusin", hover);
  list.addEventListener("pointerleave", () => state.set({ hover: null }));
  list.addEventListener("focusout", () => state.set({ hover: null }));
  list.addEventListener("click", (event) => {
    const r = row(event);
    if (r === null) return;
    const has = state.pinned.includes(r), others = state.pinned.filter((p) => p !== r);
    state.set({ pinned: event.shiftKey ? (has ? others : [...others, r]) : has && others.length === 0 ? [] : [r] });
  });
}

/** Fills a list; who was at a row with the keyboard stays there. */
export function fill(list, items) {
  const at = list.contains(document.activeElement) ? document.activeElement.dataset.row : undefined;
  show(list, ...items);
  if (at !== undefined) list.querySelector(`[data-row="${at}"]`)?.focus({ preventScroll: true });
}

/** The rows that a head reads most between the first and the local ones, with their weights. */
export function heaviestRows(run, state, layer, head, marked) {
  const rows = layer.top[head], weights = layer.weights[head];
  const place = (row) => `token ${count(row)}${run.offsetsOf(row) ? "" : ", not of the document"}`;
  return Array.from(rows, (row, i) => {
    const bar = d("svg", { viewBox: "0 0 60 10", width: 60, height: 10, "aria-hidden": "true" },
      d("rect", { width: 60, height: 10, class: "ground" }), d("rect", { width: Math.max(1, 60 * Math.min(1, weights[i])).toFixed(1), height: 10, class: marked(row) ? "needle" : "selected" }));
    return d("li", {}, d("span", { class: "weight" }, bar, percent(weights[i])),
      button(run, state, row, d("small", {}, `${place(row)}${marked(row) ? ", in the marked passage" : ""}`)));
  });
}

/**
 * Which heads vote for which tokens: the pinned rows and those with the most
 * votes, each with a dot for every head that has it among its own k best.
 */
export function votedRows(run, state, layer, number, marked) {
  const heads = run.model.heads, rows = layer.rows;
  const pinned = state.pinned.map((row) => [row, rows.indexOf(row)]);
  const most = layer.votes ? mostVoted(layer, number) : [];
  const listed = [...pinned, ...most.map((i) => [rows[i], i]).filter(([row]) => !state.pinned.includes(row))];
  return listed.map(([row, i]) => {
    const having = [];
    if (i >= 0) for (let h = 0; h < heads; h++) if (votesFor(layer.heads, heads, i, h)) having.push(h);
    const each = heads <= 12 ? 11 : 8, across = Math.min(heads, heads <= 12 ? 12 : 16); // many heads stand in lines of 16
    const wide = across * each, high = Math.ceil(heads / across) * (each + 1);
    const dots = d("svg", { viewBox: `0 0 ${wide} ${high}`, width: wide, height: high, role: "img", "aria-label": i < 0 ? "not selected" : `heads ${having.join(", ") || "none"}` });
    for (let h = 0; h < heads; h++) dots.children.push(d("circle", { cx: (h % across + 0.5) * each, cy: (Math.floor(h / across) + 0.5) * (each + 1), r: each * 0.36, class: having.includes(h) ? (marked(row) ? "dot needle" : "dot selected") : "dot" }));
    const vote = i >= 0 && layer.votes ? layer.votes[i].toPrecision(2) : "";
    const said = i < 0 ? "not selected here" : `${having.length} of ${heads} heads`;
    return d("li", {}, d("span", { class: "votes" }, dots, d("small", {}, said)), button(run, state, row, d("small", {}, vote ? `vote ${vote}` : "")));
  });
}
