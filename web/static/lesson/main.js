// The lesson: figures into their places, numbers into its sentences, and another
// run in place of the recorded one.
import { byId, element } from "../app/dom.js";
import { count } from "../app/format.js";
import { Run } from "../explore/run.js";
import { RECORDINGS, figure } from "./catalogue.js";
import { frame } from "./frame.js";
import { Linked, beginning } from "./linked.js";
import { form } from "./live-form.js";
import { write } from "./numbers.js";
import { source } from "./source.js";

const parameters = new URL(location.href).searchParams;
const says = byId("run-state");

/** @type {Map<string, {destroy(): void}>} */
const framed = new Map();
let state = null, shown = null;

const recordings = new Map();
function recording(address) {
  if (!recordings.has(address)) recordings.set(address, Run.open(new URL(address, document.baseURI)));
  return recordings.get(address);
}

/** The address of a figure alone, at what is looked at now; none for a live run, which has no address. */
function alone(name) {
  if (!shown?.address) return "";
  const query = new URLSearchParams({ f: name, step: state.step, head: state.head, layer: state.layer });
  if (parameters.has("run")) query.set("run", parameters.get("run"));
  return `figure.html?${query}`;
}

/** What is looked at goes into the address, at every place of the page; a live run has none. */
function keep() {
  if (shown?.address && [...parameters].length > 0) history.replaceState(null, "", `?${parameters}${location.hash}`);
}

/** Draws every figure of a run. address: where it is, null for a live one. */
async function show(run, address) {
  state = new Linked(beginning(run, shown ? new URLSearchParams() : parameters));
  shown = { run, address };
  state.subscribe(() => {
    for (const name of ["step", "layer", "head"]) parameters.set(name, state[name]);
    keep();
  });
  await Promise.all([...document.querySelectorAll("[data-figure]")].map(async (place) => {
    const name = place.dataset.figure;
    try {
      const module = await figure(name);
      const own = module.recording && address ? await recording(RECORDINGS[module.recording]) : run;
      framed.get(name)?.destroy();
      framed.set(name, frame(place, name, module, own, own === run ? state : new Linked(beginning(own, new URLSearchParams())), { alone }));
    } catch (error) {
      place.replaceChildren(element("p", { className: "hint", textContent: `This figure cannot be shown: ${error.message}` }));
    }
  }));
  write(document, run);
  const about = `${run.model.model}, ${run.model.quantisation}, on ${run.model.adapter || run.model.device}${run.header ? `, ${run.header.created.slice(0, 10)}` : ", in this browser, just now"}; ${count(run.rows)} tokens; n_init ${run.selection.n_init}, k ${run.selection.k}, n_local ${run.selection.n_local}, θ ${run.selection.theta}, pool ${run.selection.pool}. `;
  byId("run-about").replaceChildren(about, ...address ? [element("a", { href: `explore.html#${new URLSearchParams({ run: address })}`, textContent: "Open it in the explorer" })] : []);
  says.textContent = address ? "" : "The figures and the numbers in the text are of your run. The sentences around them were written for the recording, and may not fit it.";
  document.body.dataset.ready = address ? "recording" : "live";
}

async function start() {
  for (const place of document.querySelectorAll(".source")) source(place);
  const address = parameters.get("run") ?? RECORDINGS.main;
  const run = await recording(address);
  addEventListener("popstate", keep);
  await show(run, address);
  // A place in the address is where the page has grown to only now.
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  form(run, { show: (live) => show(live, null), back: () => show(run, address) });
}

start().catch((error) => { says.textContent = `The recording cannot be opened: ${error.message} The text can be read without it.`; });
