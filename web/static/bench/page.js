// The page of measurements. Its address may say what to measure (?device=cpu
// &policies=tokenselect,dense&depths=512,2048&tokens=32&runs=2) and, with
// &start, to begin at once; globalThis.bench is then a promise of the figures.
import { element } from "../app/dom.js";
import { bench } from "./measure.js";
import { Paint } from "./paint.js";
import { heading, markdown, tables } from "./report.js";

const at = (id) => document.getElementById(id);
const asked = new URL(location.href).searchParams;

const POLICIES = ["tokenselect", "dense", "window"];

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

function show(rows) {
  const made = tables(rows).map(({ title, columns, cells }) => element("figure", {},
    element("figcaption", {}, title),
    element("div", { className: "wide", tabIndex: 0, role: "group", ariaLabel: title }, element("table", {},
      element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...cells.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell)))))))));
  at("figures").replaceChildren(...made);
}

function offer(id, name, type, text) {
  const link = at(id);
  URL.revokeObjectURL(link.href);
  Object.assign(link, { href: URL.createObjectURL(new Blob([text], { type })), download: name, hidden: false });
}

async function run() {
  const tell = (words) => { at("state").textContent = words; };
  at("start").disabled = true;
  try {
    const rows = [], paint = new Paint(at("answer"));
    const result = await bench(options(), { tell, paint, row: (row) => { rows.push(row); show(rows); } });
    at("heading").textContent = heading(result);
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

for (const name of ["device", "policies", "depths", "tokens", "runs"]) if (asked.has(name)) at(name).value = asked.get(name);
for (const name of ["trace", "hollow"]) at(name).checked = asked.has(name);
at("form").onsubmit = (event) => {
  event.preventDefault();
  globalThis.bench = run();
  globalThis.bench.catch(() => {}); // the page has told of it
};
if (asked.has("start")) globalThis.bench = run();
