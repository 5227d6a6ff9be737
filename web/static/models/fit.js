// Whether a model fits, from its header and what the browser tells of this
// device, before its weights are fetched.
import { bytes, count } from "../app/format.js";

/** Contexts to choose from, in tokens. */
export const CONTEXTS = [4096, 8192, 16384, 32768, 65536, 131072];

const WASM = 2 ** 32; // bytes that WebAssembly can address
const SLOW = 400e6; // bytes of weights that a CPU in a tab reads for every token

/**
 * @typedef {object} Device
 * @property {{name: string, binding: number} | null} gpu binding: bytes that a kernel sees of one buffer. null: the CPU does the work
 * @property {number} memory bytes of the computer, as far as the browser tells: a power of two, and often no more than 8 GiB; 0: it does not tell
 * @property {number | null} room bytes that the browser's storage may still take; null: it keeps nothing
 */

/**
 * @param {import("../boot.js").Inspected & {size: number}} model
 * @param {number} context tokens
 * @param {Device} device
 * @returns {{takes: {weights: number, cache: number, work: number, total: number}, keeps: boolean, refusals: string[], warnings: string[]}}
 * keeps: there is room to keep it. refusals: why it cannot run
 */
export function fit(model, context, { gpu, memory, room }) {
  const { weights, cache, selection, work, layer } = model.estimates.find((estimate) => estimate.context === context);
  const takes = { weights, cache, work: selection + work, total: weights + cache + selection + work };
  const refusals = [], warnings = [];
  if (gpu && layer > gpu.binding) {
    const most = Math.floor(context * gpu.binding / layer / 256) * 256;
    refusals.push(`With ${count(context)} tokens the keys of a layer take ${bytes(layer)}, and ${gpu.name} binds ${bytes(gpu.binding)}: choose a context of at most ${count(most)}.`);
  }
  if (!gpu) {
    // The file is read as a whole before it is laid out for the kernels.
    const peak = Math.max(2 * weights, takes.total);
    if (peak > WASM) refusals.push(`Without a GPU it takes ${bytes(peak)} of memory while it is loaded, and WebAssembly has ${bytes(WASM)}.`);
    else if (weights > SLOW) warnings.push(`Without a GPU every token takes reading ${bytes(weights)}: it will be slow.`);
  }
  if (memory > 0 && memory < 2 ** 33 && weights > memory) refusals.push(`Its weights take ${bytes(weights)}; the browser says that this computer has ${bytes(memory)} of memory.`);
  else if (memory > 0 && takes.total > memory) warnings.push(`It takes ${bytes(takes.total)}; the browser says that this computer has ${memory >= 2 ** 33 ? "at least " : "about "}${bytes(memory)} of memory. It may not fit.`);
  const keeps = room !== null && model.size <= room;
  if (room === null) warnings.push("This browser keeps nothing here, as in a private window: the model is there for this visit only.");
  else if (!keeps) warnings.push(`The browser's storage has room for ${bytes(room)}, the file is ${bytes(model.size)}: it can be used for this visit, but not be kept.`);
  return { takes, keeps, refusals, warnings };
}

/** The context for a document of so many tokens, with room for questions; 32,768 without one. */
export function contextFor(tokens) {
  if (!(tokens > 0)) return 32768;
  return CONTEXTS.find((context) => context >= tokens + 1024) ?? CONTEXTS.at(-1);
}

/** What this device has. @param {{cpu: boolean}} wanted cpu: no GPU is to be used @returns {Promise<Device>} */
export async function device({ cpu }, room) {
  const adapter = cpu ? null : await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  const { vendor = "", architecture = "", description = "" } = adapter?.info ?? {};
  const gpu = adapter && { name: description || [vendor, architecture].filter(Boolean).join(" ") || "this GPU", binding: Math.min(adapter.limits.maxStorageBufferBindingSize, adapter.limits.maxBufferSize) };
  return { gpu: gpu ?? null, memory: (navigator.deviceMemory ?? 0) * 2 ** 30, room };
}
