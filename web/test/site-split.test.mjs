// A site that tokenselect site has written with a model in several files, on a host
// that knows nothing of headers: it has all parts, and the page reads and answers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { partNames, split } from "./page/split-gguf.mjs";
import { launch, skip } from "./real.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml" };
const DEADLINE = { timeout: 90_000 }, PARTS = 3;
let folder, server, browser;
const sent = new Map(); // bytes by file

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "tokenselect-split-"));
  const parts = split(readFileSync(`${root}web/models/needle-16m-q8_0.gguf`), PARTS), names = partNames("apart", PARTS);
  parts.forEach((part, i) => writeFileSync(join(folder, names[i]), part));
  execFileSync(`${root}bin/tokenselect`, ["site", "-o", join(folder, "site"), "-model", join(folder, names[0])]);
  server = createServer(async (request, response) => {
    try {
      const name = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname).slice(1) || "index.html");
      const body = await readFile(join(folder, "site", name));
      sent.set(name, (sent.get(name) ?? 0) + body.length);
      response.writeHead(200, TYPES[extname(name)] ? { "Content-Type": TYPES[extname(name)] } : {}).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test("a site with a split model has all its parts, and its page answers from them", { skip, timeout: 180_000 }, async () => {
  const [model] = JSON.parse(readFileSync(join(folder, "site", "models.json"), "utf8")).models;
  assert.equal(model.parts.length, PARTS);
  for (const { url, digest, size } of model.parts) {
    const bytes = readFileSync(join(folder, "site", url));
    assert.equal(bytes.length, size);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), digest);
  }
  const page = await browser.context.newPage(), wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => globalThis.tokenselectPage?.state().engine === "ready", null, DEADLINE);
  for (const { url, size } of model.parts) assert.equal(sent.get(url), size, `${url} is fetched once`);
  const text = await page.evaluate(async () => {
    const { load } = await import("./tokenselect.js");
    const engine = await load({ device: "cpu" });
    await engine.open("It was a plain day. Ada Dixon keeps a fox at home. The road was long.");
    const answer = await engine.ask("Which animal does Ada Dixon keep?").done;
    await engine.close();
    return answer.text;
  });
  assert.equal(text, "Ada Dixon keeps a fox.");
  assert.deepEqual(wrong, []);
});
