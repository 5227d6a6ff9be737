// The lesson's figures by name.
export const FIGURES = ["answers", "alike", "scattered", "product", "scores", "softmax", "loud", "cut", "found", "positions", "trained", "cache", "cost"];

/** @returns {Promise<{title: string, about: string, view: Function, uses?: string[], recording?: string}>} */
export function figure(name) {
  if (!FIGURES.includes(name)) throw new Error(`there is no figure ${JSON.stringify(name)}, there are: ${FIGURES.join(", ")}`);
  return import(`./figures/${name}.js`);
}

/** The recordings that figures are of: the lesson's own, and one with the Selection Cache at work. */
export const RECORDINGS = { main: "recordings/lesson.json.gz", cache: "recordings/four-numbers.json.gz" };
