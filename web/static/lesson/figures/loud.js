// Adding raw scores against adding shares: what each head gets of either choice.
import { element } from "../../app/dom.js";
import { count } from "../../app/format.js";
import { csv } from "../../explore/csv.js";
import { percent } from "../../explore/numbers.js";
import { s } from "../../explore/svg.js";
import { sheet, text } from "../drawing.js";
import { marked, order, raw, softmax, spread, sum } from "../measures.js";

export const title = "One loud head, or a vote";
export const about = "Of every head’s own attention, the share that lies on the chosen tokens: chosen by the sum of raw scores, and by the sum of softmaxes. Loudness is how widely a head’s scores spread.";
export const uses = ["step"];

export function view(node, run, state) {
  const k = element("input", { type: "range", min: 4, max: 10, step: 1, value: Math.round(Math.log2(run.selection.k)) });
  const said = element("output"), drawing = element("div"), words = element("p", { className: "hint" });
  const key = element("ul", { className: "key" }, element("li", { className: "local", textContent: "chosen by raw scores (eq. 5)" }), element("li", { className: "selected", textContent: "chosen by soft vote (eq. 7)" }));
  node.replaceChildren(element("div", { className: "controls" }, element("label", { className: "field" }, "Tokens chosen, k ", k, said)), key, drawing, words);
  k.addEventListener("input", () => draw());
  let kept = null; // of this step

  function measured() {
    if (kept?.step === state.step) return kept;
    const step = run.steps[state.step];
    if (!step?.layers[state.scored].scores) return null;
    const heads = raw(run, step, state.scored), shares = heads.map(({ values }) => softmax(values));
    kept = { step: state.step, heads, shares, loud: heads.map(({ values }) => spread(values)), raw: order(sum(heads.map((h) => h.values))), vote: order(sum(shares)), lo: heads[0].lo };
    return kept;
  }

  const got = (share, places) => places.reduce((all, i) => all + share[i], 0);

  function rows() {
    const m = measured(), n = Math.min(2 ** Number(k.value), m.vote.length);
    return m.heads.map(({ head }, i) => ({ head, loud: m.loud[i], raw: got(m.shares[i], m.raw.subarray(0, n)), vote: got(m.shares[i], m.vote.subarray(0, n)) }));
  }

  function draw() {
    const m = measured();
    if (!m) {
      drawing.replaceChildren("The scores of a layer’s heads were not recorded. Record with -record scores=LAYER:HEAD for each of them.");
      words.textContent = "";
      return;
    }
    const n = 2 ** Number(k.value), all = rows();
    said.textContent = count(n);
    const width = Math.max(280, node.clientWidth || 640), left = 132, right = 58, line = 34, top = 6, wide = width - left - right;
    const figure = sheet(width, top + all.length * line + 4, `Share of each head's attention on ${n} tokens: ${all.map((r) => `head ${r.head} ${percent(r.raw)} by raw scores, ${percent(r.vote)} by vote`).join("; ")}`);
    all.forEach((r, i) => {
      const y = top + i * line;
      figure.append(text(left - 10, y + 14, `head ${r.head}`, "axis end"), text(left - 10, y + 28, `loudness ${r.loud.toFixed(1)}`, "axis end small"),
        s("rect", { x: left, y: y + 3, width: wide, height: 25, class: "ground" }),
        s("rect", { x: left, y: y + 3, width: Math.max(1, wide * r.raw), height: 12, class: "local" }), s("rect", { x: left, y: y + 16, width: Math.max(1, wide * r.vote), height: 12, class: "selected" }),
        text(left + wide + 6, y + 14, percent(r.raw), "axis number"), text(left + wide + 6, y + 28, percent(r.vote), "axis number"));
    });
    drawing.replaceChildren(figure);
    const both = new Set(m.raw.subarray(0, n)), shared = m.vote.subarray(0, n).filter((i) => both.has(i)).length;
    const needle = marked(run).map((row) => row - m.lo), inRaw = needle.filter((i) => both.has(i)).length, votes = new Set(m.vote.subarray(0, n)), inVote = needle.filter((i) => votes.has(i)).length;
    words.textContent = `The two choices share ${count(shared)} of ${count(n)} tokens.${needle.length > 0 ? ` Of the marked sentence’s ${needle.length} tokens raw scores choose ${inRaw}, the vote ${inVote}.` : ""} Here without the neighbours that the engine’s pool brings along.`;
  }
  draw();
  return { update: draw, csv: () => csv([["head", "loudness", "share on tokens chosen by raw scores", "share on tokens chosen by soft vote"], ...rows().map((r) => [r.head, r.loud, r.raw, r.vote])]) };
}
