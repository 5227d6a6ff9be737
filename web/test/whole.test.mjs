// The page as people use it, with the real engine and the real server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missing } from "./chromium.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const skip = (await missing([])) || (existsSync(`${root}bin/tokenselect.wasm`) ? false : "bin/ lacks tokenselect.wasm: make build wasm");

test("an example is opened, asked about, and there again after a reload", { skip, timeout: 300_000 }, async (t) => {
  const { chromium } = await import("playwright-core");
  const child = spawn(`${root}bin/tokenselect`, ["serve", "-addr", "127.0.0.1:0", "-device", "cpu"], { stdio: ["ignore", "ignore", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const url = await new Promise((resolve, reject) => {
    child.stderr.on("data", (data) => {
      const found = /is at (http:\S+)/.exec(data);
      if (found) resolve(found[1]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const profile = mkdtempSync(join(tmpdir(), "tokenselect-test-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", ignoreDefaultArgs: true,
    args: ["--headless=new", "--no-sandbox", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "--no-first-run"],
  });
  t.after(async () => {
    await browser.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  });
  const page = await browser.newPage();
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  await page.goto(url);
  await page.click("#example-town");
  const suggestion = page.locator("button", { hasText: /\?$/ }).first();
  await suggestion.waitFor();
  const question = await suggestion.textContent();
  const { answer } = await page.evaluate(async (question) => {
    const { examples } = await import("/documents/examples.js");
    const { questions } = examples.find((e) => e.id === "town").make();
    return questions.find((q) => q.question === question);
  }, question);
  await page.fill("#question", question);
  await page.click("#ask");
  await page.waitForFunction((answer) => document.querySelector("#answer")?.textContent.includes(answer), answer, { timeout: 120_000, polling: 100 })
    .catch(async (error) => { throw new Error(`${error.message}; the page says ${await page.textContent("#answer")}, expected ${answer}`); });
  await page.reload();
  await page.waitForFunction((answer) => document.body.textContent.includes(answer), answer, { polling: 100 });
  await page.waitForFunction(() => document.querySelector("#cache").textContent.includes("17.8 MB"), null, { polling: 100 });
  assert.deepEqual(failures, []);
});
