// The skyline: a line for each step, from the first token of the text to the last,
// with what was attended to in it: sinks, the local window and the selected middle.
import { element } from "../app/dom.js";
import { count } from "../app/format.js";
import { LEFT_OUT, LOCAL, SELECTED, SINK, firstTo, layersOf, localFrom, unaskedOf } from "./attended.js";
import { channels, colours, prepare, whenColoursChange } from "./canvas.js";
import { csv } from "./csv.js";
import { oneLine, quoted } from "./numbers.js";
import { redraws } from "./redraw.js";
import { s, standalone } from "./svg.js";

const LABELS = 92, AXIS = 20, LEAST = 7, MOST = 20; // pixels: words at the left, numbers below, the height of a step

/**
 * How many of the layers attended to some row of each column, and as what.
 * @returns {{kinds: Uint8Array, layers: Uint8Array}} [columns]
 */
export function columnsOf(step, layer, rows, columns) {
  const kinds = new Uint8Array(columns), layers = new Uint8Array(columns), seen = new Uint32Array(columns);
  const column = (row) => Math.min(columns - 1, Math.floor((row * columns) / rows));
  layersOf(step, layer).forEach((l, i) => {
    if (l.rows === null) {
      for (let c = 0; c <= column(step.n - 1); c++) {
        kinds[c] = SELECTED;
        layers[c]++;
      }
      return;
    }
    for (const row of l.rows) {
      const c = column(row);
      if (seen[c] === i + 1) continue;
      seen[c] = i + 1;
      kinds[c] = SELECTED;
      layers[c]++;
    }
  });
  if (layersOf(step, layer).some((l) => l.rows !== null)) {
    const { to, from, last } = unaskedOf(step, layersOf(step, layer));
    for (let c = 0; to > 0 && c <= column(to - 1); c++) kinds[c] = SINK;
    for (let c = column(from); c <= column(step.n - 1); c++) if (seen[c] === 0 || c >= column(last)) kinds[c] = LOCAL;
  }
  return { kinds, layers };
}

export function view(node, run, state) {
  const canvas = element("canvas", { tabIndex: 0, className: "skyline" });
  canvas.setAttribute("role", "img");
  const said = element("p", { className: "hint", role: "status" });
  const key = element("ul", { className: "key" }, ...[["sink", "first tokens"], ["selected", "selected; the fainter, the fewer layers"], ["local", "local window"], ["needle", "marked passage"]]
    .map(([className, textContent]) => element("li", { className, textContent })));
  const body = element("div", { className: "skyline-view" }, canvas, key, said);
  node.replaceChildren(body);
  let cursor = null; // column that the keyboard has gone to

  const geometry = () => {
    const width = Math.max(200, wide()), labels = width < 500 ? 56 : LABELS;
    const steps = Math.max(1, run.steps.length), height = Math.min(MOST, Math.max(LEAST, Math.floor(420 / steps)));
    return { width, labels, columns: Math.max(1, Math.floor(width - labels)), height, steps, total: steps * height + AXIS };
  };

  let drawn = { of: "", flat: null };

  /** The raster, a pixel a column and step: the same from step to step. */
  function raster(g, paint) {
    const of = JSON.stringify([g.columns, g.steps, run.rows, state.layer, paint.paper, paint.selected]);
    if (drawn.of === of) return drawn.flat;
    const hues = { [SELECTED]: channels(paint.selected), [SINK]: channels(paint.sink), [LOCAL]: channels(paint.local), [LEFT_OUT]: channels(paint.paper) };
    const paper = hues[LEFT_OUT], looked = state.layer === "all" ? run.model.layers : 1, image = new ImageData(g.columns, g.steps);
    run.steps.forEach((step, y) => {
      const { kinds, layers } = columnsOf(step, state.layer, run.rows, g.columns);
      for (let c = 0; c < g.columns; c++) {
        const hue = hues[kinds[c]], share = kinds[c] === SELECTED ? 0.3 + 0.7 * (layers[c] / looked) : kinds[c] === LEFT_OUT ? 0 : 0.8;
        const at = 4 * (y * g.columns + c);
        for (let i = 0; i < 3; i++) image.data[at + i] = paper[i] + (hue[i] - paper[i]) * share;
        image.data[at + 3] = 255;
      }
    });
    const flat = new OffscreenCanvas(g.columns, g.steps);
    flat.getContext("2d").putImageData(image, 0, 0);
    drawn = { of, flat };
    return flat;
  }

  function draw() {
    const g = geometry(), paint = colours(), context = prepare(canvas, g.width, g.total);
    if (run.steps.length === 0 || run.rows === 0) return;
    context.imageSmoothingEnabled = false;
    context.drawImage(raster(g, paint), g.labels, 0, g.columns, g.steps * g.height);
    const x = (row) => g.labels + (row * g.columns) / run.rows;
    context.fillStyle = paint.needle;
    for (const mark of [...run.marks ?? [], ...state.mark ? [state.mark] : []]) {
      const from = run.rowAt(mark.start), to = run.rowAt(mark.end - 1);
      if (from !== null && to !== null) context.fillRect(x(from) - 1, g.steps * g.height, Math.max(3, x(to + 1) - x(from)), 5);
    }
    context.strokeStyle = paint.ink;
    context.lineWidth = 1;
    for (const row of state.pinned) context.strokeRect(Math.round(x(row)) + 0.5, 0.5, 0, g.steps * g.height);
    context.lineWidth = 2;
    context.strokeRect(g.labels, state.step * g.height + 1, g.columns - 1, g.height - 2);
    if (cursor !== null) context.strokeRect(g.labels + cursor, 0, 0, g.steps * g.height);
    context.font = `${Math.min(12, Math.max(9, g.height - 2))}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const every = g.height >= 10 ? 1 : Math.ceil(10 / g.height);
    run.steps.forEach((step, i) => {
      if (i % every !== 0 && i !== state.step) return;
      context.fillStyle = i === state.step ? paint.ink : paint.muted;
      context.fillText(oneLine(step.text.trim() || step.text, g.labels < 80 ? 7 : 13), g.labels - 6, (i + 0.5) * g.height);
    });
    context.fillStyle = paint.muted;
    context.font = "11px system-ui, sans-serif";
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      context.textAlign = share === 0 ? "left" : share === 1 ? "right" : "center";
      context.fillText(count(share * run.rows), g.labels + share * g.columns, g.steps * g.height + 13);
    }
    canvas.setAttribute("aria-label", `${run.steps.length} steps, each a line of ${count(run.rows)} tokens; step ${state.step + 1}: ${describe(run.steps[state.step])}. Arrow keys go to other steps and places, Enter pins a token.`);
  }

  function describe(step) {
    if (!step) return "";
    const layers = layersOf(step, state.layer), mean = layers.reduce((sum, l) => sum + l.attended, 0) / layers.length;
    return `${count(mean)} of ${count(step.n)} tokens attended to${layers.length > 1 ? " on average of the layers" : ""}`;
  }

  /** The step and row under a pointer. */
  function under(event) {
    const g = geometry(), box = canvas.getBoundingClientRect();
    const column = Math.floor(event.clientX - box.left - g.labels), step = Math.floor((event.clientY - box.top) / g.height);
    if (step < 0 || step >= run.steps.length) return null;
    return { step, column, row: column < 0 || column >= g.columns ? null : nearest(step, column, g.columns) };
  }

  /** The row of a column that most layers attended to at a step, else the column's first. */
  function nearest(i, column, columns) {
    const from = Math.floor((column * run.rows) / columns), to = Math.max(from + 1, Math.floor(((column + 1) * run.rows) / columns));
    const votes = new Map();
    for (const l of layersOf(run.steps[i], state.layer)) {
      for (const row of l.rows ?? []) if (row >= from && row < to) votes.set(row, (votes.get(row) ?? 0) + 1);
    }
    return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? Math.min(from, run.rows - 1);
  }

  function tell(at) {
    const step = run.steps[at.step];
    said.textContent = at.row === null ? `Step ${at.step + 1}, ${quoted(step.text)}: ${describe(step)}.`
      : `Step ${at.step + 1}, ${quoted(step.text)}; token ${count(at.row)}: ${quoted(around(at.row), 70)}.`;
  }

  const around = (row) => {
    let text = "";
    for (let r = Math.max(0, row - 4); r < Math.min(run.rows, row + 5); r++) text += run.textOf(r);
    return text;
  };

  function pin(row, more) {
    if (row === null) return;
    state.set({ pinned: more ? (state.pinned.includes(row) ? state.pinned.filter((r) => r !== row) : [...state.pinned, row]) : [row] });
  }

  canvas.addEventListener("pointermove", (event) => {
    const at = under(event);
    state.set({ hover: at?.row ?? null });
    if (at) tell(at);
  });
  canvas.addEventListener("pointerleave", () => state.set({ hover: null }));
  canvas.addEventListener("click", (event) => {
    const at = under(event);
    if (!at) return;
    state.set({ step: at.step });
    pin(at.row, event.shiftKey);
  });
  canvas.addEventListener("keydown", (event) => {
    const g = geometry(), leap = event.shiftKey ? 20 : 1, middle = Math.floor(g.columns / 2);
    const moves = {
      ArrowUp: () => state.set({ step: Math.max(0, state.step - 1) }),
      ArrowDown: () => state.set({ step: Math.min(run.steps.length - 1, state.step + 1) }),
      ArrowLeft: () => { cursor = Math.max(0, (cursor ?? middle) - leap); },
      ArrowRight: () => { cursor = Math.min(g.columns - 1, (cursor ?? middle) + leap); },
      Enter: () => { if (cursor !== null) pin(nearest(state.step, cursor, g.columns), event.shiftKey); },
      Escape: () => { cursor = null; },
    };
    if (!moves[event.key] || run.steps.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    moves[event.key]();
    if (cursor !== null) {
      const at = { step: state.step, row: nearest(state.step, cursor, g.columns) };
      state.set({ hover: at.row });
      tell(at);
    }
    later();
  });
  const { redraw, later, width: wide, stop } = redraws(body, state, [{ draw }]);
  const unwatch = whenColoursChange(later);

  return {
    update: redraw,
    /** The raster as rectangles, neighbours of a kind in one. */
    svg() {
      const columns = 800, height = 14, labels = LABELS, drawing = s("svg", { viewBox: `0 0 ${labels + columns} ${run.steps.length * height + AXIS}` });
      const paint = colours(), hue = { [SELECTED]: paint.selected, [SINK]: paint.sink, [LOCAL]: paint.local }, looked = state.layer === "all" ? run.model.layers : 1;
      run.steps.forEach((step, y) => {
        const { kinds, layers } = columnsOf(step, state.layer, run.rows, columns);
        drawing.append(s("text", { x: labels - 6, y: (y + 0.75) * height, "text-anchor": "end", "font-size": 11, fill: paint.ink }, oneLine(step.text.trim() || step.text, 13)));
        for (let c = 0, end; c < columns; c = end) {
          for (end = c + 1; end < columns && kinds[end] === kinds[c] && layers[end] === layers[c];) end++;
          if (kinds[c] === LEFT_OUT) continue;
          drawing.append(s("rect", { x: labels + c, y: y * height + 1, width: end - c, height: height - 2, fill: hue[kinds[c]], "fill-opacity": kinds[c] === SELECTED ? 0.3 + 0.7 * (layers[c] / looked) : 0.8 }));
        }
      });
      for (const share of [0, 0.5, 1]) drawing.append(s("text", { x: labels + share * columns, y: run.steps.length * height + 14, "text-anchor": share === 0 ? "start" : share === 1 ? "end" : "middle", "font-size": 11, fill: paint.muted }, count(share * run.rows)));
      return standalone([[`What was attended to, step by step${state.layer === "all" ? "" : `, layer ${state.layer}`}`, drawing]]);
    },
    /** A row for each step, layer and stretch of selected rows. */
    csv() {
      const lines = [];
      run.steps.forEach((step, i) => step.layers.forEach((l, layer) => {
        if (l.rows === null) {
          lines.push([i, step.text, layer, "all", 0, step.n]);
          return;
        }
        lines.push([i, step.text, layer, "first", 0, firstTo(step, l)], [i, step.text, layer, "local", localFrom(step, l), step.n]);
        for (let a = 0, b; a < l.rows.length; a = b) {
          for (b = a + 1; b < l.rows.length && l.rows[b] === l.rows[b - 1] + 1;) b++;
          lines.push([i, step.text, layer, "selected", l.rows[a], l.rows[b - 1] + 1]);
        }
      }));
      return csv([["step", "token", "layer", "kind", "first_row", "end_row"], ...lines]);
    },
    destroy() {
      stop();
      unwatch();
      node.replaceChildren();
    },
  };
}
