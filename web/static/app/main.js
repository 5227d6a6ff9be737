// The page: puts its parts together.
import { budget } from "./budget.js";
import { show as showCard } from "./cards.js";
import { Control } from "./control.js";
import { Conversation } from "./conversation.js";
import { documentInput } from "./document-input.js";
import { DocumentView } from "./document-view.js";
import { byId, element, say } from "./dom.js";
import { Figures } from "./figures.js";
import { bytes, count, guessTokens } from "./format.js";
import { Keeper } from "./keeper.js";
import { panes } from "./panes.js";
import * as progress from "./progress.js";
import { Remedies } from "./remedies.js";
import { Setup } from "./setup.js";
import { Shading } from "./shading.js";
import { welcome } from "./welcome.js";

const control = new Control();
const figures = new Figures();
const show = panes();

/** @type {import("./document-input.js").PageDocument | null} */
let current = null;

const view = new DocumentView(byId("document"), () => shading.draw());
const shading = new Shading(view, byId("minimap"));
const input = documentInput({ take: (document) => setDocument(document), current: () => current, model: (files, folder) => setup.file(files, folder) });
const setup = new Setup(control, () => {
  // A file of this device is there for this visit only.
  keeper.settings({ ...(!setup.model?.local?.blob && { model: setup.model?.name }), device: setup.device });
});
const budgets = budget((selection) => {
  keeper.settings(selection);
  control.select(selection);
});

const conversation = new Conversation({
  control,
  document: () => current?.text ?? "",
  go(source, found) {
    if (!found) {
      say("Nothing in the document stands out for this.");
      return;
    }
    show("document-pane");
    shading.mark(source);
    say(`Read from: ${current.text.slice(source.start, source.end)}`);
  },
  watch: {
    begin() {
      shading.mark(null);
      shading.show(null);
      figures.begin();
    },
    piece(p) {
      progress.done("read");
      figures.piece(p);
      if (p.step) shading.show(p.step);
      legend();
    },
    end(answer) {
      progress.done("read");
      if (answer?.stats) figures.done(answer.stats);
    },
  },
  failed: (error, again) => remedies.error(error, again),
  changed: () => keeper.conversation(conversation.turns),
});

const remedies = new Remedies({
  control, setup, conversation,
  halve() {
    const half = current.text.slice(0, Math.ceil(current.text.length / 2));
    setDocument({ ...current, name: `${current.name}, first half`, text: half });
  },
});

const keeper = new Keeper((error) => showCard("notice", "storage", { title: "This browser does not keep the document", text: error.message }));

/** A new document, or the one that was kept. */
function setDocument(document, turns = null) {
  current = document;
  remedies.reset();
  progress.done("read");
  shading.layout = null;
  shading.mark(null);
  view.show(document.text);
  byId("document-name").textContent = document.name;
  if (turns) {
    conversation.restore(turns);
  } else {
    conversation.reset();
    keeper.document(document);
    keeper.conversation([]);
  }
  conversation.suggest(document.questions ?? []);
  documentFacts();
  legend();
  welcome(setup.model, true);
  control.document(document.text).catch(() => {}); // told as an event
}

function documentFacts() {
  if (!current) return;
  const { opened } = control;
  byId("document-facts").textContent = opened
    ? `${count(opened.tokens)} tokens, ${bytes(opened.memory.cache + opened.memory.selection)} when read`
    : `about ${count(guessTokens(current.text))} tokens`;
}

let legendOf = null;

/** What the shading means; only as often as it changes. */
function legend() {
  const { step } = shading;
  const kind = !step ? "none" : step.layers.some((l) => l.rows?.length > 0) ? "some" : step.layers.some((l) => l.rows) ? "window" : "all";
  if (kind === legendOf) return;
  legendOf = kind;
  const node = byId("legend");
  node.hidden = kind === "none";
  if (kind === "none") node.replaceChildren();
  else if (kind === "all") node.textContent = "All tokens are attended to at this step: nothing is chosen, so nothing is shaded.";
  else if (kind === "window") node.textContent = "Only the first and the latest tokens are attended to at this step: nothing is chosen, so nothing is shaded.";
  else {
    const scale = element("span", { className: "scale" }, "1");
    for (let level = 1; level <= 4; level++) scale.append(element("i", { className: `level-${level}` }));
    scale.append(`${step.layers.length} layers`);
    node.replaceChildren(element("span", { textContent: "Shaded: what the model attends to at this step. Chosen by" }), scale);
  }
}

control.addEventListener("state", () => {
  const name = setup.model?.title || setup.model?.name || "the model";
  if (control.state === "loading") progress.loading(null, name, () => control.cancel());
  else progress.done("load");
  if (control.state === "ready") {
    budgets.model(control.info, keeper.kept);
    control.selection = budgets.selection();
    say(`${name} is ready.`);
  }
  if (control.state !== "ready") conversation.forgotten();
  figures.engine(control.info);
  figures.memory(control.opened?.memory);
  welcome(setup.model, current !== null);
});
control.addEventListener("progress", ({ detail }) => {
  progress.loading(detail, setup.model?.title || setup.model?.name || "the server's model", () => control.cancel());
});
control.addEventListener("opened", ({ detail }) => {
  documentFacts();
  budgets.document(detail.tokens);
  figures.memory(detail.memory);
});
control.addEventListener("memory", ({ detail }) => figures.memory(detail));
control.addEventListener("prefill", ({ detail }) => {
  if (!conversation.running) return;
  progress.reading(detail, () => conversation.stop());
  figures.prefill(detail);
});
control.addEventListener("queued", ({ detail }) => progress.queued(detail.position, () => conversation.stop()));
control.addEventListener("layout", ({ detail }) => { shading.layout = detail; });
new ResizeObserver(() => shading.draw()).observe(byId("document"));

async function begin() {
  const kept = await keeper.load();
  const asked = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => ["model", "device", "policy"].includes(name)));
  Object.assign(keeper.kept, asked);
  if (kept.document && !current) {
    setDocument(kept.document, kept.turns);
    input.choosing(false);
  }
  try {
    await setup.list(keeper.kept);
  } catch (error) {
    remedies.error(error);
    return;
  }
  welcome(setup.model, current !== null);
  await setup.loadIfSmall();
}

// For tests and for whoever looks closer: what is shown, read-only.
globalThis.tokenselectPage = Object.freeze({
  state: () => ({ engine: control.state, answering: conversation.running, tokens: control.opened?.tokens ?? 0, device: control.info?.device ?? null }),
  lastStep: () => shading.step,
  layout: () => shading.layout,
  shaded: () => shading.shaded(),
});

control.begun = begin();
// Once the page is there, so as not to be in its way; online it works without.
if ("serviceWorker" in navigator && isSecureContext) {
  addEventListener("load", () => navigator.serviceWorker.register(new URL("../sw.js", import.meta.url)).catch(() => {}));
}
