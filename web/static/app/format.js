// Numbers in words.

const whole = new Intl.NumberFormat("en");

export const count = (n) => whole.format(Math.round(n));

/** Bytes in decimal units, as browsers and files are labelled. */
export function bytes(n) {
  const units = ["bytes", "kB", "MB", "GB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** Tokens a second. */
export function rate(n) {
  if (!(n > 0)) return "–";
  return `${n >= 10 ? count(n) : n.toFixed(1)} tokens/s`;
}

/** Milliseconds as a short time. */
export function time(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return duration(ms / 1000);
}

/** Seconds, roughly. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** A guess at the tokens of a text, before a tokenizer has seen it. */
export const guessTokens = (text) => Math.ceil(text.length / 4.3);
