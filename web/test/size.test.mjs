// What a visitor downloads before the first question.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const ENGINE = fileURLToPath(new URL("../../bin/tokenselect.wasm", import.meta.url));

test("the engine is at most 4.35 MB, compressed 1.31 MB", async () => {
  const bytes = await readFile(ENGINE);
  const compressed = gzipSync(bytes, { level: 9 }).length;
  assert.ok(bytes.length <= 4_350_000, `${bytes.length} bytes`);
  assert.ok(compressed <= 1_310_000, `${compressed} bytes with gzip`);
});
