// The worker of parts.js: the command `tokenselect` itself, compiled for browsers,
// with the browser's WebGPU. It is told its arguments, says what the command says,
// and ends with the command's exit code and output.
import { fetched, instantiate } from "../boot.js";

// With a limit Go's garbage collector runs in time: WebAssembly has 4 GiB, and a
// program that asks for more ends.
const MEMORY = "3584MiB";

const PROGRAM = "bench.wasm";

// As Linux has it. What goes to a character device is for a person to see: the
// command says only there how far it is.
const CHARACTER_DEVICE = 0o020000;

const text = { 1: new TextDecoder(), 2: new TextDecoder() };
let out = "";

// The rest of what Go asks of files wasm_exec.js refuses.
globalThis.fs.writeSync = (fd, bytes) => {
  const words = text[fd].decode(bytes, { stream: true });
  if (fd === 1) out += words;
  else postMessage({ said: words });
  return bytes.length;
};
globalThis.fs.fstat = (fd, callback) => {
  const stat = { mode: fd === 2 ? CHARACTER_DEVICE : 0 };
  for (const name of ["dev", "ino", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", "atimeMs", "mtimeMs", "ctimeMs"]) stat[name] = 0;
  callback(null, stat);
};

async function program() {
  const response = await fetch(new URL(`../${PROGRAM}`, import.meta.url));
  if (!response.ok) throw new Error(`${PROGRAM} is not here, so that this page measures whole models only: make bench-wasm builds it, and tokenselect serve has it then`);
  return response;
}

async function run(args) {
  const [module, simd] = await Promise.all([WebAssembly.compileStreaming(program()), fetched("simd128.wasm").then((r) => r.arrayBuffer())]);
  let code = 0;
  const prepare = (go) => Object.assign(go, { argv: ["tokenselect", ...args], env: { GOMEMLIMIT: MEMORY }, exit: (c) => { code = c; } });
  const { go, instance } = await instantiate({ module, simd, prepare });
  await go.run(instance);
  return code;
}

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ code: await run(data), out });
  } catch (error) {
    postMessage({ error: error.message });
  }
}, { once: true });
