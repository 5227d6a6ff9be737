// The figures of the answer that is coming, and of the engine.
import { byId, element } from "./dom.js";
import { bytes, count, rate, time } from "./format.js";

const ROWS = [
  ["first", "First token after"], ["prefill", "Reading"], ["decode", "Writing"], ["context", "Context"],
  ["attended", "Attended at a step"], ["hits", "Selections reused"], ["memory", "Memory"], ["where", "Device"],
];

export class Figures {
  #cells = {};
  #firstMs = 0;
  #pieces = 0;
  #hits = 0;
  #selections = 0;

  constructor() {
    for (const [name, title] of ROWS) {
      const cell = element("dd", { id: `figure-${name}`, textContent: "–" });
      this.#cells[name] = cell;
      byId("figures").append(element("div", { className: name === "where" ? "wide" : "" }, element("dt", { textContent: title }), cell));
    }
  }

  #set(name, text, title = "") {
    const cell = this.#cells[name];
    if (cell.textContent !== text) cell.textContent = text;
    cell.title = title;
  }

  /** @param {import("../tokenselect.js").Info | null} info */
  engine(info) {
    if (!info) {
      this.#set("where", "–");
      return;
    }
    const names = { webgpu: "WebGPU", wgpu: "GPU", cpu: "CPU", upstream: "another server" };
    const place = info.where === "server" ? "server, " : "";
    const adapter = info.adapter && info.adapter.toLowerCase() !== "cpu" ? `: ${info.adapter}` : "";
    const text = `${place}${names[info.device] ?? info.device}${adapter}`;
    this.#set("where", text, info.why ? `${text} (${info.why})` : text);
  }

  /** @param {import("../tokenselect.js").Memory | undefined} memory */
  memory(memory) {
    if (!memory) {
      this.#set("memory", "–");
      return;
    }
    this.#set("memory", bytes(memory.total),
      `${bytes(memory.weights)} of weights, ${bytes(memory.cache)} of keys and values, ${bytes(memory.selection)} for selection, ${bytes(memory.work)} of work space${memory.recording ? `, ${bytes(memory.recording)} while an answer is recorded` : ""}`);
  }

  begin() {
    this.#firstMs = this.#pieces = this.#hits = this.#selections = 0;
    for (const name of ["first", "prefill", "decode", "attended", "hits"]) this.#set(name, "–");
  }

  prefill({ done, total, ms }) {
    if (ms > 0) this.#set("prefill", rate((done / ms) * 1000));
    if (total > 0) this.#set("context", `${count(done)} tokens`);
  }

  /** @param {import("../tokenselect.js").Piece} piece */
  piece({ ms, len, step }) {
    if (this.#pieces++ === 0) {
      this.#firstMs = ms;
      this.#set("first", time(ms));
    } else if (ms > this.#firstMs) {
      this.#set("decode", rate(((this.#pieces - 1) / (ms - this.#firstMs)) * 1000));
    }
    this.#set("context", `${count(len)} tokens`);
    if (!step || step.layers.length === 0) return;
    const attended = step.layers.reduce((sum, l) => sum + l.attended, 0) / step.layers.length;
    this.#set("attended", `${count(attended)} of ${count(step.n)}`, "tokens, mean of the layers");
    for (const layer of step.layers) {
      if (!layer.rows) continue;
      this.#selections++;
      if (layer.hit) this.#hits++;
    }
    this.#reused(this.#hits, this.#selections);
  }

  #reused(hits, all) {
    this.#set("hits", all > 0 ? `${count(hits)} of ${count(all)} (${Math.round((100 * hits) / all)} %)` : "none made",
      "layers and steps that took the selection of the step before from the Selection Cache");
  }

  /** @param {import("../tokenselect.js").Stats} stats */
  done(stats) {
    if (stats.first_ms > 0) this.#set("first", time(stats.first_ms));
    if (stats.prefill_tps > 0) this.#set("prefill", rate(stats.prefill_tps));
    if (stats.decode_tps > 0) this.#set("decode", rate(stats.decode_tps));
    this.#set("context", `${count(stats.context)} tokens`);
    this.#reused(stats.cache_hits, stats.cache_hits + stats.cache_misses);
  }
}
