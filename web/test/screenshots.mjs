// The page in all its states, wide and narrow, light and dark, as PNG files, and
// what is wrong with them as far as it can be computed:
//
//   node web/test/screenshots.mjs FOLDER [part of a state's name]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { hub as startHub } from "./page/hub.mjs";
import { looks, sourceInSight } from "./page/looks.mjs";
import { launchProfile } from "./chromium.mjs";
import { noBrowser, serve } from "./page/site.mjs";

const [folder, only = ""] = process.argv.slice(2);
if (!folder) throw new Error("usage: node web/test/screenshots.mjs FOLDER [part of a state's name]");
const why = await noBrowser();
if (why) throw new Error(why);

const DEADLINE = { timeout: 30_000 };
const engine = (page, state) => page.waitForFunction((s) => globalThis.tokenselectPage?.state().engine === s, state, DEADLINE);
const tab = async (page, pane) => {
  if (await page.isVisible("#tabs")) await page.click(`#tabs [data-pane=${pane}]`);
};
const open = async (page, id = "chronicle") => {
  await engine(page, "ready");
  await page.click(`#example-${id}`);
  await page.waitForFunction(() => tokenselectPage.state().tokens > 0, null, DEADLINE);
};
const ask = async (page) => {
  await tab(page, "conversation");
  await page.click("#suggestions button");
};
const idle = (page) => page.waitForFunction(() => !tokenselectPage.state().answering, null, DEADLINE);
const error = (page) => page.waitForSelector("#error .card", DEADLINE);
const setup = async (page) => {
  if (await page.isVisible("#setup > summary")) await page.click("#setup > summary");
};

const models = async (page, text) => {
  await engine(page, "ready");
  await setup(page);
  await page.selectOption("#model", { label: "Another model…" });
  await page.waitForSelector("#models[open]");
  if (!text) return;
  await page.fill("#models-source", text);
  await page.click("#models-find");
};
const offer = async (page) => {
  await models(page, "acme/needle");
  await page.getByRole("button", { name: /needle-Q8_0/ }).click(DEADLINE);
  await page.waitForSelector("#models-plan .primary", DEADLINE);
};
const downloading = async (page) => {
  hub.faults.push({ cut: 9e6, stall: true });
  await offer(page);
  await page.click("#models-plan .primary");
  await page.waitForFunction(() => /9\.0 MB of/.test(document.querySelector("#models-kept").textContent), null, DEADLINE);
};

/** What is done to the page, by the state that it is in then. */
const STATES = {
  empty: { act: (page) => engine(page, "ready") },
  "empty-conversation": { act: async (page) => { await engine(page, "ready"); await tab(page, "conversation"); } },
  loading: { script: "loading", act: (page) => page.waitForFunction(() => document.querySelector("#progress-bar").value > 0.15, null, DEADLINE) },
  setup: { act: async (page) => { await engine(page, "ready"); await setup(page); } },
  "large-model": { act: async (page) => { await engine(page, "ready"); await setup(page); await page.selectOption("#model", "large-1b"); await engine(page, "none"); } },
  reading: { script: "slow", act: async (page) => { await open(page); await ask(page); await page.waitForFunction(() => document.querySelector("#progress-bar").value > 0.1, null, DEADLINE); } },
  answering: { script: "held", act: async (page) => { await open(page, "town"); await ask(page); await page.waitForSelector("#answer .t:nth-child(3)", DEADLINE); } },
  "answering-document": { script: "held", act: async (page) => { await open(page, "town"); await ask(page); await page.waitForSelector("#answer .t:nth-child(3)", DEADLINE); await tab(page, "document-pane"); } },
  answered: { act: async (page) => { await open(page); await ask(page); await idle(page); await ask(page); await idle(page); } },
  "answered-source": { act: async (page) => { await open(page); await ask(page); await idle(page); await page.locator("#answer .t").nth(3).click(); await sourceInSight(page, DEADLINE); } },
  dense: { act: async (page) => { await open(page); await tab(page, "conversation"); await page.selectOption("#policy", "dense"); } },
  edit: { act: async (page) => { await open(page, "note"); await page.click("#edit"); } },
  replace: { act: async (page) => { await open(page, "note"); await page.click("#replace"); } },
  "no-gpu": { script: "cpu", act: (page) => page.waitForSelector("#notice .card", DEADLINE) },
  "too-slow": { script: "cpu,crawl", act: async (page) => { await open(page); await page.waitForSelector("#notice [data-name=slow]", DEADLINE); } },
  "server-lost": { script: "connection", act: async (page) => { await open(page); await setup(page); await page.selectOption("#device", "server"); await engine(page, "ready"); await setup(page); await ask(page); await error(page); } },
  "out-of-memory": { script: "oom", act: async (page) => { await open(page); await ask(page); await error(page); } },
  "engine-died": { script: "dies", act: async (page) => { await open(page); await ask(page); await error(page); await idle(page); } },
  "another-page": { path: "example.html", act: async (page) => { await page.click("#ask", DEADLINE); await page.waitForFunction(() => document.querySelector("#state").textContent.startsWith("answered"), null, DEADLINE); } },
  models: { act: (page) => models(page) },
  "models-files": { act: async (page) => { await models(page, "acme/needle"); await page.waitForSelector(".models-file", DEADLINE); } },
  "models-offer": { act: offer },
  "models-download": { act: downloading },
  "models-begun": { act: async (page) => { await downloading(page); await page.getByRole("button", { name: "Cancel: needle-Q8_0" }).click(); await page.getByRole("button", { name: "Resume: needle-Q8_0" }).waitFor(); } },
  "models-kept": { act: async (page) => { await offer(page); await page.click("#models-plan .primary"); await page.waitForSelector("#models", { state: "hidden" }); await page.click("#cache-manage"); await page.getByRole("button", { name: "Remove: needle-Q8_0" }).click(DEADLINE); } },
  "models-refused": { act: async (page) => { await models(page, "acme/original"); await page.waitForFunction(() => document.querySelector("#models-trouble").textContent !== "", null, DEADLINE); } },
  "models-closed": { act: async (page) => { await downloading(page); await page.keyboard.press("Escape"); await page.waitForSelector("#notice .card", DEADLINE); } },
  "download-failed": { script: "down", act: (page) => engine(page, "failed") },
};

mkdirSync(folder, { recursive: true });
const hub = await startHub();
const site = await serve({ healthz: true, elsewhere: hub.url });
let wrong = 0;
try {
  for (const [name, { path = "", script = "", act }] of Object.entries(STATES)) {
    if (!name.includes(only)) continue;
    for (const [width, height] of [[1280, 800], [390, 844]]) {
      for (const scheme of ["light", "dark"]) {
        const flags = ["--enable-unsafe-webgpu", ...(width < 900 ? ["--hide-scrollbars"] : [])]; // as phones have them
        const browser = await launchProfile("tokenselect-page-", { viewport: { width: 1280, height: 800 } }, flags);
        try {
          const page = await browser.context.newPage();
          await page.setViewportSize({ width, height });
          await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
          await page.goto(`${site.url}${path}?script=${script}&hub=${encodeURIComponent(hub.url)}`);
          if (path === "") await page.waitForSelector("#example-note");
          await act(page);
          await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
          await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`), fullPage: width < 900 });
          for (const complaint of await looks(page)) {
            wrong++;
            console.log(`${name} ${width} ${scheme}: ${complaint}`);
          }
        } finally {
          await browser.close();
        }
      }
    }
  }
} finally {
  await site.close();
  await hub.close();
}
console.log(wrong === 0 ? `nothing wrong in what can be computed; see ${folder}` : `${wrong} things wrong; see ${folder}`);
process.exitCode = wrong === 0 ? 0 : 1;
