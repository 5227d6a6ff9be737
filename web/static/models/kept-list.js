// What the browser keeps of models, what is on its way, and files of this visit.
import { byId, element } from "../app/dom.js";
import { bytes, duration } from "../app/format.js";
import { modelOf } from "./shelf.js";

const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });

/** @typedef {{key: string, title: string, kept?: import("../storage/weights.js").Kept, model?: import("./shelf.js").LocalModel | null, job?: import("./shelf.js").Job}} Entry */

export class KeptList {
  #list = element("ul", { className: "models-list" });
  #total = element("p", { className: "hint", id: "models-total" });
  #page;
  #rows = new Map(); // key -> {node, state, update}
  #asked = ""; // key of what may be about to be removed
  #drawing = null;
  #again = false;

  /**
   * @param {HTMLElement} place
   * @param {object} page
   * @param {import("./shelf.js").Shelf} page.shelf
   * @param {(model: import("./shelf.js").LocalModel) => void} page.use
   * @param {(kept: import("../storage/weights.js").Kept) => void} page.resume
   * @param {(model: import("./shelf.js").LocalModel) => void} page.keep
   */
  constructor(place, page) {
    this.#page = page;
    place.append(this.#list, this.#total);
    page.shelf.addEventListener("change", () => this.draw());
    page.shelf.addEventListener("progress", () => {
      for (const job of page.shelf.jobs.values()) this.#rows.get(job.key)?.update({ ...this.#rows.get(job.key).entry, job });
    });
  }

  /** Shows what there is now. One drawing at a time: the last sees what came meanwhile. */
  async draw() {
    this.#again = true;
    if (this.#drawing) return this.#drawing;
    this.#drawing = (async () => {
      try {
        while (this.#again) {
          this.#again = false;
          await this.#draw();
        }
      } finally {
        this.#drawing = null;
      }
    })();
    return this.#drawing;
  }

  /** Moves the focus to what can be done about an entry, once it is there. */
  async focus(key) {
    await this.draw();
    this.#rows.get(key)?.node.querySelector("button")?.focus();
  }

  async #draw() {
    const { shelf } = this.#page;
    const [kept, usage] = await Promise.all([shelf.kept(), shelf.usage()]);
    const entries = kept.map((one) => ({ key: one.key, title: one.details?.title ?? one.name, kept: one, model: modelOf(one) }));
    for (const model of shelf.visiting) entries.push({ key: model.name, title: model.title, model });
    for (const job of shelf.jobs.values()) {
      const entry = entries.find(({ key }) => key === job.key);
      if (entry) Object.assign(entry, { job, title: job.title });
      else entries.push({ key: job.key, title: job.title, job });
    }
    for (const [key, { title }] of shelf.failures) {
      if (!entries.some((entry) => entry.key === key)) entries.push({ key, title });
    }
    const rows = new Map();
    for (const entry of entries) {
      const state = this.#stateOf(entry);
      const before = this.#rows.get(entry.key);
      const row = before?.state === state ? before : this.#row(entry, state);
      if (before && row !== before && before.node.contains(document.activeElement)) row.focus = true;
      row.update(entry);
      rows.set(entry.key, row);
    }
    this.#rows = rows;
    this.#place([...rows.values()].map((row) => row.node));
    for (const row of rows.values()) {
      if (row.focus) row.node.querySelector(row.state === "asked" ? "button:last-child" : "button")?.focus();
      row.focus = false;
    }
    const sum = kept.reduce((bytes, one) => bytes + one.stored, 0);
    this.#total.textContent = entries.length === 0 ? "Nothing yet."
      : `${bytes(sum)} kept${usage.quota > 0 ? `; the browser allows this site ${bytes(usage.quota)}, of which ${bytes(usage.usage)} are used` : ""}.`;
  }

  /** Puts the rows in place; the focus stays where it was, or near it. */
  #place(nodes) {
    if (nodes.length === this.#list.children.length && nodes.every((node, i) => this.#list.children[i] === node)) return;
    const active = document.activeElement, within = this.#list.contains(active);
    this.#list.replaceChildren(...nodes);
    if (within) (active.isConnected ? active : this.#list.querySelector("button") ?? byId("models-source")).focus();
  }

  #stateOf({ key, kept, model, job }) {
    if (job) return "running";
    if (this.#asked === key) return "asked";
    if (kept?.busy) return "elsewhere";
    if (kept?.complete) return model ? "kept" : "site";
    if (kept) return kept.details?.url ? "begun" : "broken";
    return model ? "visiting" : "failed";
  }

  #row(entry, state) {
    const { shelf, use, resume, keep } = this.#page;
    const facts = element("span", { className: "hint" });
    const bar = element("progress", { max: 1, value: 0 });
    bar.setAttribute("aria-label", `${entry.title} is being fetched`);
    const words = element("div", { className: "models-words" }, element("span", { className: "models-name", textContent: entry.title }), facts);
    const trouble = element("span", { className: "models-trouble" });
    const actions = element("div", { className: "actions" });
    const row = { state, node: element("li", { data: { state } }, words, actions), focus: false, update: null, entry };
    const button = (textContent, onclick, className = "") => {
      const made = element("button", { type: "button", textContent, className, onclick });
      made.setAttribute("aria-label", `${textContent}: ${entry.title}`);
      actions.append(made);
    };
    const ask = (key) => {
      this.#asked = key;
      this.draw();
    };
    const remove = () => button("Remove", () => ask(entry.key), "quiet");
    switch (state) {
      case "running":
        words.append(bar);
        button("Cancel", () => row.entry.job.cancel(), "quiet");
        break;
      case "asked":
        button("Remove it", () => {
          this.#asked = "";
          shelf.remove(entry.key);
        });
        button("Keep it", () => ask("")); // where Remove was: a second click there does no harm
        break;
      case "kept":
        button("Use", () => use(row.entry.model));
        remove();
        break;
      case "begun":
        button("Resume", () => resume(row.entry.kept));
        remove();
        break;
      case "visiting":
        button("Use", () => use(row.entry.model));
        button("Keep", () => keep(row.entry.model), "quiet");
        break;
      case "failed":
        button("Dismiss", () => shelf.remove(entry.key), "quiet");
        break;
      case "site":
      case "broken":
        remove();
        break;
    }
    words.append(trouble);
    row.update = (now) => {
      row.entry = now;
      facts.textContent = describe(now, state);
      trouble.textContent = now.job?.trouble ? `${now.job.trouble}: trying again` : shelf.failures.get(now.key)?.message ?? "";
      if (!now.job) return;
      if (now.job.phase === "wait") bar.removeAttribute("value");
      else bar.value = now.job.total > 0 ? now.job.done / now.job.total : 0;
    };
    return row;
  }
}

/** @param {Entry} entry */
function describe({ kept, model, job }, state) {
  if (job) return progress(job);
  if (state === "asked") return `Remove ${kept ? bytes(kept.stored) : "it"} from this browser?`;
  if (!kept) return model ? `${bytes(model.size)}, from this device, for this visit` : "";
  const sizes = kept.complete ? bytes(kept.size) : `${bytes(kept.stored)} of ${bytes(kept.size)} so far`;
  const parts = kept.parts ? `in ${kept.parts} files` : "";
  const from = state === "site" ? "from this site" : kept.details?.from ?? "";
  const more = state === "elsewhere" ? "another tab is fetching it" : kept.date ? DAY.format(kept.date) : "";
  return [sizes, parts, from, more].filter(Boolean).join(", ");
}

function progress({ done, total, phase, rate }) {
  if (phase === "wait") return "Another tab is fetching it: waiting for that";
  if (phase === "check") return `Checking what is here: ${bytes(done)} of ${bytes(total)}`;
  const left = rate > 0 ? (total - done) / rate : 0;
  return `${bytes(done)} of ${bytes(total)}${rate > 0 ? `, ${bytes(rate)} a second` : ""}${left >= 1 ? `, about ${duration(left)} left` : ""}`;
}
