// The page in Chromium, with a scripted engine: what is shown and what can be
// done, from the empty page to the end of a conversation and after a reload.
import assert from "node:assert/strict";
import test from "node:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEADLINE, LETTER, answer, example, idle, inPage, kept, marked, site, state } from "./page/in-page.mjs";
import { sourceInSight } from "./page/looks.mjs";
import { root } from "./page/site.mjs";

inPage("empty: says what it is, and what the model can do", {}, async (page) => {
  assert.match(await page.textContent(".tagline"), /Nothing leaves the browser/);
  assert.match(await page.textContent("#welcome"), /not a chatbot/);
  assert.equal(await page.locator("#examples button").count(), 3);
  assert.match(await page.textContent("#model"), /needle-16m \(18\.0 MB/);
  assert.equal(await page.isVisible("#document"), false);
  await page.fill("#question", "Anything?");
  await page.click("#ask");
  assert.match(await page.textContent("#notice"), /no document yet/);
});

inPage("loading: bytes and phase, cancel, load again", { script: "loading", wait: "loading" }, async (page) => {
  await page.waitForFunction(() => /Downloading: .* of 18\.0 MB/.test(document.querySelector("#progress").textContent), null, DEADLINE);
  await page.click("#progress-cancel");
  await state(page, "none");
  assert.equal(await page.isVisible("#progress"), false);
  assert.equal(await page.textContent("#error"), "");
  assert.match(await page.textContent("#load"), /18\.0 MB/);
  await page.click("#load");
  await state(page, "loading");
});

inPage("a large model is not fetched without being asked for", {}, async (page) => {
  await page.selectOption("#model", "large-1b");
  await state(page, "none");
  assert.match(await page.textContent("#load"), /1\.3 GB/);
  await page.click("#load");
  await state(page, "ready");
  assert.equal(await page.getAttribute("#k", "max"), String(131072 - 16 - 256 - 256));
  await page.selectOption("#model", "needle-16m-q8_0");
  await page.waitForFunction(() => document.querySelector("#k").max === "1520", null, DEADLINE);
});

inPage("paste, ask, and click to where it was read", {}, async (page) => {
  await page.fill("#paste", "It rained. ".repeat(3000) + LETTER + "It snowed. ".repeat(3000));
  await page.click("#use-paste");
  await page.waitForFunction(() => /^12,0\d\d tokens, /.test(document.querySelector("#document-facts").textContent), null, DEADLINE);
  await page.fill("#question", "Which animal does Ada Dixon keep?");
  await page.keyboard.press("Enter");
  assert.equal(await answer(page), "Ada Dixon keeps a fox at home.");
  for (const [id, expected] of [["first", /ms|s/], ["prefill", /tokens\/s/], ["decode", /tokens\/s/], ["context", /12,\d+ tokens/], ["attended", /784 of 12,/], ["hits", /of .*%/], ["memory", /MB/], ["where", /WebGPU: Scripted GPU/]]) {
    assert.match(await page.textContent(`#figure-${id}`), expected, id);
  }
  assert.equal(await page.evaluate(() => document.querySelector("#document").scrollTop), 0);
  await page.locator("#answer .t", { hasText: "fox" }).click();
  await page.waitForFunction(() => document.querySelector("#document").scrollTop > 1000, null, DEADLINE);
  assert.equal(await marked(page, "source"), "Ada Dixon keeps a fox at home.");
  await sourceInSight(page, DEADLINE);
});

inPage("the shading is what the layers chose", {}, async (page) => {
  await example(page);
  await page.click("#suggestions button");
  await page.waitForSelector("#answer .t");
  await idle(page);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  const { rows, shaded } = await page.evaluate(() => ({
    rows: [...new Set(tokenselectPage.lastStep().layers.flatMap((l) => [...l.rows]))], shaded: tokenselectPage.shaded(),
  }));
  const expected = rows.filter((r) => r >= shaded.from && r < shaded.to).sort((a, b) => a - b);
  assert.ok(expected.length > 20, `${expected.length} rows in sight`);
  assert.deepEqual(shaded.rows, expected);
  assert.match(await page.textContent("#legend"), /8 layers/);
});

inPage("stop while reading and while writing, and ask again", { script: "slow" }, async (page) => {
  await example(page);
  await page.click("#suggestions button");
  await page.waitForFunction(() => /Reading: .* tokens\/s, about .* left/.test(document.querySelector("#progress").textContent), null, DEADLINE);
  await page.click("#stop");
  await idle(page);
  assert.match(await page.textContent("#answer"), /Stopped before the answer began/);
  assert.equal(await page.isVisible("#progress"), false);
  await page.click("#suggestions button");
  await page.waitForSelector("#answer .t");
  await page.click("#stop");
  await idle(page);
  assert.match(await page.textContent(".turn:last-child .turn-foot"), /stopped/);
  assert.equal(await page.locator(".turn").count(), 2);
});

inPage("asked before anything is loaded, or known of what to load: answered when it is", { script: "late", wait: "none" }, async (page) => {
  await page.click("#example-town");
  await page.click("#suggestions button");
  assert.match(await answer(page), /\w+ lives in \w+/);
  assert.equal(await page.locator(".turn").count(), 1);
  assert.equal(await page.textContent("#error"), "");
});

inPage("asked, and another device, document and policy chosen meanwhile", { script: "late", wait: "none" }, async (page) => {
  await page.click("#example-chronicle");
  await page.click("#suggestions button");
  await page.waitForFunction(() => tokenselectPage.state().engine === "loading", null, DEADLINE);
  await page.selectOption("#device", "cpu");
  await answer(page);
  await page.waitForFunction(() => tokenselectPage.state().device === "cpu", null, DEADLINE);
  assert.match(await answer(page), /\w+ lives in \w+/);
  await page.selectOption("#policy", "window");
  await page.click("#replace");
  await page.click("#example-note");
  await page.click("#suggestions button");
  assert.match(await answer(page), /door code/);
  assert.equal(await page.textContent("#error"), "");
});

inPage("policy and k go with the next question", {}, async (page) => {
  await example(page);
  await page.selectOption("#policy", "dense");
  assert.match(await page.textContent("#policy-note"), /trained on 2,048/);
  assert.equal(await page.isDisabled("#k"), true);
  await page.click("#suggestions button");
  await idle(page);
  assert.match(await page.textContent("#figure-attended"), /^(\S+) of \1$/);
  assert.match(await page.textContent("#legend"), /nothing is chosen/);
  await page.selectOption("#policy", "tokenselect");
  await page.locator("#k").fill("64");
  await page.click("#suggestions button");
  await idle(page);
  const most = await page.evaluate(() => Math.max(...tokenselectPage.lastStep().layers.map((l) => l.rows.length)));
  assert.equal(most, 64);
});

inPage("reload and offline: document, conversation and settings are there again", { quiet: true }, async (page, { context }) => {
  await example(page, "town");
  await page.locator("#k").fill("256");
  await page.click("#suggestions button");
  const before = await answer(page);
  await kept(page);
  const name = await page.textContent("#document-name");
  const check = async () => {
    await page.waitForFunction((n) => document.querySelector("#document-name").textContent === n, name, DEADLINE);
    assert.equal((await page.textContent("#answer .answer")).trim(), before);
    await state(page, "ready");
    await page.waitForFunction(() => document.querySelector("#k-value").textContent === "256", null, DEADLINE);
    await page.click("#answer .t:nth-child(2)");
    assert.equal(await marked(page, "source"), before);
  };
  await page.reload();
  await check();
  await page.click("#suggestions button:nth-child(2)");
  await idle(page);
  assert.match(await page.textContent(".turn:last-child .divider"), /does not remember/);
  // A page that was reloaded just when the worker began may do without it; the next one does not.
  await page.waitForFunction(async () => (await navigator.serviceWorker.ready).active.state === "activated", null, DEADLINE);
  await context.setOffline(true);
  await page.goto(site.url);
  await page.waitForFunction((n) => document.querySelector("#document-name").textContent === n, name, DEADLINE);
  await state(page, "ready");
  await page.click("#suggestions button:nth-child(3)");
  assert.match(await answer(page), /\w/);
});

inPage("a file, an unreadable file, editing and replacing", {}, async (page) => {
  await page.setInputFiles("#file", { name: "letter.md", mimeType: "text/markdown", buffer: Buffer.from(LETTER) });
  await page.waitForFunction(() => document.querySelector("#document-name").textContent === "letter.md", null, DEADLINE);
  await page.click("#edit");
  await page.fill("#edit-text", LETTER.replace("fox", "heron"));
  await page.getByRole("button", { name: "Use the changed text" }).click();
  assert.match(await page.textContent("#document"), /heron/);
  await page.fill("#question", "Which animal does Ada Dixon keep?");
  await page.click("#ask");
  assert.match(await answer(page), /heron/);
  await page.click("#replace");
  await page.click("#keep");
  assert.match(await page.textContent("#document"), /heron/);
  await page.click("#replace");
  await page.setInputFiles("#file", { name: "empty.txt", mimeType: "text/plain", buffer: Buffer.from("") });
  await page.waitForSelector("#error .card");
  assert.match(await page.textContent("#error"), /empty\.txt/);
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "dropped.txt", { type: "text/plain" }));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, "A dropped text. It is short.");
  await page.waitForFunction(() => document.querySelector("#document").textContent === "A dropped text. It is short.", null, DEADLINE);
  assert.equal(await page.locator(".turn").count(), 0);
});

inPage("a text of 600 kB is shown and shaded in blocks", {}, async (page) => {
  await page.evaluate((text) => {
    document.querySelector("#paste").value = text;
    document.querySelector("#paste").dispatchEvent(new Event("input"));
  }, (LETTER + "\n").repeat(6300));
  await page.click("#use-paste");
  await page.waitForFunction(() => tokenselectPage.state().tokens > 100_000, null, DEADLINE);
  await page.fill("#question", "Which animal does Ada Dixon keep?");
  await page.click("#ask");
  assert.match(await answer(page), /fox/);
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  const { blocks, ranges } = await page.evaluate(() => ({
    blocks: document.querySelectorAll(".block").length, ranges: [1, 2, 3, 4].reduce((n, l) => n + CSS.highlights.get(`attended-${l}`).size, 0),
  }));
  assert.ok(blocks > 100, `${blocks} blocks`);
  assert.ok(ranges > 0 && ranges < 2000, `${ranges} ranges for what is in sight`);
});

test("the service worker keeps every file that the page needs to open", () => {
  const source = readFileSync(join(root, "sw.js"), "utf8");
  const kept = new Set([...source.slice(source.indexOf("const FILES"), source.indexOf("];")).matchAll(/"([^"]+)"/g)].map((m) => m[1]));
  const built = new Set(["./", "models.json", "simd128.wasm", "tokenselect.wasm", "wasm_exec.js", "simd128.js", "webgpu.js"]);
  const files = (folder) => readdirSync(join(root, folder)).filter((name) => name.includes(".")).map((name) => (folder ? `${folder}/${name}` : name));
  // Of the styles those that the page and the explorer have: the lesson's are kept when they were used.
  const styles = ["index.html", "explore.html"].flatMap((page) => [...readFileSync(join(root, page), "utf8").matchAll(/href="(style\/[^"]+)"/g)].map((m) => m[1]));
  assert.ok(styles.length > 0);
  const whole = ["app", "storage", "models", "explore", "explore/budget", "explore/document", "explore/heads", "explore/needle"].flatMap(files);
  for (const file of [...whole, ...styles]) assert.ok(kept.has(file), `${file} is missing in sw.js`);
  const there = new Set([...whole, ...styles, ...files(""), ...files("documents"), ...files("recordings")]);
  for (const file of kept) assert.ok(built.has(file) || there.has(file), `${file} in sw.js is no file`);
});
