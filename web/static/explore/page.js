// The explorer: opens a run, and shows it in views that look at the same step,
// layer and head.
import { byId, element, say } from "../app/dom.js";
import { count } from "../app/format.js";
import { download } from "./export.js";
import { live } from "./live-form.js";
import { milliseconds, oneLine, quoted } from "./numbers.js";
import { recordingOf } from "./recording-file.js";
import { Run } from "./run.js";
import { State } from "./state.js";

const VIEWS = [
  { id: "document", title: "The document", about: "The whole text, coloured where it was read to write the token of the answer that is chosen above. Zoom in for the words." },
  { id: "skyline", title: "Skyline", about: "A line for each token of the answer, and across it the text from its first token to its last: where the layers looked." },
  { id: "heads", title: "Layers and heads", about: "Each layer has several heads, and each looks for something else. What it reads is what they vote for." },
  { id: "needle", title: "The marked passage", about: "Was the passage that holds the answer read: by which layers, for which token of the answer, and was it a near thing?" },
  { id: "budget", title: "Budgets", about: "The same question with more and with fewer tokens read, beside reading all of them and reading only the first and the last." },
  { id: "timeline", title: "Timeline", about: "The answer token by token: how long each took, and how sure the model was of it." },
];
const modules = VIEWS.map(({ id }) => import(`./${id}.js`)); // come while the recording does
const PLAY_MS = 800;
const LINK_MS = 250; // browsers refuse addresses that change with every step of a slider

const state = new State();
/** @type {Run | null} */
let run = null;
let address = null; // of the recording, where it has one that others can open
let shown = [];     // the views on the page
let playing = 0, opening = null;

function fail(message) {
  byId("failure").textContent = message;
  byId("failure").hidden = message === "";
  byId("status").textContent = "";
}

/** Opens a recording; what is shown stays until the new one is there. */
async function open(source, named, link = null, hash = "") {
  opening?.abort();
  const own = opening = new AbortController();
  fail("");
  byId("status").textContent = `Opening ${named} …`;
  try {
    const found = await Run.open(source, { signal: own.signal });
    if (own.signal.aborted) return;
    form.cancel();
    address = link;
    show(found, hash);
    byId("status").textContent = "";
    say(`${named} is open.`);
  } catch (error) {
    if (!own.signal.aborted) fail(`${named}: ${error.message}`);
  }
}

const bar = byId("views").querySelector(".transport");

/** What is scrolled to comes to stand below the steps, which stay in reach. */
const cover = () => { document.documentElement.style.scrollPaddingTop = `${bar.offsetHeight}px`; };
new ResizeObserver(cover).observe(bar);

/** Shows another run. */
async function show(next, hash = "") {
  play(false);
  run = next;
  globalThis.explorer = { run, state, views: {} }; // for the console, and for tests
  for (const { view } of shown) view.destroy();
  shown = [];
  for (const section of document.querySelectorAll("section.view")) section.remove();
  byId("jumps").replaceChildren();
  state.set({ step: 0, layer: "all", head: null, hover: null, pinned: [], mark: null });
  if (hash) {
    state.follow(hash);
    state.within(run);
  }
  byId("views").hidden = false;
  fillChoices();
  cover();
  const mine = run;
  for (const [i, { id, title, about }] of VIEWS.entries()) {
    const { view } = await modules[i];
    if (run !== mine) return; // another one was opened meanwhile
    const body = element("div", { className: "body" });
    const save = (kind, type) => element("button", { type: "button", className: "quiet", textContent: kind.toUpperCase(), title: `Save as ${kind.toUpperCase()}`, onclick: () => download(`${id}-step-${state.step + 1}.${kind}`, made[kind](), type) });
    const section = element("section", { className: "view", id: `view-${id}`, ariaLabel: title },
      element("div", { className: "view-head" }, element("h2", { textContent: title }), element("span", { className: "actions" }, save("svg", "image/svg+xml"), save("csv", "text/csv"))),
      element("p", { className: "hint about-view", textContent: about }), body);
    byId("views").append(section);
    // Buttons: the part of the address behind # says what is looked at.
    byId("jumps").append(element("button", { type: "button", className: "quiet", textContent: title, onclick: () => section.scrollIntoView() }));
    const made = view(body, run, state);
    shown.push({ id, view: made });
    globalThis.explorer.views[id] = made;
  }
  grew();
}

/** The run has more steps, or all of them. */
function grew() {
  state.within(run);
  const { steps } = run;
  byId("step").max = Math.max(0, steps.length - 1);
  byId("question").replaceChildren(element("strong", { textContent: run.question || "Text that goes on" }));
  byId("answer").replaceChildren(...steps.map((step, i) => element("button", { type: "button", className: "token", data: { step: i }, textContent: oneLine(step.text) || "·" })));
  byId("facts").textContent = facts();
  byId("export").hidden = !(run.live && run.done);
  for (const save of document.querySelectorAll(".view-head .actions button")) save.disabled = steps.length === 0; // there is nothing to save yet
  controls();
  for (const { view } of shown) view.update(run.done);
}

/** What the layers read with a selection, in words and with its symbols. */
function read({ policy, n_init, k, n_local, theta, pool }) {
  if (!policy) return "";
  if (policy === "dense") return "dense attention: every token is read";
  const ends = `the first ${n_init} tokens (n_init)`, rest = [theta > 0 ? `theta ${theta}` : "", pool > 0 ? `pool ${pool}` : ""].filter(Boolean).join(", ");
  return policy === "window" ? `window: each layer reads ${ends} and the last ones` : `${policy}: each layer reads ${ends}, ${count(k)} that it selects (k) and the last ${n_local} (n_local)${rest ? `; ${rest}` : ""}`;
}

function facts() {
  const { model, selection, layout, stats } = run;
  const s = selection ?? {};
  return [
    `${model.model}, trained on texts of ${count(model.context)} tokens`,
    layout ? `a document of ${count(layout.ends.length)}` : "",
    read(s),
    model.adapter ? `on ${model.adapter}` : "",
    stats?.first_ms ? `first token after ${stats.first_ms < 10_000 ? milliseconds(stats.first_ms) : `${count(stats.first_ms / 1000)} s`}` : "",
  ].filter(Boolean).join("; ");
}

function fillChoices() {
  const { layers, heads } = run.model, option = (value, textContent) => element("option", { value: String(value), textContent });
  byId("layer").replaceChildren(option("all", "all"), ...Array.from({ length: layers }, (_, i) => option(i, String(i))));
  byId("head").replaceChildren(option("", "any"), ...Array.from({ length: heads }, (_, i) => option(i, String(i))));
}

/** The controls say what the state is. */
function controls() {
  const at = state.step, step = run.steps[at];
  byId("step").value = at;
  byId("step-text").textContent = step ? `${at + 1} of ${run.steps.length}: ${quoted(step.text || "end", 18)}` : "no step yet";
  byId("step").setAttribute("aria-valuetext", step ? `${at + 1}, ${step.text}` : "none");
  byId("layer").value = String(state.layer);
  byId("head").value = state.head === null ? "" : String(state.head);
  byId("back").disabled = at === 0;
  byId("on").disabled = at >= run.steps.length - 1;
  for (const token of byId("answer").children) token.setAttribute("aria-current", token.dataset.step === String(at) ? "step" : "false");
}

let linking = 0;

/** The address follows what is looked at, so that it can be given to others. */
function follow() {
  clearTimeout(linking);
  linking = setTimeout(() => history.replaceState(null, "", `${location.pathname}${location.search}${state.hash(address)}`), LINK_MS);
}

state.subscribe((_, patch) => {
  if (!run || (Object.keys(patch).length === 1 && "hover" in patch)) return;
  controls();
  follow();
});

const go = (step) => state.set({ step: Math.max(0, Math.min(run.steps.length - 1, step)) });

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => {
    if (state.step >= run.steps.length - 1) play(false);
    else go(state.step + 1);
  }, PLAY_MS) : 0;
  byId("play").textContent = on ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", String(on));
}

byId("back").onclick = () => go(state.step - 1);
byId("on").onclick = () => go(state.step + 1);
byId("step").oninput = () => go(Number(byId("step").value));
byId("layer").onchange = () => state.set({ layer: byId("layer").value === "all" ? "all" : Number(byId("layer").value) });
byId("head").onchange = () => state.set({ head: byId("head").value === "" ? null : Number(byId("head").value) });
byId("answer").onclick = (event) => {
  const token = event.target.closest("[data-step]");
  if (token) go(Number(token.dataset.step));
};
byId("play").onclick = () => {
  if (!playing && state.step >= run.steps.length - 1) go(0);
  play(!playing);
};
byId("link").onclick = async () => {
  const link = `${location.origin}${location.pathname}${location.search}${state.hash(address)}`;
  const why = address ? "" : " The recording itself is on this device only: give it along.";
  try {
    await navigator.clipboard.writeText(link);
    byId("status").textContent = `The link is copied.${why}`;
  } catch {
    byId("status").textContent = `${link}${why}`;
  }
};
addEventListener("keydown", (event) => {
  if (!run || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, canvas, svg")) return;
  if (event.key === "ArrowRight") go(state.step + 1);
  else if (event.key === "ArrowLeft") go(state.step - 1);
  else return;
  event.preventDefault();
});

// A run comes from the list, a file, an address, or live.
byId("recordings").onchange = () => {
  const file = byId("recordings").value;
  if (file) open(new URL(`recordings/${file}`, document.baseURI), file, `recordings/${file}`);
};
byId("choose").onclick = () => byId("file").click();
byId("file").onchange = () => {
  const [file] = byId("file").files;
  if (file) open(file, file.name);
  byId("file").value = "";
  byId("recordings").value = "";
};
byId("by-address").onsubmit = (event) => {
  event.preventDefault();
  const given = byId("address").value.trim();
  if (given) open(given, given, given);
};
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (!file) return;
  if (/\.(gz|json|jsonl)$/i.test(file.name)) open(file, file.name);
  else form.document(file);
});
byId("export").onclick = async () => {
  const { name, blob } = await recordingOf(run, form.events);
  download(name, blob, "application/gzip");
};

const form = live({
  begin(started) {
    opening?.abort();
    address = null;
    byId("recordings").value = "";
    fail("");
    show(started);
  },
  grew: (of) => { if (of === run) grew(); },
  say: (text) => { byId("status").textContent = text; },
  fail,
  layer: () => (state.layer === "all" ? null : state.layer),
});

/** The recordings that the site has. */
async function list() {
  const menu = byId("recordings");
  try {
    const response = await fetch(new URL("recordings/index.json", document.baseURI));
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    const { recordings } = await response.json();
    menu.replaceChildren(menu.options[0], ...recordings.map(({ file, title, about }) => element("option", { value: file, textContent: title, title: about })));
    return recordings;
  } catch (error) {
    fail(`The list of recordings cannot be read: ${error.message}.`);
    return [];
  }
}

/** Asks or opens what the address says, else opens the first of the list. */
async function begin() {
  const { hash } = location, said = new URLSearchParams(hash.slice(1)), asked = said.get("run");
  const recordings = await list();
  if (said.has("ask")) {
    await form.again({ question: said.get("ask"), policy: said.get("policy"), k: /^\d{1,6}$/.test(said.get("k") ?? "") ? Number(said.get("k")) : null }).catch((error) => fail(error.message));
    return;
  }
  const given = asked ?? (recordings[0] ? `recordings/${recordings[0].file}` : null);
  if (!given) return;
  const listed = recordings.find(({ file }) => given === `recordings/${file}`);
  if (listed) byId("recordings").value = listed.file;
  await open(given, listed?.title ?? given, given, hash);
}

addEventListener("hashchange", () => {
  const asked = new URLSearchParams(location.hash.replace(/^#/, "")).get("run");
  if (run && (asked === null || asked === address)) {
    state.follow(location.hash);
    state.within(run);
  } else {
    begin();
  }
});
begin();
