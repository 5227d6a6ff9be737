// The page behind a small server with the real one's policy.
import { createServer } from "node:http";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";

const here = fileURLToPath(new URL(".", import.meta.url));
export const root = join(here, "../../static");
const repository = join(here, "../../..");

/** What the server adds to the page's files, where it is built: the engine, for the headers of models. */
const ENGINE = {
  "tokenselect.wasm": "bin/tokenselect.wasm", "wasm_exec.js": "bin/wasm_exec.js", "webgpu.js": "engine/gpu/webgpujs/webgpu.js",
  "simd128.js": "engine/kernels/simd/simd128.js", "simd128.wasm": "engine/kernels/simd/simd128.wasm",
};

/** Why headers cannot be read, or null. */
export const noEngine = () => (existsSync(join(repository, ENGINE["tokenselect.wasm"])) ? null : "bin/ lacks tokenselect.wasm: make wasm");

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json",
  ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
};
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Serves the page under /sub/path/, as a static host might, with the scripted
 * engine in place of the real one. elsewhere: where the worker that fetches
 * models may fetch from, too; with it the engine is served that reads headers.
 * @returns {Promise<{url: string, requests: string[], close(): Promise<void>}>}
 */
export async function serve({ healthz = false, elsewhere = "" } = {}) {
  const requests = [];
  const engine = elsewhere ? ENGINE : {};
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    requests.push(path);
    if (!path.startsWith("/sub/path/")) return void response.writeHead(404).end();
    let name = normalize(path.slice("/sub/path/".length) || "index.html");
    if (name === "healthz" && healthz) return void response.writeHead(200, { "Content-Type": "application/json" }).end('{"status":"ok"}');
    const file = name === "tokenselect.js" ? join(here, "engine.js") : engine[name] ? join(repository, engine[name]) : join(root, name);
    if (name.startsWith("..") || !(file.startsWith(root + sep) || file.startsWith(here) || engine[name])) return void response.writeHead(404).end();
    try {
      const bytes = await readFile(file);
      const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
      const policy = name === "models/fetcher.js" ? POLICY.replace("connect-src 'self'", `connect-src 'self' ${elsewhere}`) : POLICY;
      const headers = { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream", "Content-Security-Policy": policy, "Cache-Control": "no-cache", ETag: etag };
      if (request.headers["if-none-match"] === etag) response.writeHead(304, headers).end();
      else response.writeHead(200, headers).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/sub/path/`,
    requests,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why there is no browser to test with, or null. Throws where one is required. */
export async function noBrowser() {
  let why = existsSync(CHROMIUM) ? null : `${CHROMIUM} is missing: install chromium, or name one in CHROMIUM`;
  if (!why) {
    try {
      await import("playwright-core");
    } catch {
      why = "playwright-core is missing: npm ci --prefix web";
    }
  }
  if (why && process.env.TOKENSELECT_REQUIRE_BROWSER === "1") throw new Error(why);
  return why;
}
