// The same question, read with several policies.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { blank, probability, quoted } from "../../explore/numbers.js";
import { swept } from "../measures.js";

export const title = "One question, read in three ways";
export const about = "The model writes its answer after reading all tokens, only the first and the most recent ones, or the ones that TokenSelect picks.";

const NAMES = { dense: "dense: every token", window: "window: the first and the most recent", tokenselect: "TokenSelect: the ones that its heads vote for" };

/** An answer as it is shown: of one without words, what it is of. */
const said = (answer) => (answer.trim() ? quoted(answer, 60) : blank(answer));

export function view(node, run) {
  const rows = () => ["dense", "window", "tokenselect"].map((policy) => swept(run, policy)).filter(Boolean);
  const right = (row) => (run.expected ? row.answer.includes(run.expected) : null);

  function update() {
    if (rows().length === 0) {
      node.replaceChildren(element("p", { className: "hint", textContent: `The answer: ${quoted(run.answer)}. Other policies were not measured in this run; record with -sweep, or run it live with “compare”.` }));
      return;
    }
    node.replaceChildren(element("table", { className: "answers" },
      element("thead", {}, element("tr", {}, ...["What is read", "Tokens read for a word", "Answer", ...(rows().some((row) => row.p !== null) ? ["Probability of the right one"] : [])].map((t) => element("th", { scope: "col", textContent: t })))),
      element("tbody", {}, ...rows().map((row) => {
        const verdict = right(row);
        const cells = [
          element("th", { scope: "row", textContent: NAMES[row.policy] ?? row.policy }),
          element("td", { textContent: count(row.rows) }),
          element("td", {}, verdict === null ? "" : element("span", { className: verdict ? "right" : "wrong", textContent: verdict ? "✓ " : "✗ " }), said(row.answer)),
        ];
        if (row.p !== null) {
          const bar = element("span", { className: "bar" });
          bar.style.width = `${Math.max(1, 100 * row.p)}%`;
          cells.push(element("td", {}, element("span", { className: "bar-ground" }, bar), element("span", { textContent: probability(row.p) })));
        }
        return element("tr", { data: { policy: row.policy } }, ...cells);
      }))));
  }
  update();
  return { update, csv: () => csv([["policy", "k", "tokens read", "answer", "probability of the right answer", "ms a token"], ...run.sweep.map((r) => [r.policy, r.k, r.rows, r.answer, r.p, r.ms])]) };
}
