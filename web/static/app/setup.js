// Choosing model and device, loading, and the weights that the browser keeps.
import { WeightsCache } from "../storage.js";
import { byId, element } from "./dom.js";
import { bytes, count } from "./format.js";

const LARGE = 100e6; // bytes that are not fetched without being asked for

/** How a model is named in the list. */
const label = (m) => `${m.title || m.name} (${bytes(m.size)}, ${count(m.context)} tokens)`;

export class Setup {
  /** @type {import("../tokenselect.js").Model[]} */
  models = [];
  #control;
  #changed;

  /**
   * @param {import("./control.js").Control} control
   * @param {() => void} changed another model or device was chosen
   */
  constructor(control, changed) {
    this.#control = control;
    this.#changed = changed;
    byId("model").onchange = () => this.#chosen();
    byId("device").onchange = () => this.#chosen();
    byId("load").onclick = () => this.load();
    byId("cache-delete").onclick = () => this.#delete();
    const narrow = matchMedia("(max-width: 899px)");
    const fold = () => { byId("setup").open = !narrow.matches; };
    narrow.addEventListener("change", fold);
    fold();
    control.addEventListener("state", () => this.#state());
  }

  /** The list of models, with what was chosen before. */
  async list({ model, device }) {
    if (device) byId("device").value = device;
    this.models = await this.#control.models();
    const select = byId("model");
    select.replaceChildren(...this.models.map((m) => element("option", { value: m.name, textContent: label(m) })));
    if (this.models.some((m) => m.name === model)) select.value = model;
    select.disabled = this.models.length === 0;
    await this.cache();
  }

  get model() {
    return this.models.find((m) => m.name === byId("model").value) ?? this.models[0];
  }

  get device() {
    return byId("device").value;
  }

  set device(name) {
    byId("device").value = name;
  }

  load() {
    byId("load").hidden = true;
    return this.#control.load({ model: this.model?.name, device: this.device }).catch(() => {}); // told as an event
  }

  /** Loads what is chosen, unless it is a large download that nobody has asked for. */
  async loadIfSmall() {
    const { model } = this;
    if (!model || this.device === "server") {
      await this.load();
      return;
    }
    const kept = (await this.#kept()).some((k) => k.complete && k.digest === model.digest);
    if (kept || (model.size <= LARGE && !navigator.connection?.saveData)) {
      await this.load();
      return;
    }
    await this.#control.unload({ model: model.name, device: this.device });
  }

  #chosen() {
    this.#changed();
    this.loadIfSmall();
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
    if (model && this.device !== "server") byId("load").textContent = `Load (${bytes(model.size)})`;
    if (state === "ready") this.cache();
  }

  async #kept() {
    try {
      return await (await WeightsCache.open()).list();
    } catch {
      return [];
    }
  }

  /** Shows what the browser keeps. */
  async cache() {
    const kept = await this.#kept();
    const size = kept.reduce((sum, k) => sum + k.stored, 0);
    byId("cache-size").textContent = size > 0 ? `Kept in this browser: ${bytes(size)}` : "No weights kept in this browser";
    byId("cache-size").title = kept.map((k) => `${k.name}: ${bytes(k.stored)}${k.complete ? "" : " so far"}`).join("\n");
    byId("cache-delete").hidden = size === 0;
  }

  async #delete() {
    const cache = await WeightsCache.open();
    for (const { digest } of await cache.list()) await cache.remove(digest);
    await this.cache();
  }
}
