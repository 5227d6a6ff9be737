// What a step reads, in words: the places with the most votes and what stands
// around them.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { SELECTED, attended, clusters } from "../attended.js";

const PLACES = 10, AROUND = 7;

/** Fills list with the places of a step; pins with a click. */
export function fill(list, run, state) {
  const step = run.steps[state.step];
  if (!step) {
    list.replaceChildren();
    return 0;
  }
  const { kinds, strengths } = attended(step, state.layer);
  const found = clusters(step, state.layer, PLACES);
  list.replaceChildren(...found.map(({ from, to }) => {
    const text = element("span", { className: "context" });
    for (let row = Math.max(0, from - AROUND); row < Math.min(run.rows, to + AROUND); row++) {
      const said = run.textOf(row);
      if (kinds[row] !== SELECTED) {
        text.append(said);
        continue;
      }
      const mark = element("mark", { textContent: said });
      mark.style.setProperty("--strength", strengths[row].toFixed(2));
      text.append(mark);
    }
    const place = element("small", { textContent: `token ${count(from)}` });
    const button = element("button", { type: "button", className: "row-button", data: { row: from } }, place, text);
    button.setAttribute("aria-pressed", String(state.pinned.some((row) => row >= from && row < to)));
    return element("li", {}, button);
  }));
  return found.length;
}
