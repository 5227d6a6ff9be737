// The page in Chromium with a scripted engine, for the tests of a file.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { visitor } from "../shared-browser.mjs";
import { noBrowser, serve } from "./site.mjs";

const skip = await noBrowser() ?? false;
export const DEADLINE = { timeout: 30_000 };
export let site;
before(async () => { site = await serve({ healthz: true }); });
after(() => site.close());

/** Runs a test in a browser that has never been to the page; anything on the error console fails it. */
export function inPage(name, { script = "", width = 1280, height = 800, scheme = "light", motion = "reduce", wait = "ready", quiet = false }, act) {
  test(name, { skip }, async () => {
    const browser = await visitor({ webgpu: true });
    const complaints = [];
    try {
      const page = await browser.context.newPage();
      page.setDefaultTimeout(DEADLINE.timeout);
      page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: motion });
      await page.goto(`${site.url}?script=${script}`);
      await page.waitForSelector("#example-note");
      if (wait) await state(page, wait);
      await act(page, browser);
    } finally {
      await browser.close();
    }
    if (!quiet) assert.deepEqual(complaints, []);
  });
}

export const state = (page, wanted) => page.waitForFunction((w) => globalThis.tokenselectPage?.state().engine === w, wanted, DEADLINE);
export const idle = (page) => page.waitForFunction(() => !tokenselectPage.state().answering, null, DEADLINE);
export const kept = (page) => page.waitForFunction(async () => {
  const { loadConversation } = await import("./storage.js");
  return (await loadConversation()).some((turn) => turn.reason);
}, null, DEADLINE);
export const example = async (page, id = "chronicle") => {
  await page.click(`#example-${id}`);
  await page.waitForFunction(() => tokenselectPage.state().tokens > 0, null, DEADLINE);
};
export const answer = async (page) => {
  await idle(page);
  return (await page.textContent("#answer .answer")).trim();
};
/** The text that a highlight marks. */
export const marked = (page, name) => page.evaluate((n) => [...CSS.highlights.get(n)].map((r) => {
  const range = document.createRange();
  range.setStart(r.startContainer, r.startOffset);
  range.setEnd(r.endContainer, r.endOffset);
  return range.toString();
}).join(""), name);

export const LETTER = "The harvest was poor this year. Ada Dixon keeps a fox at home. The road to Oxford is closed. ";
