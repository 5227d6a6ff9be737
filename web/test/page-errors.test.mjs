// The page, with a scripted engine to which things happen.
import assert from "node:assert/strict";
import { DEADLINE, answer, example, inPage, state } from "./page/in-page.mjs";

inPage("out of memory: a smaller context is offered and taken", { script: "oom" }, async (page) => {
  await example(page);
  await page.click("#suggestions button");
  await page.waitForSelector("#error .card");
  assert.match(await page.textContent("#error"), /not enough memory[\s\S]*smaller[\s\S]*0\.9 GB/);
  await page.getByRole("button", { name: "Use a smaller context" }).click();
  await page.waitForSelector("#answer .t");
  assert.match(await answer(page), /\w/);
  assert.equal(await page.locator(".turn").count(), 1);
  assert.equal(await page.textContent("#error"), "");
});

/**
 * Asks the first suggestion: the answer comes, in one turn, and nothing is said
 * about what happened on the way.
 * @param {import("playwright-core").Page} page
 */
async function answeredQuietly(page) {
  await page.click("#suggestions button");
  await page.waitForSelector("#answer .t");
  assert.match(await answer(page), /\w/);
  assert.equal(await page.locator(".turn").count(), 1);
  assert.equal(await page.textContent("#error"), "");
  assert.equal(await page.textContent("#notice"), "");
}

inPage("the device is lost: it is loaded again and the answer comes", { script: "lost" }, async (page) => {
  await example(page);
  await answeredQuietly(page);
});

inPage("the server's device is lost: it is loaded again and the answer comes", { script: "lost" }, async (page) => {
  await example(page);
  await page.selectOption("#device", "server");
  await page.waitForFunction(() => tokenselectPage.state().device === "wgpu", null, DEADLINE);
  await answeredQuietly(page);
  assert.match(await page.textContent("#privacy"), /go to the server/);
});

inPage("the server opens no device again: said, and asked again at a click", { script: "lost,unopened" }, async (page) => {
  await example(page);
  await page.selectOption("#device", "server");
  await page.waitForFunction(() => tokenselectPage.state().device === "wgpu", null, DEADLINE);
  await page.click("#suggestions button");
  await page.waitForSelector("#error .card");
  assert.match(await page.textContent("#error"), /server has lost its device[\s\S]*none is there/);
  assert.equal(await page.getByRole("button", { name: "Use this browser" }).isVisible(), true);
  assert.equal(await page.textContent("#notice"), "");
  await page.getByRole("button", { name: "Load again and ask" }).click();
  await page.waitForSelector("#answer .t");
  assert.match(await answer(page), /\w/);
  assert.equal(await page.locator(".turn").count(), 1); // nothing had come of the first
});

inPage("the engine dies: said, and loaded again at a click", { script: "dies" }, async (page) => {
  await example(page);
  await page.click("#suggestions button");
  await page.waitForSelector("#error .card");
  assert.equal((await page.evaluate(() => tokenselectPage.state())).engine, "failed");
  assert.match(await page.textContent(".turn-foot"), /broken off/);
  await page.getByRole("button", { name: "Load again and ask" }).click();
  await state(page, "ready");
  await page.waitForFunction(() => document.querySelectorAll(".turn").length === 2, null, DEADLINE);
  assert.match(await answer(page), /\.$/);
});

inPage("no GPU: the CPU takes over and the page says so; asked for, it is an error with a way out", { script: "cpu" }, async (page) => {
  await page.waitForSelector("#notice .card");
  assert.match(await page.textContent("#notice"), /CPU does the work[\s\S]*Chrome and Edge from version 113/);
  assert.match(await page.textContent("#figure-where"), /CPU/);
  await page.selectOption("#device", "webgpu");
  await page.waitForSelector("#error .card");
  assert.match(await page.textContent("#error"), /no GPU/);
  await page.getByRole("button", { name: "Use the CPU" }).click();
  await state(page, "ready");
  assert.equal(await page.textContent("#error"), "");
});

inPage("too slow here: the server is offered, and the page says where the text goes", { script: "cpu,crawl" }, async (page) => {
  await example(page);
  await page.waitForSelector("#notice .card[data-name=slow]");
  assert.match(await page.textContent("#notice .card[data-name=slow]"), /takes about 15 min/);
  await page.getByRole("button", { name: "Use the server" }).click();
  await page.waitForFunction(() => tokenselectPage.state().device === "wgpu", null, DEADLINE);
  assert.match(await page.textContent("#privacy"), /go to the server/);
  await page.click("#suggestions button");
  assert.match(await answer(page), /\w/);
});

inPage("the connection breaks in an answer: said, and gone when it is back", { script: "connection" }, async (page) => {
  await example(page);
  await page.selectOption("#device", "server");
  await state(page, "ready");
  await page.click("#suggestions button");
  await page.waitForSelector("#error .card");
  assert.match(await page.textContent("#error"), /lost: reconnecting/);
  assert.match(await answer(page), /\.$/);
  assert.equal(await page.textContent("#error"), "");
});

inPage("the download fails: said, with a button", { script: "down", wait: "failed" }, async (page) => {
  assert.match(await page.textContent("#error"), /did not come through[\s\S]*502/);
  assert.equal(await page.getByRole("button", { name: "Load again" }).isVisible(), true);
});
