// Figures as tables: for the page, and as Markdown for programs.
import { partHeading, partTables } from "./parts-report.js";

/** @typedef {import("./measure.js").Row} Row */

const share = (a, b) => (b > 0 ? a / b : NaN);
const find = (rows, policy, depth) => rows.find((r) => r.policy === policy && r.depth === depth);

/** Ratios of a row to the shallowest of its policy and to dense at its depth. */
export function ratios(row, rows) {
  const shallow = rows.filter((r) => r.policy === row.policy).reduce((a, b) => (b.depth < a.depth ? b : a));
  const dense = row.policy === "dense" ? null : find(rows, "dense", row.depth);
  return {
    decode_to_shallowest: share(row.decode_tps, shallow.decode_tps),
    prefill_to_shallowest: share(row.prefill_tps, shallow.prefill_tps),
    decode_to_dense: dense ? share(row.decode_tps, dense.decode_tps) : NaN,
    prefill_to_dense: dense ? share(row.prefill_tps, dense.prefill_tps) : NaN,
  };
}

const whole = (n) => Math.round(n).toLocaleString("en");
const ratio = (n) => (Number.isNaN(n) ? "" : n.toFixed(2));
const mega = (n) => (n / 1e6).toFixed(1);
const ms = (n) => (n >= 100 ? whole(n) : n >= 10 ? n.toFixed(1) : n.toFixed(3));

/** @typedef {{title: string, columns: string[], cells: string[][], beneath?: boolean[]}} Table beneath: rows that are parts of one above */

/** @returns {Table[]} */
export function tables(rows) {
  const least = Math.min(...rows.map((r) => r.depth));
  const dense = rows.some((r) => r.policy === "dense") && rows.some((r) => r.policy !== "dense");
  const compared = (values) => (dense ? values : []);
  const speed = {
    title: "Speed and memory",
    columns: [
      `decode to ${least}`, `prefill to ${least}`, ...compared(["decode to dense", "prefill to dense"]), "policy", "depth",
      "decode tok/s", "prefill tok/s", "first token ms", "tokenise ms", "keys and values MB", "device MB", "WebAssembly MB",
    ],
    cells: rows.map((r) => {
      const to = ratios(r, rows);
      return [
        ratio(to.decode_to_shallowest), ratio(to.prefill_to_shallowest), ...compared([ratio(to.decode_to_dense), ratio(to.prefill_to_dense)]),
        r.policy, whole(r.depth), r.decode_tps.toFixed(1), whole(r.prefill_tps), ms(r.first_ms), ms(r.open_ms), mega(r.kv_bytes), mega(r.memory), mega(r.wasm_bytes),
      ];
    }),
  };
  const token = {
    title: "A token of an answer, milliseconds of the host",
    columns: ["outside the GPU", "policy", "depth", "token to token", "engine", "encode, submit", "readback", "message", "page", "round trip", "calls", "submits"],
    cells: rows.map(({ policy, depth, token: t }) => [
      t.outside > 0 ? ms(t.outside) : "no GPU", policy, whole(depth), ms(t.total), ms(t.go), ms(t.encode), ms(t.readback), ms(t.message), ms(t.page), ms(t.roundTrip),
      t.crossings.toFixed(1), t.submits.toFixed(1),
    ]),
  };
  return [speed, token];
}

/** What was measured on what, in one line. */
function heading({ model, adapter, device, kv, cores, selection, options }) {
  const { n_init, k, n_local, chunk, theta } = selection;
  return `${model} on ${adapter} (${device}, ${kv}) of a machine with ${cores} core${cores === 1 ? "" : "s"}; n_init ${n_init}, k ${k}, n_local ${n_local}, chunk ${chunk}, theta ${theta}; `
    + `answers of ${options.tokens} tokens, median of ${options.runs}${options.trace ? ", with the rows attended to" : ""}${options.hollow ? "; the GPU computes nothing: only the times of the host mean something" : ""}`;
}

/**
 * What the figures say: of parts of models there is a report for each device.
 * @param {object | import("./parts.js").PartReport[]} result
 * @returns {{heading: string, tables: Table[]}[]}
 */
export function described(result) {
  if (Array.isArray(result)) return result.map((report) => ({ heading: partHeading(report), tables: partTables(report) }));
  return [{ heading: heading(result), tables: tables(result.rows) }];
}

/** @returns {string} everything as Markdown */
export function markdown(result) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const table = ({ title, columns, cells }) => [`${title}:`, "", line(columns), line(columns.map(() => "---")), ...cells.map(line)].join("\n");
  return described(result).flatMap(({ heading, tables }) => [heading, ...tables.map(table)]).join("\n\n");
}
