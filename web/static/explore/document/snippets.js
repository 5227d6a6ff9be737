// What a step reads, in words: the places with the most votes and what stands
// around them.
import { count } from "../../app/format.js";
import { SELECTED, clusters } from "../attended.js";
import { described as d } from "../described.js";

const PLACES = 10, AROUND = 7;

/** The places of a step, each a button that pins it; now is what the step attended to. */
export function places(run, state, now) {
  return clusters(now, PLACES).map(({ from, to }) => {
    const text = d("span", { class: "context" });
    for (let row = Math.max(0, from - AROUND); row < Math.min(run.rows, to + AROUND); row++) {
      const said = run.textOf(row);
      text.children.push(now.kinds[row] === SELECTED ? d("mark", { "data-tenths": Math.round(10 * now.strengths[row]) }, said) : said);
    }
    return d("li", {}, d("button", { type: "button", class: "row-button", "data-row": from, "aria-pressed": state.pinned.some((row) => row >= from && row < to) },
      d("small", {}, `token ${count(from)}`), text));
  });
}
