// Measures the engine as pages use it: tokenselect.js, its worker, documents and
// answers.
import { load } from "../tokenselect.js";
import { openProse } from "./documents.js";
import { roundTrip } from "./round-trip.js";

const QUESTION = "What was said of the winter?";
const WARM = 1200; // tokens of a text that is selected from: it compiles every kernel
const SETTLED = 4; // tokens of an answer before those that are counted

/**
 * @typedef {object} Options
 * @property {number[]} depths    documents' tokens
 * @property {string[]} policies
 * @property {"auto" | "webgpu" | "cpu"} device
 * @property {number} tokens      of an answer
 * @property {number} runs        documents read and answers given for every row
 * @property {boolean} trace      the rows that a token attends to come with it, as the page's shading wants them
 * @property {boolean} hollow     a GPU computes nothing, all else is done: speeds mean nothing then, the host's times do
 */

/**
 * What a token costs the browser beside the GPU's work, in milliseconds, and
 * how often it crosses a border. Of the CPU device, go has the work itself.
 * @typedef {object} Token
 * @property {number} total     from token to token
 * @property {number} go        the engine's own code: recording, sampling, detokenising, writing events
 * @property {number} encode    commands encoded and submitted
 * @property {number} readback  from the mapping of the result to the engine
 * @property {number} message   to the page
 * @property {number} page      the page's: decoding, text, style and layout
 * @property {number} roundTrip to the GPU's process and back, with no work there; 0 on the CPU
 * @property {number} outside   their sum, without the way to the GPU's process where several tokens are read together: the GPU works on those after them meanwhile; 0 on the CPU
 * @property {number} crossings calls from Go to JavaScript
 * @property {number} submits
 */

/**
 * @typedef {object} Row
 * @property {string} policy
 * @property {number} depth       asked for
 * @property {number} prompt      tokens read: the document, a question, the format
 * @property {number} open_ms     the document tokenised
 * @property {number} first_ms    from the question to the answer's first token
 * @property {number} prefill_tps
 * @property {number} decode_tps
 * @property {number} memory      bytes on the device when its context is full
 * @property {number} kv_bytes    of keys and values now
 * @property {number} wasm_bytes  of WebAssembly's memory
 * @property {Token} token
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/**
 * Asks once and paints the answer, as a page does.
 * @returns {Promise<{answer: import("../tokenselect.js").Answer, token: Omit<Token, "roundTrip" | "outside">, reads: number, memory: number}>}
 */
async function ask(engine, ledgers, { tokens, trace }, selection, paint) {
  const reported = ledgers.next();
  const answering = engine.ask(QUESTION, { max_tokens: tokens, ignore_end: true, trace, selection });
  let [came, settled] = [0, 0];
  for await (const piece of answering) {
    if (came++ === SETTLED) settled = paint.spent;
    paint.push(piece);
  }
  await paint.frame();
  const answer = await answering.done;
  const { tokens: ledger, memory } = await reported;
  const [from, to] = [ledger[SETTLED - 1], ledger.at(-1)];
  const each = (name) => (to[name] - from[name]) / (ledger.length - SETTLED);
  const token = { total: each("at"), page: (paint.spent - settled) / (came - SETTLED) };
  for (const name of ["go", "encode", "readback", "message", "crossings", "submits"]) token[name] = each(name);
  return { answer, token, reads: each("reads"), memory };
}

/** @returns {Promise<Row>} */
async function measure(engine, ledgers, depth, policy, options, empty, paint) {
  const selection = { policy };
  const { text } = await openProse(engine, depth, selection);
  const got = [];
  for (let run = 0; run < options.runs; run++) {
    const began = performance.now();
    const opened = await engine.open(text, { selection });
    const open_ms = performance.now() - began;
    paint.clear();
    got.push({ open_ms, opened, ...await ask(engine, ledgers, options, selection, paint) });
  }
  const of = (pick) => median(got.map(pick));
  const token = Object.fromEntries(Object.keys(got[0].token).map((name) => [name, of((g) => g.token[name])]));
  const reads = of((g) => g.reads);
  token.roundTrip = empty * reads;
  token.outside = empty > 0 ? token.go + token.encode + token.readback + token.message + token.page + (reads < 1 ? 0 : token.roundTrip) : 0;
  const [{ answer, opened, memory }] = got;
  return {
    policy, depth, prompt: answer.stats.prompt_tokens,
    open_ms: of((g) => g.open_ms), first_ms: of((g) => g.answer.stats.first_ms),
    prefill_tps: of((g) => g.answer.stats.prefill_tps), decode_tps: of((g) => g.answer.stats.decode_tps),
    memory: opened.memory.total, kv_bytes: answer.stats.kv_bytes, wasm_bytes: memory, token,
  };
}

/** What the worker's meter tells at the end of answers. */
class Ledgers {
  constructor() {
    this.name = `tokenselect-bench-${crypto.randomUUID()}`;
    this.channel = new BroadcastChannel(this.name);
  }

  /** Of the next answer that ends. */
  next() {
    return new Promise((resolve) => { this.channel.onmessage = ({ data }) => resolve(data); });
  }

  close() { this.channel.close(); }
}

/**
 * Measures every depth with every policy.
 * @param {Options} options
 * @param {object} page
 * @param {(words: string) => void} page.tell what is being done
 * @param {(row: Row, info: import("../tokenselect.js").Info) => void} page.row
 * @param {import("./paint.js").Paint} page.paint
 */
export async function bench(options, { tell, row, paint }) {
  const ledgers = new Ledgers();
  tell("loading the model");
  const engine = await load({ device: options.device, worker: `bench/worker.js?channel=${ledgers.name}${options.hollow ? "&hollow" : ""}` });
  try {
    const { info } = engine;
    const empty = info.device === "cpu" ? 0 : await roundTrip();
    const rows = [];
    for (const policy of options.policies) {
      tell(`${policy}: warming up on ${info.adapter}`);
      await openProse(engine, Math.min(WARM, Math.max(...options.depths)), { policy });
      paint.clear();
      await ask(engine, ledgers, { tokens: SETTLED + 4, trace: options.trace }, { policy }, paint);
      for (const depth of options.depths) {
        tell(`${policy}: ${depth} tokens on ${info.adapter}`);
        rows.push(await measure(engine, ledgers, depth, policy, options, empty, paint));
        row(rows.at(-1), info);
      }
    }
    const { model, device, adapter, kind, backend, why, kv, selection } = info;
    return {
      when: new Date().toISOString(), browser: navigator.userAgent, cores: navigator.hardwareConcurrency,
      model, device, adapter, kind, backend, why, kv, selection, options, empty_round_trip_ms: empty, rows,
    };
  } finally {
    await engine.close();
    ledgers.close();
  }
}
