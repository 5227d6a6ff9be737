// When a view draws: once a frame, for what has changed, at the width that there is.

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
  let asked = 0, before = looked(state), hover = state.hover, wide = 0;
  const later = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
  const unsubscribe = state.subscribe(() => {
    if (state.hover !== hover) point((hover = state.hover));
    const now = looked(state);
    if (now === before) return;
    before = now;
    later();
  });
  const resized = new ResizeObserver(() => {
    if (node.clientWidth === wide) return;
    wide = node.clientWidth;
    later();
  });
  resized.observe(node);
  return {
    later,
    stop() {
      unsubscribe();
      resized.disconnect();
      cancelAnimationFrame(asked);
    },
  };
}
