// The page of measurements. Its address may say what to measure (?device=cpu
// &policies=tokenselect,dense&depths=512,2048&tokens=32&runs=2, or ?what=attention
// &shapes=needle-16m&depths=1024&kernels) and, with &start, to begin at once;
// globalThis.bench is then a promise of the figures.
import { element } from "../app/dom.js";
import { bench } from "./measure.js";
import { Paint } from "./paint.js";
import { benchParts } from "./parts.js";
import { described, markdown, tables } from "./report.js";

const at = (id) => document.getElementById(id);
const asked = new URL(location.href).searchParams;

const POLICIES = ["tokenselect", "dense", "window"];

/** What stands in fields that mean something else for each thing that is measured, until it is changed. */
const texts = {
  model: { policies: "tokenselect", depths: "512, 2048, 8192, 32768" },
  attention: { shapes: "needle-16m, SmolLM2-135M", policies: "dense, tokenselect, window", depths: "1024, 8192, 32768" },
  matvec: { shapes: "needle-16m, SmolLM2-135M" },
};
const BUDGETS = { attention: ["n_init", "k", "n_local", "chunk"], matvec: ["chunk"] };
const LONG = 60; // characters of a cell that is a sentence
let what;

function keep() {
  for (const name of Object.keys(texts[what])) texts[what][name] = at(name).value;
}

/** Shows the fields of what is to be measured. */
function choose(next) {
  what = next;
  for (const [name, text] of Object.entries(texts[what])) at(name).value = text;
  for (const field of document.querySelectorAll("[data-of]")) field.hidden = !field.dataset.of.split(" ").includes(what);
}

/** Numbers in words such as "512, 2048". */
function numbers(name, text, least) {
  const found = text.split(",").map((part) => Number(part.trim()));
  if (!found.every((n) => Number.isInteger(n) && n >= least)) throw new Error(`${name}: "${text}", expected whole numbers of at least ${least}, with commas between them`);
  return found;
}

/** @returns {import("./measure.js").Options} what the form says */
function options() {
  const policies = at("policies").value.split(",").map((part) => part.trim());
  const unknown = policies.find((name) => !POLICIES.includes(name));
  if (unknown !== undefined) throw new Error(`policies: "${unknown}", expected some of ${POLICIES.join(", ")}`);
  const [tokens] = numbers("tokens", at("tokens").value, 8);
  const [runs] = numbers("runs", at("runs").value, 1);
  return { depths: numbers("depths", at("depths").value, 64), policies, device: at("device").value, tokens, runs, trace: at("trace").checked, hollow: at("hollow").checked };
}

/** @returns {import("./parts.js").PartOptions} what the form says; the command checks it */
function partOptions() {
  const flags = {};
  for (const name of Object.keys(texts[what])) flags[name] = at(name).value;
  for (const name of BUDGETS[what]) flags[name.replace("_", "-")] = at(name).value;
  return { what, device: at("device").value, flags, kernels: what === "attention" && at("kernels").checked };
}

/** @param {{heading?: string, tables: import("./report.js").Table[]}[]} reports */
function show(reports) {
  at("figures").replaceChildren(...reports.flatMap(({ heading, tables }) => [...(heading ? [element("p", { className: "facts" }, heading)] : []), ...drawn(tables)]));
}

function drawn(tables) {
  return tables.map(({ title, columns, cells, beneath }) => element("figure", {},
    element("figcaption", {}, title),
    element("div", { className: "wide", tabIndex: 0, role: "group", ariaLabel: title }, element("table", {},
      element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...cells.map((row, i) => element("tr", { className: beneath?.[i] ? "beneath" : "" }, ...row.map((cell) => element("td", { className: cell.length > LONG ? "long" : "" }, cell)))))))));
}

function offer(id, name, type, text) {
  const link = at(id);
  URL.revokeObjectURL(link.href);
  Object.assign(link, { href: URL.createObjectURL(new Blob([text], { type })), download: name, hidden: false });
}

function wholeModel(tell) {
  const rows = [], paint = new Paint(at("answer"));
  return bench(options(), { tell, paint, row: (row) => { rows.push(row); show([{ tables: tables(rows) }]); } });
}

async function run() {
  const tell = (words) => { at("state").textContent = words; };
  at("start").disabled = true;
  try {
    const result = what === "model" ? await wholeModel(tell) : await benchParts(partOptions(), tell);
    show(described(result));
    offer("json", "bench.json", "application/json", JSON.stringify(result, null, 2));
    offer("markdown", "bench.md", "text/markdown", `${markdown(result)}\n`);
    tell("done");
    return result;
  } catch (error) {
    tell(`${error.message} ${error.hint ?? ""}`);
    throw error;
  } finally {
    at("start").disabled = false;
  }
}

if (asked.get("what") in texts) at("what").value = asked.get("what");
choose(at("what").value);
at("what").onchange = () => {
  keep();
  choose(at("what").value);
};
for (const name of ["device", "shapes", "policies", "depths", "n_init", "k", "n_local", "chunk", "tokens", "runs"]) if (asked.has(name)) at(name).value = asked.get(name);
for (const name of ["kernels", "trace", "hollow"]) at(name).checked = asked.has(name);
at("form").onsubmit = (event) => {
  event.preventDefault();
  globalThis.bench = run();
  globalThis.bench.catch(() => {}); // the page has told of it
};
if (asked.has("start")) globalThis.bench = run();
