// Choosing model and device, loading, and the weights that the browser keeps.
import { Shelf } from "../models/shelf.js";
import { byId, element } from "./dom.js";
import { bytes, count } from "./format.js";

const LARGE = 100e6; // bytes that are not fetched without being asked for
const OTHER = "…"; // the entry of the menu that opens the dialog

/** How a model is named in the list. */
const label = (m) => `${m.title || m.name} (${bytes(m.size)}${m.context ? `, ${count(m.context)} tokens` : ""})`;
const option = (m) => element("option", { value: m.name, textContent: label(m) });

export class Setup {
  /** The site's, then the user's. @type {(import("../tokenselect.js").Model | import("../models/shelf.js").LocalModel)[]} */
  models = [];
  #offered = []; // the site's
  #shelf = new Shelf();
  #control;
  #changed;
  #chosen = "";
  #refreshed = Promise.resolve();
  /** @type {Promise<import("../models/dialog.js").ModelDialog> | null} */
  #dialog = null;

  /**
   * @param {import("./control.js").Control} control
   * @param {() => void} changed another model or device was chosen
   */
  constructor(control, changed) {
    this.#control = control;
    this.#changed = changed;
    byId("model").onchange = () => this.#modelChosen();
    byId("device").onchange = () => this.#deviceChosen();
    byId("load").onclick = () => this.load();
    byId("cache-manage").onclick = () => this.#openDialog();
    this.#shelf.addEventListener("change", ({ detail }) => this.#modelsChanged(detail));
    const narrow = matchMedia("(max-width: 899px)");
    const fold = () => { byId("setup").open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
    control.addEventListener("state", () => this.#state());
  }

  /** The list of models, with what was chosen before. */
  async list({ model, device }) {
    if (device) byId("device").value = device;
    this.#chosen = model;
    try {
      this.#offered = await this.#control.models();
    } finally {
      await this.refresh();
    }
  }

  /** The user's models may be others now. @param {{before: string, now: string} | null} renamed */
  async #modelsChanged(renamed) {
    const kept = renamed?.before === this.#chosen;
    if (kept) this.#chosen = renamed.now;
    const gone = await this.refresh();
    if (kept || gone) this.#changed();
    if (gone) await this.loadIfSmall();
  }

  /** Shows what there is now. What was chosen and is gone gives way to the first. @returns {Promise<boolean>} whether it was so */
  refresh() {
    const refreshed = this.#refreshed.then(() => this.#refresh());
    this.#refreshed = refreshed.catch(() => {});
    return refreshed;
  }

  async #refresh() {
    const before = this.#chosen;
    const local = await this.#shelf.models();
    this.models = [...this.#offered, ...local];
    const select = byId("model");
    const groups = [...this.#offered.map(option)];
    if (local.length > 0) groups.push(element("optgroup", { label: "Yours" }, ...local.map(option)));
    select.replaceChildren(...groups, element("option", { value: OTHER, textContent: "Another model…" }));
    // A model that got another name while they were listed comes with the next list.
    const gone = this.#chosen === before && !this.models.some((m) => m.name === before);
    if (gone) this.#chosen = this.models[0]?.name ?? "";
    select.value = this.#chosen;
    select.disabled = false;
    await this.cache();
    return gone;
  }

  get model() {
    return this.models.find((m) => m.name === this.#chosen) ?? this.models[0];
  }

  get device() {
    return byId("device").value;
  }

  set device(name) {
    byId("device").value = name;
  }

  /** Loads what is chosen. */
  async load() {
    byId("load").hidden = true;
    const wanted = await this.#wanted();
    if (wanted) await this.#control.load(wanted).catch(() => {}); // told as an event
  }

  /** What is to be loaded; null where something else was chosen meanwhile. */
  async #wanted() {
    const { model, device } = this;
    if (!model?.local) return { model: model?.name, file: undefined, device };
    const file = await this.#shelf.blob(model) ?? new File([], model.title); // which cannot be loaded, and says so
    return model === this.model ? { model: model.title, file, device } : null;
  }

  /** Loads what is chosen, unless it is a large download that nobody has asked for. */
  async loadIfSmall() {
    const { model } = this;
    if (!model || this.device === "server") {
      await this.load();
      return;
    }
    const here = model.local || (await this.#shelf.kept()).some((k) => k.complete && k.key === model.digest);
    if (here || (model.size <= LARGE && !navigator.connection?.saveData)) {
      await this.load();
      return;
    }
    await this.#control.unload(await this.#wanted() ?? {});
  }

  #modelChosen() {
    const select = byId("model");
    if (select.value === OTHER) {
      select.value = this.#chosen;
      this.#openDialog();
      return;
    }
    this.#chosen = select.value;
    if (this.model.local && this.device === "server") this.device = "auto";
    this.#changed();
    this.loadIfSmall();
  }

  /** The server has models of its own only. */
  #deviceChosen() {
    if (this.model?.local && this.device === "server") {
      this.#chosen = this.#offered[0]?.name ?? "";
      byId("model").value = this.#chosen;
    }
    this.#changed();
    this.loadIfSmall();
  }

  /** Loads a model of the user's. */
  async #use(model) {
    this.#chosen = model.name;
    await this.refresh();
    if (this.device === "server") this.device = "auto";
    this.#changed();
    await this.load();
  }

  #openDialog() {
    return this.#withDialog((dialog) => dialog.open());
  }

  /** A model's file, the parts of a split one, or a folder of one, that was dropped or chosen. */
  file(files, folder) {
    return this.#withDialog((dialog) => dialog.file(files, folder));
  }

  async #withDialog(act) {
    this.#dialog ??= import("../models/dialog.js").then(({ ModelDialog }) => new ModelDialog({
      shelf: this.#shelf, use: (model) => this.#use(model), device: () => this.device, probe: () => this.#control.probe(), tokens: () => this.#control.opened?.tokens ?? 0,
    }));
    act(await this.#dialog);
  }

  #state() {
    const { state, info } = this.#control;
    const said = { none: "not loaded", loading: "loading", ready: "ready", failed: "not loaded" }[state];
    const { model } = this;
    byId("setup-summary").textContent = `${model?.title || model?.name || "Model"}: ${said}${info?.where === "server" ? " on the server" : ""}`;
    byId("state").textContent = { none: "Not loaded", loading: "Loading …", ready: "Ready", failed: "Not loaded" }[state];
    byId("state").dataset.state = state;
    const away = this.device === "server";
    byId("place").textContent = away ? "on the server" : "in this browser";
    byId("privacy").textContent = away ? "The document and the questions go to the server." : "Nothing leaves the browser.";
    byId("load").hidden = !(state === "failed" || (state === "none" && this.models.length > 0));
    if (model && this.device !== "server") byId("load").textContent = model.local ? "Load" : `Load (${bytes(model.size)})`;
    if (state === "ready") this.cache();
  }

  /** Shows what the browser keeps. */
  async cache() {
    const kept = await this.#shelf.kept();
    const size = kept.reduce((sum, k) => sum + k.stored, 0);
    byId("cache-size").textContent = size > 0 ? `Kept in this browser: ${bytes(size)}` : "No weights kept in this browser";
    byId("cache-size").title = kept.map((k) => `${k.name}: ${bytes(k.stored)}${k.complete ? "" : " so far"}`).join("\n");
    byId("cache-manage").hidden = size === 0;
  }
}
