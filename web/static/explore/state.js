// What all views of a run look at: one step, layer and head, the row that is pointed
// at, pinned rows and a marked passage. A link carries it.

const whole = (text) => (/^\d{1,9}$/.test(text ?? "") ? Number(text) : null);

export class State {
  step = 0;
  /** @type {number | "all"} */
  layer = "all";
  /** @type {number | null} */
  head = null;
  /** @type {number | null} the row that is pointed at */
  hover = null;
  /** @type {number[]} rows */
  pinned = [];
  /** @type {{start: number, end: number} | null} a passage of the document that the reader has marked */
  mark = null;
  #listeners = new Set();

  /**
   * @param {(state: State, patch: object) => void} listener
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes some of it, and tells if that makes a difference. */
  set(patch) {
    let different = false;
    for (const [name, value] of Object.entries(patch)) {
      if (JSON.stringify(this[name]) === JSON.stringify(value)) continue;
      this[name] = value;
      different = true;
    }
    if (different) for (const listener of [...this.#listeners]) listener(this, patch);
  }

  /** Keeps it within a run that has fewer steps, layers or heads. */
  within(run) {
    const { layers, heads } = run.model;
    this.set({
      step: Math.max(0, Math.min(this.step, run.steps.length - 1)),
      layer: this.layer === "all" || this.layer < layers ? this.layer : "all",
      head: this.head !== null && this.head < heads ? this.head : null,
      pinned: this.pinned.filter((row) => row < run.rows),
      mark: this.mark && this.mark.end <= run.document.text.length ? this.mark : null,
    });
  }

  /** As the part of an address behind #, with the address of the run where it has one. */
  hash(run = null) {
    const said = new URLSearchParams();
    if (run) said.set("run", run);
    if (this.step !== 0) said.set("step", this.step);
    if (this.layer !== "all") said.set("layer", this.layer);
    if (this.head !== null) said.set("head", this.head);
    if (this.pinned.length > 0) said.set("row", this.pinned.join(","));
    if (this.mark) said.set("mark", `${this.mark.start}-${this.mark.end}`);
    const text = said.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
    return text ? `#${text}` : "";
  }

  /** Takes over what a link says; what it says wrongly is left as it is at first. @returns {string | null} the run's address */
  follow(hash) {
    const said = new URLSearchParams(hash.replace(/^#/, ""));
    const [, start, end] = /^(\d{1,9})-(\d{1,9})$/.exec(said.get("mark") ?? "") ?? [];
    this.set({
      step: whole(said.get("step")) ?? 0, layer: whole(said.get("layer")) ?? "all", head: whole(said.get("head")),
      pinned: (said.get("row") ?? "").split(",").map(whole).filter((row) => row !== null),
      mark: Number(start) < Number(end) ? { start: Number(start), end: Number(end) } : null,
    });
    return said.get("run");
  }
}
