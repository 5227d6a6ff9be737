// A headless Chromium and a server of the page's files, for tests that need a
// browser. The headers are those that the page has to work under.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const statics = fileURLToPath(new URL("../static/", import.meta.url));
const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";
const required = process.env.TOKENSELECT_REQUIRE_BROWSER === "1";

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".css": "text/css" };
const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; "
    + "img-src 'self' data: blob:; connect-src 'self' ws: wss:",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cache-Control": "no-store",
};

/** Imports a package of node_modules, or null where it is not installed. */
export async function installed(name) {
  try {
    return await import(name);
  } catch (error) {
    if (error.code === "ERR_MODULE_NOT_FOUND") return null;
    throw error;
  }
}

/**
 * Why tests are left out, or false if they are not. With
 * TOKENSELECT_REQUIRE_BROWSER=1 nothing is left out: what is missing is an error.
 * @param {string[]} packages of node_modules that the tests need
 * @returns {Promise<string | false>}
 */
export async function missing(packages, { browser = true } = {}) {
  const needs = browser ? ["playwright-core", ...packages] : packages;
  const absent = [];
  for (const name of needs) {
    if (!await installed(name)) absent.push(name);
  }
  const reason = absent.length > 0 ? `web/node_modules lacks ${absent.join(", ")}: run npm ci in web/`
    : browser && !existsSync(executable) ? `there is no Chromium at ${executable}: install it or set CHROMIUM to its path` : false;
  if (reason && required) throw new Error(`TOKENSELECT_REQUIRE_BROWSER=1, but ${reason}`);
  return reason;
}

/**
 * @param {Record<string, (request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => void>} [routes]
 * by path; all others are files of web/static, and /blank.html is an empty page
 * @returns {Promise<{origin: string, close: () => Promise<void>}>}
 */
export async function serve(routes = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    if (routes[pathname]) {
      routes[pathname](request, response);
      return;
    }
    try {
      const body = pathname === "/blank.html" ? "<!doctype html><title>blank</title>" : await readFile(join(statics, normalize(pathname)));
      response.setHeader("Content-Type", TYPES[extname(pathname)] ?? "application/octet-stream");
      response.end(body);
    } catch {
      response.writeHead(404).end("not found");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

/**
 * Starts a Chromium with a profile of its own. On a busy machine one may
 * never answer after its start: then another is started.
 * @template {{close(): Promise<void>}} T
 * @param {string} prefix of the profile's folder
 * @param {string[]} args
 * @param {(chromium: import("playwright-core").BrowserType, profile: string, options: object) => Promise<T>} begin starts it through Playwright
 * @returns {Promise<{it: T, close: () => Promise<void>}>}
 */
async function withProfile(prefix, args, begin) {
  const { chromium } = await import("playwright-core");
  for (let left = 3; ; left--) {
    const profile = mkdtempSync(join(tmpdir(), prefix));
    const remove = () => rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    try {
      const it = await begin(chromium, profile, {
        executablePath: executable, ignoreDefaultArgs: true, timeout: 45_000,
        args: ["--headless=new", "--no-sandbox", ...args, "--remote-debugging-pipe", `--user-data-dir=${profile}`, "--no-first-run"],
      });
      return {
        it,
        async close() {
          await it.close();
          remove();
        },
      };
    } catch (error) {
      remove();
      if (left === 1) throw error;
      console.error(`Chromium did not start, once more: ${error.message.split("\n")[0]}`);
    }
  }
}

/**
 * A Chromium for one visitor.
 * @param {object} options of Playwright's launchPersistentContext
 * @returns {Promise<{context: import("playwright-core").BrowserContext, close: () => Promise<void>}>}
 */
export async function launchProfile(prefix, options, args) {
  const { it, close } = await withProfile(prefix, args, (chromium, profile, more) => chromium.launchPersistentContext(profile, { ...more, ...options }));
  return { context: it, close };
}

/**
 * A Chromium for many visitors.
 * @returns {Promise<{browser: import("playwright-core").Browser, close: () => Promise<void>}>}
 */
export async function launchBrowser(prefix, args) {
  const { it, close } = await withProfile(prefix, args, (chromium, _, more) => chromium.launch(more));
  return { browser: it, close };
}

/** @returns {Promise<import("playwright-core").Browser>} */
export async function launch() {
  const { chromium } = await import("playwright-core");
  return chromium.launch({ executablePath: executable, args: ["--headless=new", "--no-sandbox", "--enable-unsafe-webgpu"] });
}
