// What Go's tests compare chat templates with is what @huggingface/jinja makes of
// them.

import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { missing } from "./chromium.mjs";

const skip = await missing(["@huggingface/jinja"], { browser: false });

test("the renderings of chat templates are those that are kept", { skip }, async () => {
  const { golden, renderings } = await import("./renderings.mjs");
  assert.equal(renderings(), readFileSync(golden, "utf8"), "node web/test/renderings.mjs writes them anew");
});
