// This engine and wllama (llama.cpp as WebAssembly) beside each other: one
// Chromium, one model file, the same documents, turn by turn. wllama has two
// threads, this engine's CPU path one. Round by round wllama does with its flash
// attention or without (flash=1,0), and the best of each kind counts.
//
//   npm install --no-save --prefix bin/rivals @wllama/wllama@3.8.1
//   node web/test/rivals/wllama.mjs [-o FILE] [depths=512,2048,8192 tokens=32 rounds=4 threads=2 flash=1,0]
import { createServer } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, skip, start } from "../real.mjs";

const VERSION = "3.8.1";
const root = fileURLToPath(new URL("../../../", import.meta.url));
const rival = join(root, "bin/rivals/node_modules/@wllama/wllama");
const model = join(root, "web/models/needle-16m-q8_0.gguf");

const args = process.argv.slice(2);
const file = args[0] === "-o" ? args.splice(0, 2)[1] : null;
const given = { depths: "512,2048,8192", tokens: "32", rounds: "4", threads: "2", flash: "1,0" };
for (const arg of args) {
  const [name, value] = arg.split("=");
  if (!(name in given) || !/^\d+(,\d+)*$/.test(value ?? "")) throw new Error(`usage: node wllama.mjs [-o FILE] [depths=512,8192 tokens=32 rounds=4 threads=2 flash=1,0], found ${arg}`);
  given[name] = value;
}
const depths = given.depths.split(",").map(Number);
const flash = given.flash.split(",").map((v) => v !== "0");
const [tokens, rounds, threads] = [given.tokens, given.rounds, given.threads].map(Number);
if (skip) throw new Error(skip);
const { version } = JSON.parse(readFileSync(join(rival, "package.json"), "utf8"));
if (version !== VERSION) throw new Error(`${rival}: version ${version}, expected ${VERSION}`);

/** A site with wllama and the model, isolated from other origins: threads need it. */
async function site() {
  const types = { ".js": "text/javascript", ".wasm": "application/wasm", ".gguf": "application/octet-stream" };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    if (pathname === "/") return void response.setHeader("Content-Type", "text/html").end("<!doctype html><title>wllama</title>");
    const path = pathname === "/model.gguf" ? model : normalize(join(rival, "esm", pathname));
    if (path !== model && !path.startsWith(rival + sep)) return void response.writeHead(404).end();
    try {
      response.setHeader("Content-Type", types[extname(path)] ?? "text/plain").end(readFileSync(path));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Runs in wllama's page: it has a context of its own for every depth, as large
 * as is needed. llama.cpp would take no more than the model was trained for; its
 * list of overrides ends with an empty key.
 */
async function theirs({ text, context, tokens, threads, flash }) {
  const { Wllama, LoggerWithoutDebug } = await import("/index.js");
  const w = new Wllama({ default: "/wasm/wllama.wasm" }, { suppressNativeLog: true, logger: LoggerWithoutDebug });
  const blob = await (await fetch("/model.gguf")).blob();
  await w.loadModel([blob], { n_ctx: context, n_threads: threads, n_gpu_layers: 0, flash_attn: flash, kv_overrides: { "llama.context_length": `int:${context}`, "": "int:0" } });
  const { timings: t } = await w.createCompletion({ prompt: text, max_tokens: tokens, temperature: 0, ignore_eos: true });
  const ran = w.getNumThreads();
  await w.exit();
  return { threads: ran, flash, prompt: t.prompt_n, prefill: (1000 * t.prompt_n) / t.prompt_ms, predicted: t.predicted_n, decode: (1000 * t.predicted_n) / t.predicted_ms };
}

/** Runs in this engine's page. */
async function ours({ text, tokens }) {
  const { load } = await import("/tokenselect.js");
  const engine = await load({ device: "cpu" });
  await engine.open(text);
  const { stats } = await engine.ask("What was said of the winter?", { max_tokens: tokens, ignore_end: true }).done;
  await engine.close();
  return { threads: 1, prompt: stats.prompt_tokens, prefill: stats.prefill_tps, predicted: stats.answer_tokens, decode: stats.decode_tps };
}

/** Runs in this engine's page: a document of so many tokens. */
async function prose(depth) {
  const { load } = await import("/tokenselect.js");
  const { openProse } = await import("/bench/documents.js");
  const engine = await load({ device: "cpu" });
  const { text } = await openProse(engine, depth, {});
  await engine.close();
  return text;
}

const best = (runs) => ({ ...runs[0], prefill: Math.max(...runs.map((r) => r.prefill)), decode: Math.max(...runs.map((r) => r.decode)) });

const server = await start();
const rivals = await site();
const browser = await launch();
try {
  const [mine, other] = [await browser.context.newPage(), await browser.context.newPage()];
  await mine.goto(`${server.url}tokenselect.d.ts`);
  await other.goto(rivals.url);
  const rows = [];
  for (const depth of depths) {
    const text = await mine.evaluate(prose, depth);
    const runs = { ours: [], theirs: [] };
    for (let round = 0; round < rounds; round++) {
      runs.theirs.push(await other.evaluate(theirs, { text, context: depth + 128 + tokens, tokens, threads, flash: flash[round % flash.length] }));
      runs.ours.push(await mine.evaluate(ours, { text, tokens }));
      for (const [name, [...all]] of Object.entries(runs)) {
        const { prompt, predicted, prefill, decode } = all.at(-1);
        console.error(`${name}: ${prompt} tokens read at ${prefill.toFixed(0)}/s, ${predicted} written at ${decode.toFixed(1)}/s`);
        if (predicted < tokens) throw new Error(`${name} at ${depth}: ${predicted} tokens were written, expected ${tokens}`);
      }
    }
    const [us, them] = [best(runs.ours), best(runs.theirs)];
    rows.push({ depth, prefill_ratio: us.prefill / them.prefill, decode_ratio: us.decode / them.decode, ours: us, theirs: them, runs });
  }
  const chromium = browser.context.browser()?.version() ?? await mine.evaluate(() => navigator.userAgent);
  if (file) writeFileSync(file, `${JSON.stringify({ wllama: VERSION, chromium, threads, rows }, null, 2)}\n`);
  console.log(`needle-16m-q8_0.gguf on the CPU in Chromium (${chromium}); tokens/s, the best of ${rounds}, ${tokens} tokens decoded; wllama ${VERSION} with ${rows[0].theirs.threads} threads, this engine with one\n`);
  console.log("| depth | prefill, times | decode, times | prefill, ours | theirs | decode, ours | theirs |\n|---|---|---|---|---|---|---|");
  for (const { depth, prefill_ratio, decode_ratio, ours: us, theirs: them } of rows) {
    console.log(`| ${depth} | ${prefill_ratio.toFixed(2)} | ${decode_ratio.toFixed(2)} | ${us.prefill.toFixed(0)} | ${them.prefill.toFixed(0)} | ${us.decode.toFixed(0)} | ${them.decode.toFixed(0)} |`);
  }
} finally {
  await browser.close();
  rivals.close();
  await server.stop("SIGKILL");
}
