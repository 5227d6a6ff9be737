// The overview beside the document: where in all of it the chosen tokens lie,
// what is in sight, and where the answer was read from.

export class Minimap {
  #canvas;
  #colours = null;

  /** @param {(share: number) => void} go to a share of the document */
  constructor(canvas, go) {
    this.#canvas = canvas;
    const aim = (event) => go((event.clientY - canvas.getBoundingClientRect().top) / canvas.clientHeight);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      aim(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons) aim(event);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.#colours = null; });
  }

  /**
   * @param {object} picture
   * @param {{from: number, to: number}} picture.window in sight
   * @param {((number: number) => Float32Array) | null} picture.bins layers that chose, by stretch
   * @param {[number, number][]} picture.always stretches that are always attended to
   * @param {number | null} picture.source
   */
  draw({ window, bins, always, source }) {
    const canvas = this.#canvas, scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (width === 0 || height === 0) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const style = getComputedStyle(canvas);
    this.#colours ??= { mark: style.getPropertyValue("--mark"), line: style.getPropertyValue("--line"), accent: style.getPropertyValue("--accent") };
    const { mark, line, accent } = this.#colours;
    const g = canvas.getContext("2d");
    g.clearRect(0, 0, width, height);
    g.globalAlpha = 0.55;
    g.fillStyle = line;
    g.fillRect(0, window.from * height, width, Math.max(2, (window.to - window.from) * height));
    g.fillStyle = mark;
    for (const [from, to] of always) {
      if (to > from) g.fillRect(0, from * height, 3 * scale, Math.max(2, (to - from) * height));
    }
    if (bins) {
      const rows = Math.floor(height / (2 * scale));
      const sums = bins(rows);
      const most = sums.reduce((a, b) => Math.max(a, b), 0);
      sums.forEach((sum, i) => {
        if (sum === 0) return;
        g.globalAlpha = 0.25 + 0.75 * (sum / most);
        const wide = (width - 6 * scale) * Math.sqrt(sum / most);
        g.fillRect(5 * scale, (i * height) / rows, wide, height / rows);
      });
    }
    if (source !== null) {
      g.globalAlpha = 1;
      g.fillStyle = accent;
      g.fillRect(0, source * height - 2 * scale, width, 4 * scale);
    }
  }
}
