// A page and an engine of different builds, in headless Chromium: the page says so, and
// does not wait for ever.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { VERSION } from "../static/trace.js";
import { launch, skip, start } from "./real.mjs";

let server, browser;
before(async () => {
  if (skip) return;
  server = await start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop("SIGKILL");
});

/** What the page says when one of its files is another. */
async function said(name, change) {
  const page = await browser.context.newPage();
  await browser.context.route(`**/${name}`, async (route) => { // of the worker too
    const response = await route.fetch();
    await route.fulfill({ response, body: change(await response.body()) });
  });
  await page.goto(server.url);
  await page.waitForSelector("#error .card", { timeout: 30_000 });
  const text = (await page.textContent("#error .card")).replace(/\s+/g, " "), state = await page.evaluate(() => tokenselectPage.state().engine);
  await browser.context.unrouteAll({ behavior: "wait" }); // a file may still be on its way
  await page.close();
  return { text, state };
}

test("an engine that is older than the page is told apart from it", { skip, timeout: 120_000 }, async () => {
  const newer = VERSION + 1;
  const { text, state } = await said("trace.js", (body) => String(body).replace(`VERSION = ${VERSION}`, `VERSION = ${newer}`));
  assert.match(text, /of different versions/);
  assert.match(text, new RegExp(`page speaks version ${newer}\\b.*engine says.*version ${newer} of the messages, expected ${VERSION}`));
  assert.match(text, /Reload the page.*make wasm/);
  assert.equal(state, "failed");
});

test("so is one that asks for functions which the page does not have", { skip, timeout: 120_000 }, async () => {
  const { text, state } = await said("simd128.js", (body) => String(body).replace("return {", "return { imports: {}, async attach() {} }; return {"));
  assert.match(text, /of different versions.*asks for what the page does not have/);
  assert.equal(state, "failed");
});
