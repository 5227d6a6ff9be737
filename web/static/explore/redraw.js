// When a view draws: once a frame, for what has changed, at the width that there
// is, and only while it is in sight.

const SHARE = 5; // ms of a frame in which views and their parts begin to draw; the others draw in the next, so that neither comes late
/** @type {Map<{node: Element, now: () => void, some: (end: number) => boolean}, boolean>} views that are to draw, and whether they have waited for a frame already */
const waiting = new Map();
let frame = 0;

function drawWaiting() {
  frame = 0;
  const end = performance.now() + SHARE, acting = document.activeElement;
  // Whoever acts in a view sees that one answer first.
  const order = [...waiting].sort(([a], [b]) => Number(b.node.contains(acting)) - Number(a.node.contains(acting)));
  try {
    for (const [view, waited] of order) {
      if (waited) view.now();
      else if (performance.now() < end && view.some(end)) waiting.delete(view);
      else waiting.set(view, true);
    }
  } finally { // a view that fails keeps no other from drawing
    if (waiting.size > 0) frame = requestAnimationFrame(drawWaiting);
  }
}

/** What a view looks at besides the row that is pointed at, which changes without end. */
const looked = ({ step, layer, head, pinned, mark }) => JSON.stringify([step, layer, head, pinned, mark]);

/**
 * Draws when the state or the node's width is another, or when it is asked to.
 * @param {Element} node whose width counts
 * @param {{subscribe(listener: () => void): () => void, hover: number | null}} state
 * @param {(() => void)[]} parts what draws, one after the other; the first is what answers whoever acts
 * @param {(row: number | null) => void} [point] is told which row is pointed at, which needs no drawing
 */
export function redraws(node, state, parts, point = () => {}) {
  let before = looked(state), hover = state.hover, wide = 0, seen = true, due = parts.length; // the first of the parts that is to be drawn
  /** Draws what has waited: before it is printed or goes out as a file. */
  const now = () => {
    waiting.delete(view);
    while (due < parts.length) parts[due++]();
  };
  /** Draws parts until a time, and tells whether all are drawn. */
  const some = (end) => {
    while (due < parts.length && performance.now() < end) parts[due++]();
    return due === parts.length;
  };
  const view = { node, now, some };
  const later = () => {
    due = 0;
    if (!seen) return;
    if (!waiting.has(view)) waiting.set(view, false);
    frame ||= requestAnimationFrame(drawWaiting);
  };
  addEventListener("beforeprint", now);
  const sight = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen && due < parts.length) later();
  });
  sight.observe(node);
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
    later();
  });
  resized.observe(node);
  /** The node's width as it was last: to ask the node lays the page out, once more for each view that has just drawn. */
  const width = () => (wide ||= node.clientWidth);
  return {
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
