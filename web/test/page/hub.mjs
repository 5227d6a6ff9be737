// A model hub on another origin, which misbehaves as it is told to. Its model is
// the built-in one under other names.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { partNames, split } from "./split-gguf.mjs";

const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

export const model = readFileSync(new URL("../../models/needle-16m-q8_0.gguf", import.meta.url));
export const digest = digestOf(model);

/** The model with another text in place of the first of its kind, of the same length. */
export function changed(from, to) {
  const bytes = Buffer.from(model);
  bytes.write(to, bytes.indexOf(from), "latin1");
  return bytes;
}

/** A file of the same model that is another one to its digest. */
const twin = changed("needle-16m", "needle-16n");

/** The same model in parts, by the names of the files. */
export const parts = new Map(partNames("big-Q8_0", 3).map((name, i) => [name, split(twin, 3)[i]]));
const partFile = (name) => file(name, { size: parts.get(name).length, oid: digestOf(parts.get(name)) });

const file = (path, { size = model.length, oid = digest } = {}) => ({ type: "file", path, size: 135, oid: "0".repeat(40), lfs: { oid, size, pointerSize: 135 } });

/** What repositories list. */
const REPOSITORIES = {
  "acme/needle": [{ type: "directory", path: "old" }, { type: "file", path: "README.md", size: 10 }, file("needle-Q8_0.gguf"), file("needle-F16.gguf", { size: 2 * model.length, oid: "1".repeat(64) })],
  "acme/other": [file("other-Q4_K_M.gguf", { oid: "2".repeat(64) })],
  "acme/twin": [file("twin-Q8_0.gguf", { oid: digestOf(twin) })],
  "acme/longer": [file("longer.gguf", { size: model.length + 1 })],
  "acme/gated": [file("gated.gguf")],
  "acme/strange": [file("strange.gguf")],
  "acme/original": [{ type: "file", path: "model.safetensors", size: 100 }, { type: "file", path: "config.json", size: 10 }],
  "acme/split": [...parts.keys()].reverse().map(partFile),
  "acme/torn": [...parts.keys()].filter((name) => !name.includes("00002-of")).map(partFile),
  "acme/damaged": [...parts.keys()].map((name) => (name.includes("00003-of") ? file(name, { size: parts.get(name).length, oid: "3".repeat(64) }) : partFile(name))),
  "acme/nothing": [{ type: "file", path: "README.md", size: 10 }],
};

/**
 * @typedef {object} Fault of the next request for weights
 * @property {number} [cut] the connection breaks before this byte of the file
 * @property {boolean} [stall] or nothing more comes
 * @property {number} [status]
 * @property {boolean} [whole] Range is ignored
 * @property {string} [etag]
 *
 * @returns {Promise<{url: string, faults: Fault[], asked: {path: string, range: string | null, sent: number}[], close(): Promise<void>}>}
 * asked: for weights, and how many bytes were given to the connection
 */
export async function hub() {
  const faults = [], asked = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://hub");
    if (!pathname.startsWith("/shut/")) {
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.setHeader("Access-Control-Expose-Headers", pathname.startsWith("/bare/") ? "" : "ETag, Link, Content-Range, X-Error-Code");
    }
    const repository = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/main$/.exec(pathname)?.[1];
    if (repository) {
      const list = REPOSITORIES[repository];
      if (list) response.setHeader("Content-Type", "application/json").end(JSON.stringify(list));
      else response.writeHead(401, { "X-Error-Code": "RepoNotFound" }).end();
    } else if (pathname === "/page.gguf") {
      response.setHeader("Content-Type", "text/html").end("<!doctype html><title>Sign in</title>");
    } else if (pathname.startsWith("/acme/gated/")) {
      response.writeHead(401, { "X-Error-Code": "GatedRepo" }).end();
    } else if (pathname.startsWith("/acme/")) {
      response.writeHead(302, { Location: `/cdn/${pathname.split("/").at(-1)}` }).end(); // as hubs do
    } else if (/^\/(cdn|shut|bare)\/.*\.gguf$/.test(pathname)) {
      weights(pathname, request, response);
    } else {
      response.writeHead(404).end();
    }
  });

  function weights(path, request, response) {
    // A look at the header is not what is to go wrong.
    const range = request.headers.range ?? null;
    const look = /^bytes=0-/.test(range ?? "");
    const fault = (!look && faults.shift()) || {};
    const body = path.endsWith("strange.gguf") ? changed("llama", "bloom") : path.endsWith("twin-Q8_0.gguf") ? twin : parts.get(path.split("/").at(-1)) ?? model;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const whole = fault.whole || path.endsWith("whole.gguf") || first === undefined;
    const from = whole ? 0 : Number(first), to = whole || !last ? body.length : Math.min(Number(last) + 1, body.length);
    const record = { path, range, sent: 0 };
    asked.push(record);
    if (fault.status) {
      response.writeHead(fault.status).end();
      return;
    }
    response.writeHead(whole ? 200 : 206, {
      "Content-Length": to - from, ETag: fault.etag ?? '"first"', ...(!whole && { "Content-Range": `bytes ${from}-${to - 1}/${body.length}` }),
    });
    const part = body.subarray(from, Math.min(to, fault.cut ?? to));
    record.sent = part.length;
    if (fault.stall) response.write(part);
    else if (fault.cut) response.write(part, () => setTimeout(() => response.destroy(), 50));
    else response.end(part);
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`, faults, asked,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
