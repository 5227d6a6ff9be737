// The engine in a page: a worker with the WebAssembly build of the engine, or a
// server's engine over a websocket, behind one small interface.
//
//   import { load } from "./tokenselect.js";
//   const engine = await load({ onProgress: (p) => console.log(p.phase, p.done, p.total) });
//   await engine.open(text);
//   for await (const piece of engine.ask("Where does Ada Dixon live?")) print(piece.text);

/** What `load` is called with. All fields have defaults. */
export interface LoadOptions {
  /** URL of the folder with worker.js, tokenselect.wasm and models.json. Default: where tokenselect.js is. */
  base?: string;
  /** Name of a model in models.json, or of `file`. Default: the first of models.json. */
  model?: string;
  /** A GGUF file in place of a model of models.json: one of this device, say. It is read where it is. Of a split one all its files, in any order. Not with the device "server". */
  file?: Blob | Blob[];
  /** "auto": WebGPU if there is a GPU, else the CPU in the worker. "server": the server's engine over /ws. */
  device?: "auto" | "webgpu" | "cpu" | "server";
  /** How keys and values are stored. Default: f16 on a GPU, f32 on a CPU. */
  kv?: "f16" | "f32";
  /** Script of the worker, beside tokenselect.js: another one may measure what it does. Default: "worker.js". */
  worker?: string;
  /** Cancels the download and the load. */
  signal?: AbortSignal;
  onProgress?: (p: Progress) => void;
}

export interface Progress {
  phase: "download" | "verify" | "upload" | "compile";
  /** Bytes. */
  done: number;
  total: number;
  /** The weights came from the browser's cache. */
  cached?: boolean;
  /** Why the browser does not keep the weights, in words; they are fetched again with the next load then. */
  unkept?: string;
}

/** A model of models.json. */
export interface Model {
  name: string;
  title: string;
  /** "" of a split model. */
  url: string;
  /** Hexadecimal SHA-256 of the file, or of the digests of its parts one after another. */
  digest: string;
  /** Bytes. */
  size: number;
  /** The files of a model that is split into several, in order. */
  parts?: { name: string; url: string; digest: string; size: number }[];
  /** Tokens that the model was trained for. */
  context: number;
  quantisation: string;
}

/** Policy and budgets, in tokens. */
export interface Selection {
  policy?: "tokenselect" | "dense" | "window";
  n_init?: number;
  n_local?: number;
  k?: number;
  chunk?: number;
  theta?: number;
  /** A token has the largest vote of so many neighbours, an odd number; 0: its own. */
  pool?: number;
  /** How the keys are stored that candidates are scored from; a document keeps what it was opened with. */
  index?: "exact" | "int8" | "int4";
}

export interface Info {
  model: string;
  architecture: string;
  quantisation: string;
  layers: number;
  heads: number;
  kv_heads: number;
  /** Values of a query or key of one head. */
  head_dim: number;
  context: number;
  vocab: number;
  /** "webgpu", "cpu", or on a server "wgpu", "cpu", "upstream". */
  device: string;
  adapter: string;
  kind: string;
  backend: string;
  /** Why this device was taken, in words. */
  why: string;
  kv?: string;
  /** Prompt tokens a second, measured at load; for an estimate of the time that a document takes. */
  rate?: number;
  selection: Required<Selection>;
  policies: string[];
  /** Bytes on the device. */
  weights: number;
  where: "browser" | "server";
}

/** Bytes on the device when the context is full. */
export interface Memory {
  weights: number;
  cache: number;
  selection: number;
  work: number;
  /** What recording takes besides, while an answer is recorded. */
  recording?: number;
  total: number;
}

export interface Opened {
  tokens: number;
  memory: Memory;
  warning?: string;
}

/** Which rows each layer attended to when a token was computed. */
export interface Step {
  /** Rows in the cache. */
  n: number;
  /** Rows [0, n_init) are attended to, */
  n_init: number;
  /** and the most recent n_local before the token's own. */
  n_local: number;
  layers: Layer[];
}

export interface Layer {
  attended: number;
  hit: boolean;
  cosine: number;
  /** The layer has a sliding window: the last `attended` rows are attended to, and the first ones are not. */
  sliding: boolean;
  /** The selected rows in ascending order; null where all rows were attended to. */
  rows: Uint32Array | null;
}

/** Where the document's tokens are: token i is row first+i of the cache and the text [ends[i-1], ends[i]) of the document, in UTF-16 code units. */
export interface Layout {
  first: number;
  ends: Uint32Array;
}

export interface Stats {
  prompt_tokens: number;
  answer_tokens: number;
  context: number;
  first_ms: number;
  prefill_tps: number;
  decode_tps: number;
  cache_hits: number;
  cache_misses: number;
  kv_bytes: number;
}

/** A piece of the answer. */
export interface Piece {
  /** Text that has become complete; may be empty. */
  text: string;
  token: number;
  /** Tokens in the session. */
  len: number;
  /** Milliseconds since the question began to run. */
  ms: number;
  /** With `trace`. */
  step?: Step;
}

export interface Answer {
  text: string;
  /** "stopped": by stop(). */
  reason: "stop" | "length" | "context" | "stopped";
  stats: Stats;
}

/** What is recorded of a step besides the selected rows. engine/trace/recording describes how it is coded. */
export interface RecordOptions {
  /** Votes of the selected rows, and by how much they won. */
  votes?: boolean;
  /** Where the mass of dense attention lies, and how much of it was attended to: the slow part. */
  mass?: boolean;
  /** For each head so many rows with the most weight, at most 64. */
  heads?: number;
  /** Heads whose scores of every row are wanted, at most 8. */
  scores?: { layer: number; head: number }[];
  /** Milliseconds of each kind of kernel, where the device can tell; steps are slower for it. */
  timings?: boolean;
}

/** An event of package engine/trace: "queued", "layout", "prefill", "token", "done" or "error". */
export interface EngineEvent {
  type: string;
  id?: number;
  [field: string]: unknown;
}

export interface AskOptions {
  max_tokens?: number;
  /** In place of the question before and its answer: with another budget, say. Costs the question, not the document. */
  again?: boolean;
  /** The answer goes on past its end, to max_tokens: for measurements. */
  ignore_end?: boolean;
  trace?: boolean;
  /** What else is told of every step, in the events that onEvent gets. Costs time while it is asked for. */
  record?: RecordOptions;
  /** Gets every event of this answer as the engine sent it, before it is decoded: what a recording is made of. */
  onEvent?: (event: EngineEvent) => void;
  selection?: Selection;
  sample?: { temperature?: number; top_k?: number; top_p?: number; repetition_penalty?: number; seed?: number };
  /** Stops the answer, like stop(). */
  signal?: AbortSignal;
}

/** An answer as it comes: iterate over its pieces, or await `done`. */
export interface Answering extends AsyncIterable<Piece> {
  readonly id: number;
  /** The whole answer, when it has come. */
  readonly done: Promise<Answer>;
  stop(): void;
}

/** What went wrong, in words, and what to do. */
export class TokenselectError extends Error {
  /** "bad_command", "bad_model", "out_of_memory", "device_lost", "no_gpu", "context_full", "busy", "overloaded", "gone", "internal", "network", "cancelled" */
  code: string;
  hint?: string;
}

export interface Events {
  /** Reading the prompt: tokens done and in all. */
  prefill: { id: number; done: number; total: number; ms: number };
  /** Waiting for the server: 1 is next. */
  queued: { id: number; position: number };
  layout: Layout;
  /** Every piece of every answer. */
  token: Piece & { id: number };
  progress: Progress;
  /** The connection to the server, when device is "server". */
  connection: { state: "open" | "lost" | "resumed"; attempt?: number; message?: string };
  /** An error that answers no call: the device was lost, the worker died. */
  error: TokenselectError;
}

export interface Engine {
  readonly info: Info;
  /** Sets the document and forgets the one before. */
  open(document: string, options?: { context?: number; selection?: Selection }): Promise<Opened>;
  /** Asks about the open document; one question at a time. */
  ask(question: string, options?: AskOptions): Answering;
  /** Stops the answer that is running, if any. */
  stop(): void;
  /** Changes policy and budgets from the next question on. */
  select(selection: Selection): Promise<{ memory: Memory; warning?: string }>;
  on<K extends keyof Events>(type: K, listener: (event: Events[K]) => void): () => void;
  /** Frees the device and ends the worker or the connection; what is pending fails with "cancelled". */
  close(): Promise<void>;
}

export function load(options?: LoadOptions): Promise<Engine>;
/** The models of a server or a static site. */
export function models(base?: string): Promise<Model[]>;
/** Is there WebGPU here, and on what: without loading anything. */
export function probe(): Promise<{ webgpu: boolean; adapter?: string; software?: boolean; why?: string }>;
