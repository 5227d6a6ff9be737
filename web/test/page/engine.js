// Stands in for tokenselect.js in the tests of the page: the same interface over
// a scripted engine. A token is a word with the blank before it; an answer is the
// sentence that has most words of the question; every layer chooses that
// sentence and tokens spread by a fixed rule. What goes wrong is asked for in the
// page's address: ?script=lost,slow
const script = new Set((new URLSearchParams(location.search).get("script") ?? "").split(","));
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const CHUNK = 256, LAYERS = 8;
const used = new Set();

/** Does what is scripted happen now? Once in a page's life. */
function once(name) {
  if (!script.has(name) || used.has(name)) return false;
  used.add(name);
  return true;
}

export class TokenselectError extends Error {
  constructor(code, message, hint) {
    super(message);
    Object.assign(this, { name: "TokenselectError", code, hint });
  }
}

export async function models() {
  if (script.has("late")) await wait(1500);
  return [
    { name: "needle-16m-q8_0", title: "needle-16m", url: "weights/a.gguf", digest: "a".repeat(64), size: 18_000_000, context: 2048, quantisation: "Q8_0" },
    { name: "large-1b", title: "Large 1B", url: "weights/b.gguf", digest: "b".repeat(64), size: 1_300_000_000, context: 131072, quantisation: "Q8_0" },
  ];
}

export async function probe() {
  return script.has("cpu") ? { webgpu: false, why: "this browser has no WebGPU" } : { webgpu: true, adapter: "Scripted GPU", software: false };
}

const words = (text) => text.match(/\s*\S+/g) ?? [];
const plain = (word) => word.toLowerCase().replace(/[^a-z0-9]/g, "");

class Engine {
  #text = "";
  #selection;
  #listeners = new Map();
  #running = null;
  #job = null; // the command that is being answered
  #read = 0;
  #id = 0;

  constructor(options) {
    const server = options.device === "server", cpu = options.device === "cpu" || script.has("cpu");
    this.#selection = { policy: "tokenselect", n_init: 16, n_local: 256, k: 512, chunk: CHUNK, theta: 0.9 };
    this.info = {
      model: options.model ?? "needle-16m-q8_0", architecture: "llama", quantisation: "Q8_0", layers: LAYERS, heads: 8, kv_heads: 2,
      context: options.model === "large-1b" ? 131072 : 2048, vocab: 8192, device: server ? "wgpu" : cpu ? "cpu" : "webgpu", adapter: cpu ? "CPU" : "Scripted GPU",
      kind: cpu ? "CPU" : "discrete GPU", backend: "script", why: cpu ? "no adapter" : "discrete GPU", rate: script.has("crawl") && !server ? 10 : 2000,
      selection: { ...this.#selection }, policies: ["dense", "window", "tokenselect"], weights: 18e6, where: server ? "server" : "browser",
    };
  }

  on(type, listener) {
    if (!this.#listeners.has(type)) this.#listeners.set(type, new Set());
    this.#listeners.get(type).add(listener);
    return () => this.#listeners.get(type).delete(listener);
  }

  #emit(type, value) {
    for (const listener of this.#listeners.get(type) ?? []) listener(value);
  }

  #memory(tokens) {
    return { weights: 18e6, cache: tokens * 4096, selection: 1e6, work: 5e6, total: 24e6 + tokens * 4096 };
  }

  /** One command at a time, as with the real one. */
  async #alone(name, act) {
    if (this.#job) throw new TokenselectError("busy", `${name}: the command ${this.#job} is still being answered`, "");
    this.#job = name;
    try {
      return await act();
    } finally {
      this.#job = null;
    }
  }

  open(text) {
    return this.#alone("open", async () => {
      await wait(20);
      this.#text = text;
      this.#read = 0;
      const tokens = words(text).length;
      return { tokens, memory: this.#memory(tokens), warning: undefined };
    });
  }

  select(selection) {
    return this.#alone("select", async () => {
      await wait(20);
      Object.assign(this.#selection, selection);
      return { memory: this.#memory(words(this.#text).length) };
    });
  }

  stop() { this.#running?.stop(); }
  async close() {}

  ask(question, { signal, selection } = {}) {
    Object.assign(this.#selection, selection);
    const id = ++this.#id, pieces = [];
    let wake = () => {}, ended = false, failure = null, stopped = false;
    const stop = () => { stopped = true; };
    signal?.addEventListener("abort", stop);
    const push = (piece) => {
      pieces.push(piece);
      this.#emit("token", { id, ...piece });
      wake();
    };
    const done = this.#alone("ask", () => this.#answer(id, question, push, () => stopped)).catch((error) => {
      failure = error;
      throw error;
    }).finally(() => {
      ended = true;
      this.#running = null;
      wake();
    });
    done.catch(() => {});
    this.#running = { stop };
    return {
      id, done, stop,
      async *[Symbol.asyncIterator]() {
        for (;;) {
          while (pieces.length > 0) yield pieces.shift();
          if (failure) throw failure;
          if (ended) return;
          await new Promise((resolve) => { wake = resolve; });
        }
      },
    };
  }

  async #answer(id, question, push, stopped) {
    const tokens = words(this.#text), total = this.#read === 0 ? tokens.length + 20 : 20;
    const first = 5, began = performance.now(), ms = () => performance.now() - began;
    const stats = (n) => ({ prompt_tokens: total, answer_tokens: n, context: tokens.length + 20 + n, first_ms: 12, prefill_tps: 2000, decode_tps: 40, cache_hits: 3 * n, cache_misses: 5 * n, kv_bytes: 1e6 });
    if (this.#read === 0) {
      let at = 0;
      this.#emit("layout", { first, ends: Uint32Array.from(tokens, (t) => (at += t.length)) });
    }
    if (once("oom")) throw new TokenselectError("out_of_memory", "kvcache: 1.2 GB asked for, the device has 0.9 GB", "");
    for (let read = CHUNK; read < total + CHUNK; read += CHUNK) {
      if (stopped()) return { text: "", reason: "stopped", stats: { ...stats(0), first_ms: 0 } };
      this.#emit("prefill", { id, done: Math.min(read, total), total, ms: ms() });
      await wait(script.has("slow") ? 250 : 1);
    }
    this.#read = total;
    if (once("lost")) throw new TokenselectError("device_lost", "the device was lost: reset", "");
    const asked = new Set(words(question).map(plain).filter((w) => w.length > 3));
    const sentences = [...this.#text.matchAll(/[^.!?\n]+[.!?]?/g)].map((m) => m[0].trim()).filter(Boolean);
    const hits = (s) => words(s).filter((w) => asked.has(plain(w))).length;
    const best = sentences.reduce((a, b) => (hits(b) > hits(a) ? b : a), sentences[0]);
    const place = this.#text.indexOf(best);
    let at = 0;
    const from = tokens.findIndex((t) => (at += t.length) > place);
    const said = words(best);
    for (let i = 0; i < said.length; i++) {
      if (stopped()) return { text: said.slice(0, i).join(""), reason: "stopped", stats: stats(i) };
      if (i === 2 && once("dies")) {
        const error = new TokenselectError("internal", "the engine's worker failed: scripted", "Reload the page; the document is kept.");
        this.#emit("error", error);
        throw error;
      }
      if (i === 2 && once("connection")) {
        this.#emit("connection", { state: "lost", attempt: 1, message: "the connection broke" });
        await wait(1500);
        this.#emit("connection", { state: "resumed" });
      }
      push({ text: (i > 0 && !/^\s/.test(said[i]) ? " " : "") + said[i], token: i, len: tokens.length + 20 + i, ms: 12 + ms(), step: this.#step(tokens.length, first + from, said.length, i) });
      const pause = script.has("held") && i === 2 ? 60_000 : script.has("slow") ? 2000 : 15; // slow: longer than a test needs to stop it
      for (const end = performance.now() + pause; performance.now() < end && !stopped();) await wait(15);
    }
    return { text: said.join(""), reason: "stop", stats: stats(said.length) };
  }

  #step(tokens, source, length, i) {
    const { policy, n_init, n_local, k } = this.#selection, n = tokens + 25 + i;
    const layers = Array.from({ length: LAYERS }, (_, layer) => {
      const all = policy === "dense" || n <= n_init + k + n_local;
      if (all) return { attended: n, hit: false, cosine: 0, rows: null };
      if (policy === "window") return { attended: n_init + n_local + k, hit: false, cosine: 0, rows: new Uint32Array(0) };
      const rows = new Set();
      for (let j = 0; j < length; j++) rows.add(source + j);
      const others = Math.max(1, Math.floor(n / k)), shift = (7 * layer + 3 * i) % others;
      for (let row = n_init + shift; rows.size < k && row < n - n_local; row += others) rows.add(row);
      return { attended: n_init + n_local + rows.size, hit: layer % 2 === 0, cosine: 0.95, rows: Uint32Array.from(rows).sort() };
    });
    return { n, n_init, n_local, layers };
  }
}

export async function load({ signal, onProgress = () => {}, ...options } = {}) {
  if (script.has("down")) throw new TokenselectError("network", "weights/a.gguf: the server answers 502", "");
  if (options.device === "webgpu" && script.has("cpu")) throw new TokenselectError("no_gpu", "no adapter", "");
  if (used.has("lost") && once("unopened")) throw new TokenselectError("device_lost", "no device can be opened: none is there", "");
  const files = options.file && [options.file].flat();
  for (const file of files ?? []) {
    if (await file.slice(0, 4).text() !== "GGUF") throw new TokenselectError("bad_model", `${options.model}: the file is empty`);
  }
  const total = files?.reduce((sum, { size }) => sum + size, 0) ?? (options.model === "large-1b" ? 1_300_000_000 : 18_000_000);
  for (let done = 0; done <= total; done += total / 20) {
    signal?.throwIfAborted();
    onProgress({ phase: "download", done, total, cached: false });
    await wait(script.has("loading") ? 400 : script.has("late") ? 100 : 1);
  }
  onProgress({ phase: "upload", done: total, total });
  onProgress({ phase: "compile", done: 0, total: 1 });
  signal?.throwIfAborted();
  return new Engine(options);
}
