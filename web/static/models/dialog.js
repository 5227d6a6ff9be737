// The dialog for models beside the site's own: where one comes from, whether it
// fits, and what the browser keeps.
import { hide, show } from "../app/cards.js";
import { byId, element } from "../app/dom.js";
import { bytes } from "../app/format.js";
import { KeptList } from "./kept-list.js";
import { Offer } from "./offer.js";
import { HUB, SourceError, together, unconverted } from "./source.js";
import { nameOf, titleOf } from "./shelf.js";

const ASKED = new URLSearchParams(location.search).get("hub");

export class ModelDialog {
  #page;
  #shelf;
  #offer;
  #kept;
  #looking = null; // AbortController of what is being looked up
  #using = ""; // key of what is to be used once it has come

  /**
   * @param {object} page
   * @param {import("./shelf.js").Shelf} page.shelf
   * @param {(model: import("./shelf.js").LocalModel) => void} page.use loads it
   * @param {() => string} page.device what the user wants it to run on
   * @param {() => Promise<{webgpu: boolean, software?: boolean}>} page.probe
   * @param {() => number} page.tokens of the open document
   */
  constructor(page) {
    this.#page = page;
    this.#shelf = page.shelf;
    document.body.append(this.#build());
    this.#offer = new Offer(byId("models-offer"), {
      shelf: page.shelf,
      tokens: page.tokens,
      fetch: (file, seen, keep) => this.#fetch(file, seen, keep),
      keep: (file, seen) => this.#run(this.#shelf.keyOf(file), titleOf(nameOf(file)), this.#shelf.keep(file, seen)),
      use: (model) => this.#use(model),
    });
    this.#kept = new KeptList(byId("models-kept"), {
      shelf: page.shelf,
      use: (model) => this.#use(model),
      resume: (kept) => this.#run(kept.key, kept.details.title, this.#shelf.resume(kept)),
      keep: ({ local: { blob }, ...seen }) => this.#run(this.#shelf.keyOf(blob), seen.title, this.#shelf.keep(blob, seen), { use: false }),
    });
  }

  #build() {
    const source = element("input", { id: "models-source", type: "text", autocomplete: "off", spellcheck: false, placeholder: "owner/name or https://…" });
    source.setAttribute("autocapitalize", "off");
    source.setAttribute("aria-describedby", "models-hint");
    source.autofocus = true;
    const file = element("input", { id: "models-file", type: "file", accept: ".gguf", multiple: true, className: "off-screen", tabIndex: -1, onchange: () => {
      if (file.files.length > 0) this.file([...file.files]);
      file.value = "";
    } });
    file.setAttribute("aria-label", "Choose a model file, or all parts of one");
    const form = element("form", { className: "models-form", onsubmit: (event) => {
      event.preventDefault();
      this.#find(source.value);
    } },
    element("label", { htmlFor: "models-source", textContent: "Hub name or address" }),
    element("div", { className: "ask-row" }, source, element("button", { type: "submit", id: "models-find", className: "primary", textContent: "Look it up" })),
    element("p", { id: "models-hint", className: "hint", textContent: "owner/name or owner/name/file.gguf on the Hugging Face hub, or the address of a GGUF file. Any part of a split one stands for all." }),
    element("p", { className: "hint" }, "Or ",
      element("button", { type: "button", className: "link", id: "models-choose", textContent: "choose a file", onclick: () => file.click() }), " of this device, or drop one here; of a split one all parts together."), file);
    const dialog = element("dialog", { id: "models", className: "models", onclose: () => this.#closed() },
      element("div", { className: "models-head" }, element("h2", { id: "models-title", textContent: "Models" }),
        element("button", { type: "button", className: "quiet", textContent: "Close", onclick: () => dialog.close() })),
      element("section", {}, element("h3", { textContent: "Another model" }), form,
        element("p", { id: "models-status", className: "hint" }), element("p", { id: "models-trouble", className: "models-trouble" }), element("div", { id: "models-offer" })),
      element("section", {}, element("h3", { textContent: "In this browser" }), element("div", { id: "models-kept" })));
    dialog.setAttribute("aria-labelledby", "models-title");
    dialog.querySelector("#models-status").setAttribute("role", "status");
    dialog.querySelector("#models-trouble").setAttribute("role", "alert");
    return dialog;
  }

  get #dialog() {
    return byId("models");
  }

  open() {
    hide("notice", "models");
    this.#shelf.open = true;
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#kept.draw();
  }

  #closed() {
    if (this.#dialog.open) return; // the event comes a moment after, and it was opened again for something else
    this.#looking?.abort();
    this.#say("");
    this.#trouble("");
    this.#offer.clear();
    this.#shelf.open = false;
    this.#using = "";
    const [job] = this.#shelf.jobs.values();
    if (!job) return;
    show("notice", "models", {
      title: `${job.title} is on its way`, text: "It goes on while this page is open; what has arrived is kept.",
      buttons: [{ label: "Show it", act: () => this.open() }],
    });
  }

  #say(text) {
    byId("models-status").textContent = text;
  }

  #trouble(text) {
    byId("models-trouble").textContent = text;
  }

  /** Looks for something; another look ends it. list: the list of files stays. */
  async #look(text, act, { list = false } = {}) {
    this.#looking?.abort();
    const abort = new AbortController();
    this.#looking = abort;
    this.#trouble("");
    this.#offer.clear({ list });
    this.#say(text);
    try {
      await act(abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) this.#trouble(error.message);
    } finally {
      if (this.#looking === abort) {
        this.#looking = null;
        this.#say("");
      }
    }
  }

  #find(text) {
    if (text.trim() === "") {
      byId("models-source").focus();
      return;
    }
    const hub = new URL(ASKED ?? HUB, location.href).href.replace(/\/$/, "");
    this.#look("Looking it up …", async (signal) => {
      const files = await this.#shelf.find(text, hub, signal);
      signal.throwIfAborted();
      if (files.length === 1) await this.#inspect(files[0], signal);
      else this.#offer.files(files, (file) => this.#look(`Looking at ${file.name} …`, (signal) => this.#inspect(file, signal), { list: true }));
    });
  }

  /** A file of this device, or what was taken for one; all parts of a split one. @param {File[]} files @param {boolean} [folder] */
  file(files, folder = false) {
    this.open();
    const [{ name }] = files;
    this.#look(`Looking at ${name} …`, async (signal) => {
      if (folder || /\.safetensors$/i.test(name)) throw new SourceError("unusable", unconverted(name));
      await this.#inspect(together(files), signal);
    });
  }

  async #inspect(file, signal) {
    await this.#offer.inspect(file, { cpu: await this.#cpu(), signal });
  }

  /** Whether the CPU will do the work. */
  async #cpu() {
    const wanted = this.#page.device();
    if (wanted === "cpu") return true;
    const { webgpu, software } = await this.#page.probe().catch(() => ({}));
    return !webgpu || (software && wanted !== "webgpu");
  }

  #use(model) {
    this.#dialog.close();
    this.#page.use(model);
  }

  #fetch(file, seen, keep) {
    return this.#run(this.#shelf.keyOf(file), titleOf(file.name), this.#shelf.fetch(file, seen, { keep }));
  }

  /** Follows what has been begun to its end, and uses it then if it was asked for last. */
  async #run(key, title, begun, { use = true } = {}) {
    this.#using = use ? key : "";
    this.#offer.clear();
    this.#kept.focus(key);
    try {
      const model = await begun;
      if (this.#dialog.open && this.#using === key) this.#use(model);
      else if (!this.#dialog.open) show("notice", "models", { title: `${title} has arrived`, text: "", buttons: [{ label: "Use it", act: () => this.#page.use(model) }] });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!this.#dialog.open) {
        show("notice", "models", { title: `${title} did not come through`, text: error.message, buttons: [{ label: "Show it", act: () => this.open() }] });
      }
    }
  }
}
