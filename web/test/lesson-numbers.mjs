// Not a test: writes what the lesson's recording says into lesson.html, where its
// numbers stand as text until a script has read the recording. `make recordings`
// runs it; lesson.test.mjs holds the two to each other.

import { readFileSync, writeFileSync } from "node:fs";
import { launch, serve } from "./chromium.mjs";

const file = new URL("../static/lesson.html", import.meta.url);
const site = await serve({}), browser = await launch(), page = await browser.newPage();
await page.goto(`${site.origin}/lesson.html`);
await page.waitForFunction(() => document.body.dataset.ready === "recording", null, { timeout: 60_000 });
const said = await page.$$eval("[data-n]", (all) => all.map((element) => ({ name: element.dataset.n, text: element.textContent })));
await browser.close();
await site.close();

let changed = 0;
const html = readFileSync(file, "utf8").replace(/(data-n="(\w+)">)([^<]*)/g, (_, before, name, old) => {
  const next = said.shift();
  if (next?.name !== name) throw new Error(`lesson.html: data-n="${name}", expected ${next?.name ?? "no more"} in the page's order`);
  if (next.text !== old) {
    changed++;
    console.log(`lesson.html: ${name}: ${old} is now ${next.text}`);
  }
  return before + next.text;
});
if (said.length > 0) throw new Error(`lesson.html: no text for data-n="${said[0].name}"`);
writeFileSync(file, html);
console.log(`lesson.html: ${changed} numbers are others`);
