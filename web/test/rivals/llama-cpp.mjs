// A measurement, not a test: llama.cpp's CPU build (npm's node-llama-cpp) and this
// project's CPU device on the same model file, in one run. `make rivals` runs it.
//
//   node llama-cpp.mjs FOLDER MODEL TOKENSELECT [DEPTHS]
//
// FOLDER is where node-llama-cpp was installed. llama.cpp is measured by its own
// counters, so that what Node adds does not count against it, with one thread
// and with as many as asked for (TOKENSELECT_THREADS, 2): each has a row, and the
// ratios are to the better of the two.
//
// At each depth the engines take turns, and the best of several rounds counts.
// A row says how many cores the engine had while it read; fewer than its threads
// means that others were using the machine, and that the row is not to be quoted.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { loadavg } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const CHUNK = 512; // tokens of a prompt that either engine reads at once
const DECODED = 32;
const ROUNDS = 3;
const POLICIES = ["tokenselect", "dense"];

const [folder, modelPath, ours, depthList = "512,8192,32768"] = process.argv.slice(2);
if (!ours) {
  console.error("usage: node llama-cpp.mjs FOLDER MODEL TOKENSELECT [DEPTHS]");
  process.exit(2);
}
const most = Number(process.env.TOKENSELECT_THREADS ?? 2);
const depths = depthList.split(",").map(Number);

/**
 * Tokens a second: of reading the last chunk before the depth, and of decoding
 * there; and the cores that reading had, where that is known.
 * @typedef {{ prefill: number, decode: number, cores: number }} Speed
 */

/** @type {(a: Speed | undefined, b: Speed) => Speed} */
const better = (a, b) => a === undefined ? b : {
  prefill: Math.max(a.prefill, b.prefill), decode: Math.max(a.decode, b.decode), cores: Math.max(a.cores, b.cores),
};

/**
 * One depth with one number of threads.
 * @param {import("node-llama-cpp").LlamaModel} model
 * @param {number[]} tokens at least depth of them
 * @param {number} depth
 * @param {number} threads
 * @param {() => Promise<{ ms: number, runs: number }>} evaluated what was decoded since the last call
 * @returns {Promise<Speed>}
 */
async function measure(model, tokens, depth, threads, evaluated) {
  const context = await model.createContext({
    contextSize: depth + 2 * DECODED, batchSize: CHUNK, threads, flashAttention: true, performanceTracking: true,
  });
  const sequence = context.getSequence();
  const last = Math.max(0, depth - CHUNK);
  if (last > 0) await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, last));
  const used = process.cpuUsage();
  const began = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(last, depth - 1));
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(used);
  let decoded = 0;
  for await (const token of sequence.evaluate([tokens[depth - 1]], { temperature: 0, yieldEogToken: true })) {
    if (token === undefined || ++decoded === DECODED) break;
  }
  await context.printTimings();
  const { ms, runs } = await evaluated();
  await context.dispose();
  return { prefill: (depth - 1 - last) / took * 1e3, decode: runs / ms * 1e3, cores: (user + system) / 1e3 / took };
}

/** @returns what measures llama.cpp at a depth with so many threads, and its name */
async function openLlama() {
  const entry = createRequire(resolve(folder, "package.json")).resolve("node-llama-cpp");
  const { getLlama } = await import(pathToFileURL(entry).href);
  let timing = "";
  const llama = await getLlama({
    gpu: false, build: "never", maxThreads: most, logLevel: "info",
    logger: (/** @type {string} */ _level, /** @type {string} */ message) => {
      timing = /(?<!prompt )eval time =.*/.exec(message)?.[0] ?? timing;
    },
  });
  const evaluated = async () => {
    for (let i = 0; i < 100 && timing === ""; i++) await new Promise((done) => setTimeout(done, 20));
    const found = /= *([\d.]+) ms \/ *(\d+) runs/.exec(timing);
    if (!found) throw new Error(`llama.cpp's timings are ${JSON.stringify(timing)}, expected "eval time = ... ms / ... runs"`);
    timing = "";
    return { ms: Number(found[1]), runs: Number(found[2]) };
  };
  const model = await llama.loadModel({ modelPath, useMmap: true });
  const sentence = "It was a dark night and the old house stood silent. ";
  const tokens = model.tokenize(sentence.repeat(Math.ceil(Math.max(...depths) / 8)));
  if (tokens.length < Math.max(...depths)) throw new Error(`${tokens.length} tokens of text, expected ${Math.max(...depths)}`);
  return {
    name: `llama.cpp ${llama.llamaCppRelease.release}`,
    /** @type {(depth: number, threads: number) => Promise<Speed>} */
    measure: (depth, threads) => measure(model, tokens, depth, threads, evaluated),
  };
}

/** @type {(depth: number, policy: string) => Speed} */
function tokenselect(depth, policy) {
  const out = execFileSync(resolve(ours), ["bench", "-devices", "cpu", "-model", modelPath, "-depths", `${depth}`,
    "-policies", policy, "-chunk", `${CHUNK}`, "-decode", `${DECODED}`, "-json"],
  { env: { ...process.env, GOMAXPROCS: `${most}` }, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const [row] = JSON.parse(out).rows;
  return { prefill: row.prefill_tok_s, decode: row.decode_tok_s, cores: NaN };
}

const llama = await openLlama();
console.log(`tokens a second on the CPU, ${most} threads; the last chunk of ${CHUNK} before the depth, and ${DECODED} tokens there; load before ${loadavg()[0].toFixed(2)}\n`);
console.log("| engine | depth | decode | to llama.cpp | prefill | to llama.cpp | cores |\n|---|---|---|---|---|---|---|");
for (const depth of depths) {
  /** @type {Map<string, Speed>} */
  const best = new Map();
  // One thread reads for minutes beyond 8K, where one round takes minutes too.
  const deep = depth > 8192;
  for (let round = 0; round < (deep ? 1 : ROUNDS); round++) {
    for (const policy of POLICIES) best.set(policy, better(best.get(policy), tokenselect(depth, policy)));
    for (const threads of deep || most === 1 ? [most] : [1, most]) {
      const name = `${llama.name}, threads: ${threads}`;
      best.set(name, better(best.get(name), await llama.measure(depth, threads)));
    }
  }
  const rival = [...best].filter(([name]) => !POLICIES.includes(name)).map(([, speed]) => speed).reduce(better);
  for (const [name, { prefill, decode, cores }] of best) {
    console.log(`| ${name} | ${depth} | ${decode.toFixed(1)} | ${(decode / rival.decode).toFixed(2)} | ${prefill.toFixed(0)} | ${(prefill / rival.prefill).toFixed(2)} | ${Number.isNaN(cores) ? "" : cores.toFixed(2)} |`);
  }
}
console.log(`\nload after ${loadavg()[0].toFixed(2)}`);
process.exit(0);
