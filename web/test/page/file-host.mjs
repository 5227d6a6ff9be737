// What `tokenselect site` writes, on a host that does nothing but hand out files:
// below a path, without any header of its own, and without knowing what a .wasm
// file is.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml" };

/**
 * Writes a site and hands it out.
 * @param {object} [options]
 * @param {string} [options.path] what the addresses of its files begin with
 * @param {string[]} [options.flags] of the command, besides the folder
 * @returns {Promise<{folder: string, url: string, sent: Map<string, number>, close(): void}>} sent: bytes by file
 */
export async function host({ path = "/", flags = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "tokenselect-site-")), sent = new Map();
  execFileSync(fileURLToPath(new URL("../../../bin/tokenselect", import.meta.url)), ["site", "-o", join(folder, "site"), ...flags]);
  const server = createServer(async (request, response) => {
    const asked = decodeURIComponent(new URL(request.url, "http://x").pathname);
    if (!asked.startsWith(path)) return void response.writeHead(404).end();
    try {
      const name = normalize(asked.slice(path.length) || "index.html");
      const body = await readFile(join(folder, "site", name));
      sent.set(name, (sent.get(name) ?? 0) + body.length);
      response.writeHead(200, TYPES[extname(name)] ? { "Content-Type": TYPES[extname(name)] } : {}).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    folder: join(folder, "site"), sent, url: `http://127.0.0.1:${server.address().port}${path}`,
    close() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
