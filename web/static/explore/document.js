// The document as the model sees it at a step: every token, shaded by its votes,
// from the whole text at once to single words.
import { calm, element } from "../app/dom.js";
import { count } from "../app/format.js";
import { LEFT_OUT, LOCAL, SELECTED, SINK, attended, readersOf, voteOf } from "./attended.js";
import { channels, colours, prepare, shadeMost, whenColoursChange } from "./canvas.js";
import { csv } from "./csv.js";
import { described, show } from "./described.js";
import { bands, shades } from "./document/pixels.js";
import { places } from "./document/snippets.js";
import { FONT, MEASURED, READABLE, Typesetter } from "./document/typesetter.js";
import { oneLine, quoted } from "./numbers.js";
import { redraws } from "./redraw.js";
import { s, standalone } from "./svg.js";

const LARGEST = 18, WHEEL = 1.0015, STEP = 1.35; // sizes of type in pixels; how far a turn of the wheel and a press of a button zoom

export function view(node, run, state) {
  const setter = new Typesetter();
  const canvas = element("canvas", { className: "map", tabIndex: 0 }), over = element("canvas", { className: "map-over" });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "The document, token by token. Arrow keys go to other tokens, Enter pins one, plus and minus zoom, Shift with arrows marks a passage.");
  over.setAttribute("aria-hidden", "true");
  const frame = element("div", { className: "map-frame" }, canvas, over);
  const button = (textContent, ariaLabel) => element("button", { type: "button", textContent, ariaLabel, title: ariaLabel });
  const less = button("−", "Smaller"), more = button("+", "Larger"), whole = button("Whole text", "Whole text at once"), words = button("Words", "Words, where most is read");
  const needle = element("button", { type: "button", textContent: "To the marked passage" });
  const search = element("input", { type: "search", placeholder: "Words of the text", ariaLabel: "Words of the text to mark" });
  const find = element("form", { className: "find" }, search, element("button", { type: "submit", textContent: "Mark" }), element("button", { type: "button", className: "quiet unmark", textContent: "Unmark", hidden: true }));
  const unmark = find.querySelector(".unmark");
  const said = element("p", { className: "hint", role: "status" });
  const key = element("ul", { className: "key" }), list = element("ol", { className: "rows reads" }), none = element("p", { className: "hint" });
  const heading = element("h3", {}), reading = element("div", { className: "reading" }, heading, none, list);
  const body = element("div", { className: "document-view" },
    element("div", {}, element("div", { className: "controls" }, element("span", { className: "zoom" }, less, more, whole, words), needle, find), frame, key, said), reading);
  node.replaceChildren(body);

  let size = 0, top = 0; // of type and of what is in sight, in pixels
  let set = null, now = null, cursor = null, drag = null;
  const height = () => (innerWidth < 700 ? 300 : 420);
  const marks = () => [...run.marks ?? [], ...state.mark ? [state.mark] : []];

  /** Rows of a passage of the document: [from, to). */
  const rowsOf = ({ start, end }) => {
    const from = run.rowAt(start), to = run.rowAt(end - 1);
    return from === null ? [0, 0] : [from, to + 1];
  };

  function lay() {
    setter.take(run);
    if (setter.rows === 0) {
      set = null;
      return;
    }
    const fit = setter.fit(inside(), height(), LARGEST);
    size = size === 0 ? fit : Math.min(LARGEST, Math.max(fit, size));
    set = setter.set(inside(), size);
    top = Math.max(0, Math.min(top, set.height - height()));
  }

  const y = (row) => set.lines[row] * set.line - top;
  const firstInSight = () => set.starts[Math.min(set.starts.length - 1, Math.max(0, Math.floor(top / set.line)))];
  const endInSight = () => set.starts[Math.ceil((top + height()) / set.line) + 1] ?? setter.rows;

  let grey = { of: null, at: 0, colour: "", image: null }, shaded = null;

  /** The text as bands, which stay from step to step, and over them what was attended to. */
  function drawSmall(context, sight, paint) {
    const { width, height } = canvas;
    if (grey.of !== set || grey.at !== top || grey.colour !== paint["left-out"] || grey.image.width !== width) {
      grey = { of: set, at: top, colour: paint["left-out"], image: new ImageData(width, height) };
      bands(grey.image, sight, channels(paint["left-out"]));
    }
    if (shaded?.width !== width || shaded.height !== height) shaded = new ImageData(width, height);
    shaded.data.set(grey.image.data);
    if (now) shades(shaded, sight, now, { [SELECTED]: channels(paint.selected), [SINK]: channels(paint.sink), [LOCAL]: channels(paint.local) });
    context.putImageData(shaded, 0, 0);
  }

  function drawShades(context, { from, to, tall }, paint) {
    const hue = { [SELECTED]: paint.selected, [SINK]: paint.sink, [LOCAL]: paint.local }, most = shadeMost();
    for (let row = from; row < Math.min(to, now.kinds.length); row++) {
      const kind = now.kinds[row];
      if (kind === LEFT_OUT) continue;
      context.fillStyle = hue[kind];
      context.globalAlpha = kind === SELECTED ? 0.2 + (most - 0.2) * now.strengths[row] : 0.28;
      context.fillRect(set.left[row], y(row), set.right[row] - set.left[row], tall);
    }
    context.globalAlpha = 1;
  }

  function draw() {
    lay();
    const width = inside(), paint = colours(), context = prepare(canvas, width, height());
    look();
    if (!set) return;
    const readable = size >= READABLE;
    const from = firstInSight(), to = endInSight(), tall = Math.max(1, set.line - (readable ? 3 : set.line > 3 ? 1 : 0));
    const sight = { set, from, to, top, tall, ratio: devicePixelRatio || 1 };
    if (!readable) drawSmall(context, sight, paint);
    else if (now) drawShades(context, sight, paint);
    if (readable) {
      // Always of one size, and scaled: so words need not be shaped anew at every depth of zoom.
      const scale = size / MEASURED;
      context.save();
      context.scale(scale, scale);
      context.font = `${MEASURED}px ${FONT}`;
      context.textBaseline = "alphabetic";
      context.fillStyle = paint.ink;
      for (let row = from; row < to; row++) context.fillText(setter.textOf(row), set.left[row] / scale, y(row) / scale + MEASURED * 1.1);
      context.restore();
    }
    context.fillStyle = paint.needle;
    for (const mark of marks()) {
      const [a, b] = rowsOf(mark);
      for (let row = Math.max(a, from); row < Math.min(b, to); row++) context.fillRect(set.left[row], y(row) + tall - (readable ? 2 : 0), set.right[row] - set.left[row], Math.max(2, set.line - tall));
      // A passage of a few pixels is pointed at.
      if (!readable && b > a && a >= from && a < to) {
        context.strokeStyle = paint.needle;
        context.lineWidth = 2;
        context.strokeRect(set.left[a] - 4, y(a) - 4, Math.max(6, (set.lines[b - 1] === set.lines[a] ? set.right[b - 1] : width) - set.left[a]) + 8, tall + 8);
      }
    }
    drawOver();
  }

  let looked = "", told = "";

  /** What the step attended to: it stays when the text is zoomed or scrolled. */
  function look() {
    const step = run.steps[state.step], of = JSON.stringify([state.step, state.layer, state.pinned, state.mark, step?.text, run.rows]);
    if (looked === of) return;
    looked = of;
    now = step ? attended(step, state.layer) : null;
    show(key, ...[["sink", "first tokens"], ["selected", now?.votes ? "selected; the stronger, the more votes" : "selected; the stronger, the more layers"], ["local", "local window"], ...(marks().length > 0 ? [["needle", "marked passage"]] : [])]
      .map(([name, words]) => described("li", { class: name }, words)));
    needle.hidden = marks().length === 0;
    unmark.hidden = state.mark === null;
  }

  let ringed = "";

  /** What changes with the pointer: above the rest, which stays as it is. */
  function drawOver() {
    const paint = colours(), of = JSON.stringify([cursor, state.hover, state.pinned, drag, top, set?.size, setter.rows, canvas.width, canvas.height, paint.ink]);
    if (ringed === of) return;
    ringed = of;
    const context = prepare(over, inside(), height());
    if (!set) return;
    const ring = (row, colour, wide) => {
      if (row === null || row >= setter.rows) return;
      context.strokeStyle = colour;
      context.lineWidth = wide;
      const grow = size >= READABLE ? 1 : 3;
      context.strokeRect(set.left[row] - grow, y(row) - grow, Math.max(2, set.right[row] - set.left[row]) + 2 * grow, set.line - 2 + 2 * grow);
    };
    for (const row of state.pinned) ring(row, paint.ink, 2);
    ring(cursor, paint.accent, 2);
    ring(state.hover, paint.ink, 1);
    if (drag && drag.to !== null) {
      context.fillStyle = paint.needle;
      context.globalAlpha = 0.35;
      for (let row = Math.min(drag.from, drag.to); row <= Math.max(drag.from, drag.to); row++) context.fillRect(set.left[row], y(row), set.right[row] - set.left[row], set.line);
      context.globalAlpha = 1;
    }
  }

  /** The step's places in words. */
  function drawReading() {
    look();
    if (told === looked) return;
    told = looked;
    const step = run.steps[state.step];
    heading.textContent = step ? `What it reads for ${quoted(step.text || "the end of the answer")}` : "What it reads";
    const found = step ? places(run, state, now) : [];
    show(list, ...found);
    none.textContent = !step ? "No step of the answer yet." : found.length > 0 ? `The places with ${now.votes ? "the most votes" : "the most selected tokens"}${state.layer === "all" ? ", of all layers" : ` in layer ${state.layer}`}.`
      : step.layers.some((l) => l.rows === null) ? "Every token: nothing is selected." : "Nothing beyond the first and the local tokens.";
  }

  /** The row under a pointer, or null. */
  function under(event) {
    if (!set) return null;
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left;
    const line = Math.floor((event.clientY - box.top + top) / set.line);
    if (line < 0 || line >= set.starts.length) return null;
    let row = set.starts[line];
    const end = set.starts[line + 1] ?? setter.rows;
    if (set.lines[row] !== line) return null;
    while (row + 1 < end && set.right[row] <= x) row++;
    return row;
  }

  function tell(row) {
    const step = run.steps[state.step];
    if (row === null || !step) return;
    const vote = row < step.n ? voteOf(step, state.layer, row) : null, layers = state.layer === "all" ? step.layers.length : 1;
    const readers = row < step.n ? readersOf(step, state.layer, row) : 0;
    said.textContent = `Token ${count(row)}, ${quoted(run.textOf(row) || " ")}: ${row >= step.n ? "written later than this step" : `read by ${readers} of ${layers} ${layers === 1 ? "layer" : "layers"}`}${vote === null ? "" : `, vote ${vote.toPrecision(2)}`}.`;
  }

  /** Zooms about a place, which stays where it is. */
  function zoom(factor, at = height() / 2, row = null) {
    if (!set) return;
    const anchor = row ?? set.starts[Math.min(set.starts.length - 1, Math.max(0, Math.floor((top + at) / set.line)))];
    size = Math.min(LARGEST, Math.max(0.6, size * factor));
    const width = inside(), fit = setter.fit(width, height(), LARGEST);
    size = Math.max(size, fit);
    set = setter.set(width, size);
    top = set.lines[anchor] * set.line - at;
    later();
  }

  /** Brings a row into the middle, as words. */
  function reveal(row, readable = true) {
    lay();
    if (!set || row >= setter.rows) return;
    if (readable && size < READABLE + 6) {
      size = 15;
      set = setter.set(inside(), size);
    }
    top = set.lines[row] * set.line - height() / 2;
    later();
  }

  function pin(row, several) {
    if (row === null) return;
    const has = state.pinned.includes(row);
    state.set({ pinned: several ? (has ? state.pinned.filter((r) => r !== row) : [...state.pinned, row]) : has ? [] : [row] });
    tell(row);
  }

  function markRows(from, to) {
    let a = Math.min(from, to), b = Math.max(from, to);
    while (a <= b && !run.offsetsOf(a)) a++;
    while (b >= a && !run.offsetsOf(b)) b--;
    if (a > b) return;
    const { start } = run.offsetsOf(a), { end } = run.offsetsOf(b), text = run.document.text.slice(start, end), blank = text.length - text.trimStart().length;
    if (text.trim() !== "") state.set({ mark: { start: start + blank, end } });
  }

  let own = null; // what this view has pinned itself need not be revealed
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    const row = under(event);
    if (row === null) return;
    drag = { from: row, to: null };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const row = under(event);
    if (drag && row !== null && row !== drag.from) drag.to = row;
    state.set({ hover: row });
    tell(row);
    if (drag) drawOver();
  });
  canvas.addEventListener("pointerup", () => {
    const done = drag;
    drag = null;
    if (done && done.to !== null) {
      markRows(done.from, done.to);
      canvas.dataset.dragged = "yes"; // the click that follows is no pin
    }
  });
  canvas.addEventListener("pointerleave", () => state.set({ hover: null }));
  canvas.addEventListener("click", (event) => {
    if (canvas.dataset.dragged) {
      delete canvas.dataset.dragged;
      return;
    }
    const row = under(event);
    own = row;
    if (event.detail === 2 && row !== null) reveal(row);
    else pin(row, event.shiftKey);
  });
  canvas.addEventListener("wheel", (event) => {
    if (!set) return;
    if (event.ctrlKey || event.metaKey || set.height <= height()) {
      if (event.deltaY > 0 && set.height <= height()) return; // all of it is in sight: the page scrolls
      event.preventDefault();
      const box = canvas.getBoundingClientRect();
      zoom(WHEEL ** -(event.deltaY * (event.ctrlKey ? 4 : 1)), event.clientY - box.top, under(event));
      return;
    }
    const before = top;
    top = Math.max(0, Math.min(set.height - height(), top + event.deltaY));
    if (top === before) return;
    event.preventDefault();
    later();
  }, { passive: false });

  // Two fingers zoom, one scrolls the text where there is more than is in sight.
  let touches = new Map(), spread = 0;
  canvas.addEventListener("touchstart", (event) => {
    touches = new Map([...event.touches].map((t) => [t.identifier, t.clientY]));
    spread = event.touches.length === 2 ? Math.hypot(event.touches[0].clientX - event.touches[1].clientX, event.touches[0].clientY - event.touches[1].clientY) : 0;
  }, { passive: true });
  canvas.addEventListener("touchmove", (event) => {
    if (!set) return;
    if (event.touches.length === 2 && spread > 0) {
      const wide = Math.hypot(event.touches[0].clientX - event.touches[1].clientX, event.touches[0].clientY - event.touches[1].clientY);
      const box = canvas.getBoundingClientRect();
      zoom(wide / spread, (event.touches[0].clientY + event.touches[1].clientY) / 2 - box.top);
      spread = wide;
      event.preventDefault();
    } else if (event.touches.length === 1 && set.height > height()) {
      const t = event.touches[0], before = top;
      top = Math.max(0, Math.min(set.height - height(), top + (touches.get(t.identifier) ?? t.clientY) - t.clientY));
      touches.set(t.identifier, t.clientY);
      if (top !== before) {
        event.preventDefault();
        later();
      }
    }
  }, { passive: false });

  /** The row in the line above or below, about the same place in it. */
  function beside(row, lines) {
    const line = set.lines[row] + lines, middle = (set.left[row] + set.right[row]) / 2;
    if (line < 0 || line >= set.starts.length) return row;
    let found = set.starts[line];
    while (found + 1 < setter.rows && set.lines[found + 1] === set.lines[found] && set.right[found] < middle) found++;
    return found;
  }

  canvas.addEventListener("keydown", (event) => {
    if (!set) return;
    const at = cursor ?? state.pinned.at(-1) ?? firstInSight(), last = setter.rows - 1;
    const goals = {
      ArrowLeft: () => Math.max(0, at - 1), ArrowRight: () => Math.min(last, at + 1), ArrowUp: () => beside(at, -1), ArrowDown: () => beside(at, 1),
      Home: () => 0, End: () => last, PageUp: () => beside(at, -Math.floor(height() / set.line / 2)), PageDown: () => beside(at, Math.floor(height() / set.line / 2)),
    };
    if (goals[event.key]) {
      const goal = goals[event.key]();
      if (event.shiftKey) {
        drag ??= { from: at, to: null, keyboard: true };
        drag.to = goal;
      } else {
        drag = null;
      }
      cursor = goal;
      if (y(goal) < 0 || y(goal) + set.line > height()) top = Math.max(0, Math.min(set.height - height(), set.lines[goal] * set.line - height() / 2));
      state.set({ hover: goal });
      tell(goal);
      later();
    } else if (event.key === "Enter" || event.key === " ") {
      if (drag && drag.to !== null) markRows(drag.from, drag.to);
      else pin(own = at, event.shiftKey);
      drag = null;
    } else if (event.key === "+" || event.key === "=") {
      zoom(STEP, height() / 2, cursor);
    } else if (event.key === "-") {
      zoom(1 / STEP, height() / 2, cursor);
    } else if (event.key === "Escape") {
      cursor = drag = null;
      drawOver();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("blur", () => {
    cursor = null;
    drawOver();
  });

  less.addEventListener("click", () => zoom(1 / STEP));
  more.addEventListener("click", () => zoom(STEP));
  whole.addEventListener("click", () => {
    size = 0;
    top = 0;
    later();
  });
  words.addEventListener("click", () => {
    const found = list.querySelector("[data-row]");
    reveal(state.pinned.at(-1) ?? (found ? Number(found.dataset.row) : firstInSight()));
  });
  needle.addEventListener("click", () => {
    const all = marks();
    if (all.length > 0) reveal(rowsOf(all.at(-1))[0]);
  });
  find.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = search.value.trim();
    if (wanted === "") return;
    // Not in lower case: that can be longer than the text, and places in it be others.
    const found = new RegExp(wanted.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "iu").exec(run.document.text);
    if (!found) {
      said.textContent = `The document does not have the words ${quoted(oneLine(wanted), 60)}.`;
      return;
    }
    state.set({ mark: { start: found.index, end: found.index + found[0].length } });
    reveal(rowsOf(state.mark)[0]);
  });
  unmark.addEventListener("click", () => state.set({ mark: null }));
  list.addEventListener("click", (event) => {
    const at = event.target.closest("[data-row]");
    if (!at) return;
    pin(Number(at.dataset.row), event.shiftKey);
  });
  list.addEventListener("pointerover", (event) => {
    const at = event.target.closest("[data-row]");
    state.set({ hover: at ? Number(at.dataset.row) : null });
  });
  list.addEventListener("pointerleave", () => state.set({ hover: null }));

  let pinned = state.pinned.at(-1) ?? null;
  const { redraw, later, stop, perWidth } = redraws(body, state, [{ at: [frame, key], draw() {
    const latest = state.pinned.at(-1) ?? null;
    if (latest !== pinned) {
      pinned = latest;
      if (latest !== null && latest !== own) reveal(latest, size >= READABLE || !calm());
      own = null;
    }
    draw();
  } }, { at: [reading], draw: drawReading }], () => drawOver());
  const inside = perWidth(() => Math.max(160, frame.clientWidth));
  const unwatch = whenColoursChange(later);

  return {
    update: redraw,
    /** The whole text as a map. */
    svg() {
      setter.take(run);
      const width = 900, high = 460, set = setter.set(width, setter.fit(width, high, LARGEST)), paint = colours(), step = run.steps[state.step];
      const drawing = s("svg", { viewBox: `0 0 ${width} ${Math.ceil(set.height)}` }), { kinds, strengths } = attended(step, state.layer), hue = { [SELECTED]: paint.selected, [SINK]: paint.sink, [LOCAL]: paint.local };
      const bar = (row, fill, opacity) => s("rect", { x: set.left[row].toFixed(1), y: (set.lines[row] * set.line).toFixed(1), width: Math.max(0.8, set.right[row] - set.left[row]).toFixed(1), height: (set.line * 0.8).toFixed(1), fill, "fill-opacity": opacity });
      set.starts.forEach((row, line) => {
        const end = (set.starts[line + 1] ?? setter.rows) - 1;
        drawing.append(s("rect", { x: 0, y: (line * set.line + set.line * 0.25).toFixed(1), width: set.right[end].toFixed(1), height: (set.line * 0.4).toFixed(1), fill: paint["left-out"], "fill-opacity": 0.5 }));
      });
      for (let row = 0; row < kinds.length; row++) if (kinds[row] !== LEFT_OUT) drawing.append(bar(row, hue[kinds[row]], kinds[row] === SELECTED ? (0.35 + 0.65 * strengths[row]).toFixed(2) : 0.6));
      for (const mark of marks()) {
        const [a, b] = rowsOf(mark);
        for (let row = a; row < b; row++) drawing.append(bar(row, paint.needle, 1));
      }
      return standalone([[`What was attended to for ${quoted(step.text)}${state.layer === "all" ? "" : `, layer ${state.layer}`}`, drawing]]);
    },
    /** A row for each token that was attended to at the step. */
    csv() {
      const step = run.steps[state.step], { kinds } = attended(step, state.layer), names = { [SELECTED]: "selected", [SINK]: "first", [LOCAL]: "local" };
      const lines = [];
      kinds.forEach((kind, row) => {
        if (kind !== LEFT_OUT) lines.push([row, run.textOf(row), names[kind], readersOf(step, state.layer, row), voteOf(step, state.layer, row)?.toPrecision(4)]);
      });
      return csv([["row", "token", "kind", "layers", "vote"], ...lines]);
    },
    /** The rows that are drawn as selected and in sight: what a test holds against the recording. */
    shown() {
      const rows = [];
      if (set && now) for (let row = firstInSight(); row < Math.min(endInSight(), now.kinds.length); row++) if (now.kinds[row] === SELECTED) rows.push(row);
      return { rows, size, from: set ? firstInSight() : 0, to: set ? endInSight() : 0, at: (row) => ({ x: (set.left[row] + set.right[row]) / 2, y: y(row) + set.line / 2 }) };
    },
    destroy() {
      stop();
      unwatch();
      node.replaceChildren();
    },
  };
}
