// The server of exec-chromium.js: the program and the modules that run it, the
// repository's files for it to read, and a place for its output.
import { lstat, readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { wasmExec } from "./exec-env.js";

const root = await realpath(fileURLToPath(new URL("../../", import.meta.url)));
const TYPES = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const STAT = ["dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks", "atimeMs", "mtimeMs", "ctimeMs"];

const outside = (name) => name !== root && !name.startsWith(root + path.sep);
const missing = (code) => Object.assign(new Error(code), { code });

/** What is outside of the repository is not there, links out of it included. */
async function inside(name, { links = "follow" } = {}) {
  if (outside(name)) throw missing("ENOENT");
  const real = links === "follow" ? await realpath(name) : path.join(await realpath(path.dirname(name)), path.basename(name));
  if (name !== root && outside(real)) throw missing("ENOENT");
  return real;
}

/** By route: what is asked for, as an object, a list or bytes. */
const FILES = {
  async "/stat"({ path: name, links }) {
    const found = await (links === "keep" ? lstat : stat)(await inside(name, { links }));
    return { ...Object.fromEntries(STAT.map((field) => [field, found[field]])), directory: found.isDirectory() };
  },
  "/file": async ({ path: name }) => readFile(await inside(name)),
  "/list": async ({ path: name }) => readdir(await inside(name)),
  "/link": async ({ path: name }) => readlink(await inside(name, { links: "keep" })),
};

async function body(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Reads a file for the browser itself. */
async function loaded(pathname, program) {
  switch (pathname) {
    case "/": return { bytes: "<!doctype html><title>go test</title>", type: "text/html" };
    case "/run.json": return { bytes: JSON.stringify({ args: program.args, env: program.env, cwd: program.cwd }), type: "application/json" };
    case "/program.wasm": return { bytes: await readFile(program.file), type: TYPES[".wasm"] };
    case "/wasm_exec.js": return { bytes: await readFile(wasmExec()), type: TYPES[".js"] };
    default: return { bytes: await readFile(await inside(path.join(root, pathname))), type: TYPES[path.extname(pathname)] ?? "application/octet-stream" };
  }
}

/**
 * @param {object} program
 * @param {string} program.file the WebAssembly
 * @param {string[]} program.args os.Args
 * @param {Record<string, string>} program.env
 * @param {string} program.cwd its working directory, in the repository
 * @returns {Promise<{origin: string, close(): void}>}
 */
export async function serveProgram(program) {
  const answer = async (request) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/write") {
      const to = url.searchParams.get("fd") === "2" ? process.stderr : process.stdout;
      to.write(await body(request));
      return { bytes: "null", type: "application/json" };
    }
    const file = FILES[url.pathname];
    if (!file) return loaded(url.pathname, program);
    const found = await file(Object.fromEntries(url.searchParams));
    return Buffer.isBuffer(found) ? { bytes: found, type: "application/octet-stream" } : { bytes: JSON.stringify(found), type: "application/json" };
  };
  const server = createServer(async (request, response) => {
    response.setHeader("Cache-Control", "no-store");
    try {
      const { bytes, type } = await answer(request);
      response.writeHead(200, { "Content-Type": type }).end(bytes);
    } catch (error) {
      response.writeHead(404, { "X-Errno": error.code ?? "EIO" }).end(error.message);
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
