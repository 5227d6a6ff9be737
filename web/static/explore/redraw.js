// When a view draws: once a frame, for what has changed, at the width that there
// is, and only while it is in sight.

/** What a view looks at besides the row that is pointed at, which changes without end. */
const looked = ({ step, layer, head, pinned, mark }) => JSON.stringify([step, layer, head, pinned, mark]);

/**
 * Draws when the state or the node's width is another, or when it is asked to.
 * @param {Element} node whose width counts
 * @param {{subscribe(listener: () => void): () => void, hover: number | null}} state
 * @param {() => void} draw
 * @param {(row: number | null) => void} [point] is told which row is pointed at, which needs no drawing
 */
export function redraws(node, state, draw, point = () => {}) {
  let asked = 0, before = looked(state), hover = state.hover, wide = 0, seen = true, stale = false;
  const later = () => {
    stale = true;
    if (!seen) return;
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      stale = false;
      draw();
    });
  };
  /** Draws what has waited: before it is printed or goes out as a file. */
  const now = () => {
    if (!stale) return;
    cancelAnimationFrame(asked);
    asked = 0;
    stale = false;
    draw();
  };
  addEventListener("beforeprint", now);
  const sight = new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen && stale) later();
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
      cancelAnimationFrame(asked);
    },
  };
}
