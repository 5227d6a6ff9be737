// Measures parts of models with the command's own bench -attention and -matvec.

/**
 * @typedef {object} PartOptions
 * @property {"attention" | "matvec"} what
 * @property {"auto" | "webgpu" | "cpu"} device
 * @property {Record<string, string>} flags of tokenselect bench, by name
 * @property {boolean} kernels each kernel of a layer by itself, too
 */

/**
 * @typedef {object} Kernel what has been measured, and what it takes at least
 * @property {string} name
 * @property {number} calls
 * @property {number} us
 * @property {number} bytes
 * @property {number} operations
 * @property {boolean} [uncounted]        how many of both is not known
 * @property {number} [share_of_ceiling]
 * @property {"reading" | "multiply-add"} [bound]
 */

/**
 * @typedef {object} LayerRow the selection and attention of one layer
 * @property {{model: string, heads: number, kv_heads: number, head_dim: number}} shape
 * @property {number} depth
 * @property {number} chunk queries; 1: decode
 * @property {string} policy
 * @property {number} us
 * @property {number} [to_dense] the dense time over this one
 * @property {string} [skipped]  why there is no time
 * @property {Kernel[]} [kernels]
 */

/**
 * @typedef {Kernel & {model: string, tokens: number, type?: string, rows?: number, cols?: number, skipped?: string}} ProductRow
 * the products with one weight of all layers
 */

/**
 * @typedef {object} PartReport what tokenselect bench -json prints of a device
 * @property {string} device
 * @property {string} adapter
 * @property {string} driver
 * @property {{NInit: number, K: number, NLocal: number, Chunk: number}} selection
 * @property {string} os
 * @property {number} cores
 * @property {{read_bytes_s: number, multiply_add_operations_s: number, timed_by_device: boolean}} ceilings
 * @property {string} [kv] of bench -attention
 * @property {(LayerRow | ProductRow)[]} rows
 */

/** The command's arguments. */
const args = ({ what, device, flags, kernels }) => [
  "bench", `-${what}`, "-json", "-devices", device, ...(kernels ? ["-kernels"] : []),
  ...Object.entries(flags).flatMap(([name, value]) => [`-${name}`, value]),
];

/**
 * Runs the command in a worker.
 * @param {PartOptions} options
 * @param {(words: string) => void} tell what is being done
 * @returns {Promise<PartReport[]>}
 */
export async function benchParts(options, tell) {
  tell("loading the command");
  const worker = new Worker(new URL("command.js", import.meta.url), { type: "module" });
  try {
    return JSON.parse(await new Promise((resolve, reject) => {
      let complaint = "";
      worker.onerror = (event) => reject(new Error(event.message || "bench/command.js could not be loaded"));
      worker.onmessage = ({ data: { said, error, code, out } }) => {
        if (said?.startsWith("\r")) tell(said.trim() || "done"); // how far it is, each over the one before
        else if (said !== undefined) complaint += said;
        else if (error !== undefined) reject(new Error(error));
        else if (code === 0) resolve(out);
        else reject(new Error(failure(code, complaint)));
      };
      worker.postMessage(args(options));
    }));
  } finally {
    worker.terminate();
  }
}

/** Why the command ended as it did: its first line says it, the others are for terminals. */
function failure(code, complaint) {
  const [first] = complaint.trim().split("\n");
  if (first === "") return `the command ended with ${code}`;
  return first.replace(/^tokenselect bench: /, "");
}
