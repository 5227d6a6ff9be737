import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { relative } from "node:path";
import { test } from "node:test";
import { installed as version, pins, plan, vendored } from "../vendor.mjs";
import { missing } from "./chromium.mjs";

const names = Object.keys(await pins());
const skip = await missing(names.filter((name) => name !== "pdfjs-dist"), { browser: false });

test("the vendored files are those of the pinned packages, and no others", { skip }, async () => {
  for (const [name, pin] of Object.entries(await pins())) {
    assert.match(pin, /^\d+\.\d+\.\d+$/, `package.json pins ${name} to one version`);
    assert.equal(await version(name), pin, `node_modules holds another ${name}: run npm ci`);
  }
  const files = await plan();
  for (const { from, to } of files) {
    assert.ok((await readFile(from)).equals(await readFile(to)), `${relative(vendored, to)} differs from its package: run npm run vendor`);
  }
  const there = [];
  for (const path of await readdir(vendored, { recursive: true, withFileTypes: true })) {
    if (path.isFile()) there.push(`${path.parentPath ?? path.path}/${path.name}`);
  }
  assert.deepEqual(there.sort(), files.map(({ to }) => to).sort());
});

test("each library has its licence beside it", async () => {
  for (const lib of await readdir(vendored)) assert.ok((await stat(`${vendored}/${lib}/LICENSE`)).size > 0);
});

test("the lock file names no registry", async () => {
  const lock = JSON.parse(await readFile(new URL("../package-lock.json", import.meta.url), "utf8"));
  assert.deepEqual(Object.entries(lock.packages).filter(([, entry]) => entry.resolved).map(([name]) => name), []);
});
