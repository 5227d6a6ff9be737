// When a view draws: once a frame, for what has changed, at the width that there
// is, and only while it is in sight.

const SHARE = 5; // ms of a frame in which views and their parts begin to draw; the others draw in the next, so that neither comes late
/** @type {Map<{node: Element, some: (end: number) => boolean}, boolean>} views that are to draw, and whether they have waited for a frame already */
const waiting = new Map();
let frame = 0;

function drawWaiting() {
  frame = 0;
  const end = performance.now() + SHARE, acting = document.activeElement;
  // Whoever acts in a view sees that one answer first.
  const order = [...waiting].sort(([a], [b]) => Number(b.node.contains(acting)) - Number(a.node.contains(acting)));
  try {
    for (const [view, waited] of order) {
      if (waited ? view.some(Infinity) : performance.now() < end && view.some(end)) waiting.delete(view);
      else waiting.set(view, true);
    }
  } finally { // a view that fails keeps no other from drawing
    if (waiting.size > 0) frame = requestAnimationFrame(drawWaiting);
  }
}

/** What a view looks at besides the row that is pointed at, which changes without end. */
const looked = ({ step, layer, head, pinned, mark }) => JSON.stringify([step, layer, head, pinned, mark]);

/** How much of the top of the window something else covers, as a margin of what is in sight: what stands under it need not be drawn. */
const uncovered = () => `-${parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop) || 0}px 0px 0px 0px`;

/**
 * Draws when the state or the node's width is another, or when it is asked to.
 * @param {Element} node whose width counts
 * @param {{subscribe(listener: () => void): () => void, hover: number | null}} state
 * @param {{draw: () => void, at?: Element[]}[]} parts what draws, one after the other; the first is what answers whoever acts. Once drawn, a part waits while none of the elements that it draws in is in sight
 * @param {(row: number | null) => void} [point] is told which row is pointed at, which needs no drawing
 */
export function redraws(node, state, parts, point = () => {}) {
  let before = looked(state), hover = state.hover, wide = 0;
  const due = new Set(parts), fresh = new Set(parts), hidden = new Set(); // parts that are to be drawn, and that never were; elements out of sight
  // What was never drawn has no height yet: it must not begin to push the rest about when it comes into sight.
  const wanted = (part) => fresh.has(part) || (!hidden.has(node) && (!part.at || part.at.some((element) => !hidden.has(element))));
  const draw = (part) => {
    due.delete(part);
    fresh.delete(part);
    part.draw();
  };
  /** Draws what has waited, in sight or not: before it is printed or goes out as a file. */
  const now = () => {
    waiting.delete(view);
    for (const part of parts) if (due.has(part)) draw(part);
  };
  /** Draws parts until a time, but for those out of sight, and tells whether that was enough of it. */
  const some = (end) => {
    for (const part of parts) {
      if (!due.has(part) || !wanted(part)) continue;
      if (performance.now() >= end) return false;
      draw(part);
    }
    return true;
  };
  const view = { node, some };
  const wait = () => {
    if (![...due].some(wanted)) return;
    if (!waiting.has(view)) waiting.set(view, false);
    frame ||= requestAnimationFrame(drawWaiting);
  };
  const later = () => {
    for (const part of parts) due.add(part);
    wait();
  };
  /** The run has more steps, or all: then what is out of sight takes up its space, too. */
  const redraw = (all = false) => {
    if (all) for (const part of parts) fresh.add(part);
    later();
  };
  addEventListener("beforeprint", now);
  const sighted = (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) hidden.delete(target);
      else hidden.add(target);
    }
    wait();
  };
  let sight = null;
  const watch = () => {
    sight?.disconnect();
    sight = new IntersectionObserver(sighted, { rootMargin: uncovered() });
    for (const element of new Set([node, ...parts.flatMap(({ at = [] }) => at)])) sight.observe(element);
  };
  const unsubscribe = state.subscribe(() => {
    if (state.hover !== hover) point((hover = state.hover));
    const after = looked(state);
    if (after === before) return;
    before = after;
    later();
  });
  const resized = new ResizeObserver(() => {
    if (node.clientWidth === wide) return;
    wide = node.clientWidth;
    watch();
    later();
  });
  watch();
  resized.observe(node);
  /** The node's width as it was last: to ask the node lays the page out, once more for each view that has just drawn. */
  const width = () => (wide ||= node.clientWidth);
  return {
    redraw,
    later,
    now,
    width,
    /** Remembers what is measured as long as the width stays. */
    perWidth(measure) {
      let at = null, found;
      return () => {
        if (at !== width()) {
          at = width();
          found = measure();
        }
        return found;
      };
    },
    stop() {
      removeEventListener("beforeprint", now);
      unsubscribe();
      resized.disconnect();
      sight.disconnect();
      waiting.delete(view);
    },
  };
}
