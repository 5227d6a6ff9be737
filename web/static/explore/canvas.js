// Canvases: as sharp as the screen, in the colours of the page's style sheets.

/** Gives a canvas its size in CSS pixels and returns a cleared context in those units. */
export function prepare(canvas, width, height) {
  const ratio = devicePixelRatio || 1, w = Math.max(1, Math.round(width * ratio)), h = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

const NAMES = ["sink", "selected", "local", "left-out", "needle", "ink", "muted", "line", "paper", "accent"];
const dark = globalThis.matchMedia?.("(prefers-color-scheme: dark)"); // absent where no page is, and nothing is drawn
let found = null; // the style sheets' colours in a scheme: to ask for them restyles what has changed since

function scheme() {
  if (found?.dark !== dark.matches) {
    const style = getComputedStyle(document.documentElement);
    found = {
      dark: dark.matches, shadeMost: Number(style.getPropertyValue("--shade-most")) || 0.46,
      colours: Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])),
    };
  }
  return found;
}

/** The page's colours by name, as they are now: canvases do not follow style sheets. */
export const colours = () => scheme().colours;

/** How strong the shade behind words may be in the page's colours, from 0 to 1. */
export const shadeMost = () => scheme().shadeMost;

/** Calls draw when the page's colours change; returns what ends that. */
export function whenColoursChange(draw) {
  dark.addEventListener("change", draw);
  return () => dark.removeEventListener("change", draw);
}

const known = new Map();

/** A colour as [red, green, blue]. */
export function channels(colour) {
  if (!known.has(colour)) {
    const probe = new OffscreenCanvas(1, 1).getContext("2d");
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    known.set(colour, [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3));
  }
  return known.get(colour);
}
