// Figures of parts of models as tables, as the command prints them, ratios first.

/** @typedef {import("./parts.js").PartReport} PartReport */
/** @typedef {import("./parts.js").Kernel} Kernel */

const step = (tokens) => (tokens === 1 ? "decode" : `chunk of ${tokens}`);
const significant = (n) => (n === 0 ? "0" : n.toPrecision(n >= 100 ? Math.floor(Math.log10(n)) + 1 : 3));
const time = (us) => us.toFixed(1);

/** Depths as people say them. */
function depth(n) {
  for (const [unit, of] of [["M", 2 ** 20], ["K", 2 ** 10]]) if (n >= of && n % of === 0) return `${n / of}${unit}`;
  return String(n);
}

/** @param {Kernel} kernel */
const share = ({ uncounted, share_of_ceiling: of, bound }) => (uncounted ? "not counted" : of ? `${Math.round(100 * of)} % of ${bound}` : "");

/** Time, bytes and operations. @param {Kernel} kernel */
const costs = ({ us, bytes, operations, uncounted }) => [time(us), ...(uncounted ? ["?", "?"] : [significant(bytes / 1e6), significant(operations / 1e6)])];

/** Rows that follow each other and are of the same thing. */
function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...groups.get(key(row)) ?? [], row]);
  return [...groups];
}

function layerCells(row) {
  if (row.skipped) return ["", `skipped: ${row.skipped}`, depth(row.depth), "", "", "", ""];
  return [row.to_dense ? `${row.to_dense.toFixed(2)} times dense` : "", row.policy, depth(row.depth), step(row.chunk), time(row.us), "", ""];
}

const kernelCells = (kernel) => [share(kernel), kernel.calls > 1 ? `${kernel.name} x${kernel.calls}` : kernel.name, "", "", ...costs(kernel)];

function productCells(row) {
  const name = row.rows ? `${row.name} ${row.rows} x ${row.cols}` : row.name;
  if (row.skipped) return ["", name, row.type ?? "", step(row.tokens), `skipped: ${row.skipped}`, "", "", ""];
  return [share(row), name, row.type ?? "", step(row.tokens), String(row.calls), ...costs(row)];
}

/**
 * @param {PartReport} report
 * @returns {import("./report.js").Table[]}
 */
export function partTables({ kv, rows }) {
  if (kv === undefined) {
    return grouped(rows, (row) => row.model).map(([model, of]) => ({
      title: `${model}, all layers`,
      columns: ["of its ceiling", "matrix", "weights", "step", "calls", "us", "MB", "MFLOP"],
      cells: of.map(productCells),
    }));
  }
  const shape = ({ shape: s }) => `${s.model} (${s.heads}/${s.kv_heads}/${s.head_dim})`;
  return grouped(rows, shape).map(([title, of]) => ({
    title,
    columns: ["ratio", "policy or kernel", "depth", "step", "us", "MB", "MFLOP"],
    cells: of.flatMap((row) => [layerCells(row), ...(row.kernels ?? []).map(kernelCells)]),
    beneath: of.flatMap((row) => [false, ...(row.kernels ?? []).map(() => true)]),
  }));
}

/** What was measured on what. @param {PartReport} report */
export function partHeading({ device, adapter, os, kv, selection, ceilings }) {
  const { read_bytes_s: read, multiply_add_operations_s: multiplyAdd, timed_by_device: byDevice } = ceilings;
  const clock = byDevice ? "the device's timestamps, with copies by this machine's clock" : "this machine's clock, over many calls of one submit";
  // Of what the CPU device has 128-bit vectors for in WebAssembly, the kernels of the ceilings are none.
  const scalar = device === "cpu" && os === "js/wasm" ? " by code without vectors, which kernels with them exceed" : "";
  return `${device}: ${adapter}${kv === undefined ? "" : `, cache ${kv}`}; n_init ${selection.NInit}, k ${selection.K}, n_local ${selection.NLocal}, chunk ${selection.Chunk}; `
    + `${kv === undefined ? "products with random weights" : "selection and attention of one layer"}; `
    + `ceilings: ${significant(read / 1e9)} GB/s read${multiplyAdd > 0 ? `, ${significant(multiplyAdd / 1e9)} GFLOP/s multiply-add` : ""}${scalar}; times by ${clock}`;
}
