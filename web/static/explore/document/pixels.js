// Text that is too small for words, pixel by pixel: to have the canvas fill a
// rectangle for each of thousands of tokens takes it a good part of a frame.
import { LEFT_OUT, SELECTED } from "../attended.js";

/**
 * @typedef {object} Sight what is in sight of lines that are set
 * @property {{line: number, left: Float32Array, right: Float32Array, lines: Uint32Array}} set
 * @property {number} from @property {number} to rows [from, to)
 * @property {number} top pixels of the page above what is in sight
 * @property {number} tall pixels of the page that a line's shade is high
 * @property {number} ratio pixels of the screen to one of the page
 */

/**
 * The text as grey bands, so that its shape is seen: what its rows cover of each pixel, half of it.
 * @param {Sight} sight
 */
export function bands(image, { set, from, to, top, tall, ratio }, hue) {
  const { data, width, height } = image, covered = new Float32Array(width);
  for (let row = from; row < to;) {
    const line = set.lines[row], upper = (line * set.line - top + tall * 0.25) * ratio, lower = upper + tall * 0.5 * ratio;
    covered.fill(0);
    for (; row < to && set.lines[row] === line; row++) {
      const a = set.left[row] * ratio, b = a + Math.max(0.5, set.right[row] - set.left[row] - set.line * 0.15) * ratio;
      for (let x = Math.floor(a); x < Math.min(width, b); x++) covered[x] += Math.min(x + 1, b) - Math.max(x, a);
    }
    for (let down = Math.max(0, Math.floor(upper)); down < Math.min(height, lower); down++) {
      const strength = 127.5 * (Math.min(down + 1, lower) - Math.max(down, upper));
      for (let x = 0, at = 4 * down * width; x < width; x++, at += 4) {
        data[at] = hue[0];
        data[at + 1] = hue[1];
        data[at + 2] = hue[2];
        data[at + 3] = covered[x] * strength;
      }
    }
  }
}

/** Lays a rectangle over what is there. */
function lay({ data, width, height }, left, upper, right, lower, [red, green, blue], alpha) {
  const x0 = Math.max(0, Math.floor(left)), x1 = Math.min(width, right), y1 = Math.min(height, lower);
  for (let y = Math.max(0, Math.floor(upper)); y < y1; y++) {
    const tall = alpha * (Math.min(y + 1, lower) - Math.max(y, upper));
    for (let x = x0, at = 4 * (y * width + x0); x < x1; x++, at += 4) {
      const over = tall * (Math.min(x + 1, right) - Math.max(x, left)), under = (data[at + 3] / 255) * (1 - over), all = over + under;
      if (all === 0) continue;
      data[at] = (red * over + data[at] * under) / all;
      data[at + 1] = (green * over + data[at + 1] * under) / all;
      data[at + 2] = (blue * over + data[at + 2] * under) / all;
      data[at + 3] = 255 * all;
    }
  }
}

/**
 * The shades of what was attended to.
 * @param {Sight} sight
 * @param {{kinds: Uint8Array, strengths: Float32Array}} now
 * @param {Record<number, number[]>} hues red, green and blue by kind
 */
export function shades(image, { set, from, to, top, tall, ratio }, { kinds, strengths }, hues) {
  for (let row = from; row < Math.min(to, kinds.length); row++) {
    const kind = kinds[row];
    if (kind === LEFT_OUT) continue;
    const left = set.left[row] * ratio, upper = (set.lines[row] * set.line - top) * ratio;
    lay(image, left, upper, left + Math.max(1.5, set.right[row] - set.left[row]) * ratio, upper + tall * ratio, hues[kind], kind === SELECTED ? 0.35 + 0.65 * strengths[row] : 0.6);
  }
}
