// The engine for pages: a worker with the WebAssembly build, or a server's engine
// over a websocket, behind one interface. tokenselect.d.ts describes it.
import { StepDecoder, layout } from "./trace.js";
import { WorkerTransport } from "./transport-worker.js";
import { SocketTransport } from "./transport-socket.js";

export class TokenselectError extends Error {
  constructor(code, message, hint) {
    super(message);
    this.name = "TokenselectError";
    this.code = code;
    this.hint = hint;
  }
}

const home = new URL(".", import.meta.url).href;

async function fetchJSON(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new TokenselectError("network", `${url}: ${error.message}`, "Is the server running?");
  }
  if (!response.ok) throw new TokenselectError("network", `${url}: the server answers ${response.status}`);
  return response.json();
}

export async function models(base = home) {
  const list = await fetchJSON(new URL("models.json", base).href);
  return list.models;
}

export async function probe() {
  if (!navigator.gpu) {
    return { webgpu: false, why: isSecureContext ? "this browser has no WebGPU" : "browsers give WebGPU to https and localhost only" };
  }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  if (!adapter) return { webgpu: false, why: "this browser has WebGPU, but no GPU that it would use" };
  const { vendor = "", architecture = "", description = "" } = adapter.info ?? {};
  const name = description || [vendor, architecture].filter(Boolean).join(" ") || "a GPU";
  return { webgpu: true, adapter: name, software: /swiftshader|llvmpipe|lavapipe|software/i.test(`${vendor} ${architecture} ${description}`) };
}

/** An answer as it comes: pieces wait here until somebody iterates. */
class Answering {
  #pieces = [];
  #wake = null;
  #ended = false;
  #failure = null;
  #settle;
  #stop;

  constructor(id, stop, onEvent) {
    this.id = id;
    this.onEvent = onEvent;
    this.#stop = stop;
    this.done = new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });
    this.done.catch(() => {}); // iterating tells of a failure too
  }

  push(piece) {
    this.#pieces.push(piece);
    this.#wake?.();
  }

  end(answer) {
    this.#ended = true;
    this.#settle.resolve(answer);
    this.#wake?.();
  }

  fail(error) {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = error;
    this.#settle.reject(error);
    this.#wake?.();
  }

  stop() { this.#stop(); }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#pieces.length > 0) yield this.#pieces.shift();
      if (this.#failure) throw this.#failure;
      if (this.#ended) return;
      await new Promise((resolve) => { this.#wake = resolve; });
      this.#wake = null;
    }
  }
}

class Engine {
  #transport;
  #id = 0;
  #calls = new Map(); // id -> {resolve, reject, type}
  #answer = null; // the answer that is running
  #steps = null;
  #listeners = new Map();
  #closed = null;
  info = null;

  constructor(makeTransport) {
    this.#transport = makeTransport({
      event: (event) => this.#event(event),
      connection: (state) => this.#emit("connection", state),
      failure: (error) => this.#fail(error),
    });
  }

  on(type, listener) {
    if (!this.#listeners.has(type)) this.#listeners.set(type, new Set());
    this.#listeners.get(type).add(listener);
    return () => this.#listeners.get(type).delete(listener);
  }

  #emit(type, value) {
    for (const listener of this.#listeners.get(type) ?? []) listener(value);
  }

  #call(command) {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#transport.send({ ...command, id });
    });
  }

  #event(event) {
    if (this.#answer && this.#answer.id === event.id) this.#answer.onEvent?.(event); // one that is of no command is no answer's
    switch (event.type) {
      case "progress":
        this.#emit("progress", { phase: event.phase, done: event.done ?? 0, total: event.total ?? 0, cached: event.cached ?? false, unkept: event.unkept });
        return;
      case "queued":
        this.#emit("queued", { id: event.id, position: event.position });
        return;
      case "prefill":
        this.#emit("prefill", { id: event.id, done: event.done ?? 0, total: event.total ?? 0, ms: event.ms ?? 0, warning: event.warning });
        return;
      case "layout":
        if (event.document) this.#emit("layout", layout(event.document));
        if (event.memory) this.#emit("memory", event.memory);
        return;
      case "token":
        this.#token(event);
        return;
      case "error":
        this.#failed(event);
        return;
    }
    const call = this.#calls.get(event.id);
    this.#calls.delete(event.id);
    if (event.type === "done" && this.#answer?.id === event.id) {
      const answer = this.#answer;
      this.#answer = null;
      answer.end({ text: event.text ?? "", reason: event.reason, stats: event.stats });
    }
    call?.resolve(event);
  }

  #token(event) {
    if (this.#answer?.id !== event.id) return;
    const piece = { text: event.text ?? "", token: event.token ?? 0, len: event.len ?? 0, ms: event.ms ?? 0 };
    if (event.step) piece.step = this.#steps.decode(event.step);
    this.#answer.push(piece);
    this.#emit("token", { id: event.id, ...piece });
  }

  #failed(event) {
    const error = new TokenselectError(event.error.code, event.error.message, event.error.hint);
    const call = this.#calls.get(event.id);
    this.#calls.delete(event.id);
    if (this.#answer && this.#answer.id === event.id) {
      const answer = this.#answer;
      this.#answer = null;
      answer.fail(error);
      return;
    }
    if (call) {
      call.reject(error);
      return;
    }
    this.#fail(error);
  }

  /** The other side is gone: everything that waits for it ends. */
  #fail(error) {
    if (this.#closed) return;
    const failure = error instanceof TokenselectError ? error : new TokenselectError(error.code ?? "internal", error.message, error.hint);
    this.#end(failure);
    this.#emit("error", failure);
  }

  #end(failure) {
    this.#closed = failure;
    for (const call of this.#calls.values()) call.reject(failure);
    this.#calls.clear();
    this.#answer?.fail(failure);
    this.#answer = null;
  }

  async load({ model, device, kv, signal, file, where }) {
    const stop = () => this.#transport.send({ type: "stop", id: this.#id });
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const command = { type: "load", model, kv, file };
      if (where === "browser") command.device = device;
      const event = await this.#call(command);
      this.info = { ...event.info, where };
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async open(document, { context, selection } = {}) {
    const event = await this.#call({ type: "open", document, context, selection });
    return { tokens: event.tokens ?? 0, memory: event.memory, warning: event.warning };
  }

  ask(question, { max_tokens, again, ignore_end, trace, record, selection, sample, signal, onEvent } = {}) {
    if (this.#answer) throw new TokenselectError("busy", "an answer is still coming: stop it or wait for its end");
    if (this.#closed) throw this.#closed;
    const id = ++this.#id;
    const stop = () => this.#transport.send({ type: "stop", id });
    const answer = new Answering(id, stop, onEvent);
    this.#answer = answer;
    this.#steps = new StepDecoder();
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    answer.done.catch(() => {}).finally(() => signal?.removeEventListener("abort", stop));
    this.#transport.send({ type: "ask", id, question, max_tokens, again, ignore_end, trace, record, selection, sample });
    return answer;
  }

  stop() { this.#answer?.stop(); }

  async select(selection) {
    const event = await this.#call({ type: "select", selection });
    return { memory: event.memory, warning: event.warning };
  }

  async close() {
    if (!this.#closed) {
      await Promise.race([this.#call({ type: "unload" }).catch(() => {}), new Promise((r) => setTimeout(r, 1000))]);
      this.#end(new TokenselectError("cancelled", "the engine was closed"));
    }
    this.#transport.close();
  }
}

export async function load({ base = home, model, file, device = "auto", kv, worker = "worker.js", signal, onProgress } = {}) {
  const root = new URL(base, home).href;
  const server = device === "server";
  if (file && server) throw new TokenselectError("bad_model", `${model ?? [file].flat()[0].name}: the server does not take files, it has models of its own`, "Let this browser do the work.");
  if (file) {
    model ??= [file].flat()[0].name;
  } else if (!server) {
    const list = await models(root);
    const found = model ? list.find((m) => m.name === model) : list[0];
    if (!found) {
      throw new TokenselectError("bad_model", `there is no model ${model ?? ""} here, there are: ${list.map((m) => m.name).join(", ") || "none"}`);
    }
    file = { url: found.url, digest: found.digest, size: found.size, name: found.name, parts: found.parts, base: root };
    model = found.name;
  }
  const engine = new Engine((handlers) => (server ? new SocketTransport(root, handlers) : new WorkerTransport(new URL(worker, home), handlers)));
  const off = onProgress ? engine.on("progress", onProgress) : null;
  try {
    await engine.load({ model, device, kv, signal, file, where: server ? "server" : "browser" });
  } catch (error) {
    await engine.close();
    throw error;
  } finally {
    off?.();
  }
  return engine;
}
