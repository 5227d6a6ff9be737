// A site that tokenselect site has written with a model in several files, on a host
// that knows nothing of headers: it has all parts, and the page reads and answers.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { host } from "./page/file-host.mjs";
import { partNames, split } from "./page/split-gguf.mjs";
import { launch, skip } from "./real.mjs";

const DEADLINE = { timeout: 90_000 }, PARTS = 3;
let site, browser;

before(async () => {
  if (skip) return;
  const folder = mkdtempSync(join(tmpdir(), "tokenselect-split-"));
  const whole = readFileSync(fileURLToPath(new URL("../models/needle-16m-q8_0.gguf", import.meta.url)));
  const parts = split(whole, PARTS), names = partNames("apart", PARTS);
  parts.forEach((part, i) => writeFileSync(join(folder, names[i]), part));
  try {
    site = await host({ flags: ["-model", join(folder, names[0])] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  site?.close();
});

test("a site with a split model has all its parts, and its page answers from them", { skip, timeout: 180_000 }, async () => {
  const [model] = JSON.parse(readFileSync(join(site.folder, "models.json"), "utf8")).models;
  assert.equal(model.parts.length, PARTS);
  for (const { url, digest, size } of model.parts) {
    const bytes = readFileSync(join(site.folder, url));
    assert.equal(bytes.length, size);
    assert.equal(createHash("sha256").update(bytes).digest("hex"), digest);
  }
  const page = await browser.context.newPage(), wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  await page.goto(site.url);
  await page.waitForFunction(() => globalThis.tokenselectPage?.state().engine === "ready", null, DEADLINE);
  for (const { url, size } of model.parts) assert.equal(site.sent.get(url), size, `${url} is fetched once`);
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
