// What the softmax makes of a head's scores.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { percent } from "../../explore/numbers.js";
import { context, marked, order, raw, softmax } from "../measures.js";

export const title = "The softmax of a head";
export const about = "Every score becomes a share, and the shares of a head come to one. These are its largest; green ones are of the marked sentence.";
export const uses = ["step", "head"];
const SHOWN = 8;

export function view(node, run, state) {
  const best = () => {
    const of = run.steps[state.step]?.layers[state.scored].scores ? raw(run, run.steps[state.step], state.scored).find((one) => one.head === state.head) : null;
    if (!of) return null;
    const shares = softmax(of.values);
    return { of, shares, places: order(shares).subarray(0, SHOWN) };
  };
  function line(name, share, kind, label) {
    const bar = element("span", { className: `bar ${kind}` });
    bar.style.width = `${Math.max(0.3, 100 * share)}%`;
    return element("li", {}, element("span", { className: "share", textContent: percent(share) }), element("span", { className: "bar-ground" }, bar), element("span", { className: "words", title: label }, ...name));
  }
  function update() {
    const found = best();
    if (!found) {
      node.replaceChildren("Scores of this head were not recorded. Record with -record scores=LAYER:HEAD.");
      return;
    }
    const { of, shares, places } = found, rows = new Set(marked(run));
    let rest = 1;
    const list = Array.from(places, (i) => {
      rest -= shares[i];
      const { before, token, after } = context(run, of.lo + i);
      return line([`${before}`, element("mark", { textContent: token }), after], shares[i], rows.has(of.lo + i) ? "needle" : "selected", `token ${count(of.lo + i)}, score ${of.values[i].toFixed(1)}`);
    });
    list.push(line([`the other ${count(shares.length - places.length)} tokens together`], Math.max(0, rest), "left-out", ""));
    node.replaceChildren(element("ol", { className: "shares" }, ...list));
  }
  update();
  return {
    update,
    csv() {
      const { of, shares, places } = best();
      return csv([["row", "token", "score q·k", "share"], ...Array.from(places, (i) => [of.lo + i, run.textOf(of.lo + i), of.values[i].toFixed(2), shares[i].toPrecision(4)])]);
    },
  };
}
