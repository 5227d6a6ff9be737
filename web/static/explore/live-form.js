// A run in this browser: a document, a question, a budget, and what is recorded.
import { largestK } from "../app/budget.js";
import { byId, element } from "../app/dom.js";
import { bytes, count } from "../app/format.js";
import { Shelf } from "../models/shelf.js";
import { loadDocument, loadSettings } from "../storage.js";
import { load, models } from "../tokenselect.js";
import { follow } from "./live.js";

const ANSWER = 64;   // tokens of an answer at most
const HEAVIEST = 16; // rows of each head that are recorded with their weights
const SCORED = 8;    // heads whose scores are recorded at most

/** Chooses what is there to choose. */
function choose(id, value) {
  if ([...byId(id).options].some((option) => option.value === value)) byId(id).value = value;
}

/**
 * Wires the form.
 * @param {object} page
 * @param {(run: import("./run.js").Run) => void} page.begin shows a run that begins
 * @param {(run: import("./run.js").Run) => void} page.grew
 * @param {(text: string) => void} page.say
 * @param {(text: string) => void} page.fail
 * @param {() => number | null} page.layer the layer that is looked at
 */
export function live({ begin, grew, say, fail, layer }) {
  const text = byId("live-document"), question = byId("live-question");
  const shelf = new Shelf();
  let engine = null, loaded = "", open = null, name = "Pasted text", abort = null, events = [];

  const k = byId("live-k");
  k.oninput = () => { byId("live-k-value").textContent = count(k.value); };
  byId("live-policy").onchange = () => { k.disabled = byId("live-policy").value === "dense"; };
  text.oninput = () => { name = "Pasted text"; };

  /** Fills what there is to choose from, once. */
  let filled = null;
  const choices = () => (filled ??= Promise.all([examples(), offer()]));

  /** The site's models, then those that the browser keeps, as the page that asks has them. */
  async function offer() {
    const option = ({ name: value, title, size }) => element("option", { value, textContent: `${title || value} (${bytes(size)})` });
    const offered = await models().catch(() => []), kept = await shelf.models();
    byId("live-model").replaceChildren(...[...offered, ...kept].map(option));
  }

  /** What is to be loaded: the site's model by its name, one that the browser keeps by its file. */
  async function wanted() {
    const { value } = byId("live-model"), kept = (await shelf.models()).find((m) => m.name === value);
    if (!kept) return { model: value || undefined };
    const file = await shelf.blob(kept);
    if (!file) throw new Error(`${kept.title} is no longer kept in this browser.`);
    return { model: kept.title, file };
  }

  async function examples() {
    const { examples } = await import("../documents/examples.js");
    byId("example").replaceChildren(element("option", { value: "", textContent: "your own text" }), ...examples.map(({ id, title }) => element("option", { value: id, textContent: title })));
    byId("example").onchange = async () => {
      const chosen = examples.find(({ id }) => id === byId("example").value);
      if (!chosen) return;
      const made = await chosen.make();
      take(made.name, made.text, made.questions.map((asked) => asked.question));
    };
  }
  byId("live").addEventListener("toggle", () => { if (byId("live").open) choices(); });

  function take(called, content, questions = []) {
    name = called;
    text.value = content;
    byId("questions").replaceChildren(...questions.map((value) => element("option", { value })));
    if (questions.length > 0) [question.value] = questions;
    byId("live").open = true;
  }

  async function read(file) {
    fail("");
    say(`Reading ${file.name} …`);
    try {
      const { readDocument } = await import("../documents/read.js");
      const found = await readDocument(file);
      take(found.name, found.text);
      say(found.warnings.join(" "));
    } catch (error) {
      fail(error.message);
    }
  }
  byId("choose-document").onclick = () => byId("document-file").click();
  byId("document-file").onchange = () => {
    const [file] = byId("document-file").files;
    if (file) read(file);
    byId("document-file").value = "";
  };

  /** The engine with the document open in it, as it was the last time where that is the same. */
  async function prepare(signal) {
    await choices();
    const device = byId("live-device").value, chosen = `${device} ${byId("live-model").value}`;
    if (engine && loaded !== chosen) await stopEngine();
    if (!engine) {
      say("Loading the model …");
      engine = await load({ ...await wanted(), device, signal, onProgress: ({ phase, done, total }) => say(`${{ download: "Fetching the model", verify: "Checking it", upload: "Loading it", compile: "Preparing" }[phase] ?? phase}: ${bytes(done)} of ${bytes(total)}`) });
      engine.on("error", (error) => {
        engine = open = null;
        fail(error.message);
      });
      loaded = chosen;
      open = null;
      k.max = largestK(engine.info);
      byId("live-k-value").textContent = count(k.value);
    }
    if (open !== text.value) {
      await engine.open(text.value);
      open = text.value;
      return false;
    }
    return true;
  }

  async function stopEngine() {
    const old = engine;
    engine = open = null;
    await old?.close();
  }

  byId("live-form").onsubmit = (event) => {
    event.preventDefault();
    ask();
  };

  async function ask() {
    if (abort) return;
    if (text.value.trim() === "" || question.value.trim() === "") {
      fail(text.value.trim() === "" ? "There is no document: choose an example or a file, or paste a text." : "There is no question.");
      return;
    }
    fail("");
    const own = abort = new AbortController();
    byId("live-run").disabled = true;
    byId("live-stop").hidden = false;
    try {
      const again = await prepare(own.signal);
      const { info } = engine, at = layer();
      const record = { votes: true, mass: byId("live-mass").checked, heads: HEAVIEST, timings: true };
      if (byId("live-scores").checked) record.scores = Array.from({ length: Math.min(SCORED, info.heads) }, (_, head) => ({ layer: at ?? Math.floor(info.layers / 2), head }));
      const collected = [];
      let asked = 0;
      const started = follow(engine, {
        document: { name, text: text.value }, question: question.value.trim(), selection: { policy: byId("live-policy").value, k: Number(k.value) }, record, again, maxTokens: ANSWER, signal: own.signal,
        told(run, said) {
          if (said.type === "prefill" && said.total) {
            say(`Reading: ${count(said.done)} of ${count(said.total)} tokens`);
          }
          collected.push(said);
          if (said.type === "token") say(`Writing: ${run.steps.length} tokens`);
          // The views draw once a frame however many events come.
          asked ||= requestAnimationFrame(() => {
            asked = 0;
            grew(run);
          });
        },
      });
      events = collected;
      begin(started.run);
      say("Reading …"); // on a GPU the first piece takes a while: its kernels are compiled
      const run = await started.done;
      grew(run);
      say(`Done: ${run.answer.trim()}`);
    } catch (error) {
      if (own.signal.aborted) say("Stopped.");
      else fail(`${error.message}${error.hint ? ` ${error.hint}` : ""}`);
    } finally {
      if (abort === own) abort = null;
      byId("live-run").disabled = false;
      byId("live-stop").hidden = true;
    }
  }
  byId("live-stop").onclick = () => abort?.abort();

  return {
    document: read,
    /** Asks what the page that asks was asked, about the document and with the model that the browser keeps for it. */
    async again({ question: asked, policy, k: budget }) {
      const [document, settings] = await Promise.all([loadDocument(), loadSettings()]);
      if (!document) throw new Error("There is no document in this browser any more: open it again, or ask about another one here.");
      await choices();
      take(document.name, document.text, [asked]);
      choose("live-model", settings.model);
      choose("live-device", settings.device);
      choose("live-policy", policy ?? settings.policy);
      byId("live-policy").onchange();
      k.max = Math.max(k.max, budget ?? settings.k ?? 0); // the model says what it takes once it is loaded
      k.value = budget ?? settings.k ?? k.value;
      k.oninput();
      await ask();
    },
    cancel: () => abort?.abort(),
    /** The events of the last live run, as they came. */
    get events() {
      return events;
    },
  };
}
