// The page in Chromium, with a scripted engine: what is shown and what can be
// done, from the empty page to the end of a conversation and after a reload.
import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { looks, sourceInSight } from "./page/looks.mjs";
import { noBrowser, openBrowser, root, serve } from "./page/site.mjs";

const skip = await noBrowser() ?? false;
const DEADLINE = { timeout: 30_000 };
let site;
before(async () => { site = await serve({ healthz: true }); });
after(() => site.close());

/** Runs a test in a fresh browser; anything on the error console fails it. */
function inPage(name, { script = "", width = 1280, height = 800, scheme = "light", motion = "reduce", wait = "ready", quiet = false }, act) {
  test(name, { skip }, async () => {
    const browser = await openBrowser();
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

const state = (page, wanted) => page.waitForFunction((w) => globalThis.tokenselectPage?.state().engine === w, wanted, DEADLINE);
const idle = (page) => page.waitForFunction(() => !tokenselectPage.state().answering, null, DEADLINE);
const kept = (page) => page.waitForFunction(async () => {
  const { loadConversation } = await import("./storage.js");
  return (await loadConversation()).some((turn) => turn.reason);
}, null, DEADLINE);
const example = async (page, id = "chronicle") => {
  await page.click(`#example-${id}`);
  await page.waitForFunction(() => tokenselectPage.state().tokens > 0, null, DEADLINE);
};
const answer = async (page) => {
  await idle(page);
  return (await page.textContent("#answer .answer")).trim();
};
/** The text that a highlight marks. */
const marked = (page, name) => page.evaluate((n) => [...CSS.highlights.get(n)].map((r) => {
  const range = document.createRange();
  range.setStart(r.startContainer, r.startOffset);
  range.setEnd(r.endContainer, r.endOffset);
  return range.toString();
}).join(""), name);

const LETTER = "The harvest was poor this year. Ada Dixon keeps a fox at home. The road to Oxford is closed. ";

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

inPage("the shading is what the layers chose", { script: "slow" }, async (page) => {
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
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, DEADLINE);
  await context.setOffline(true);
  await page.goto(site.url);
  await page.waitForFunction((n) => document.querySelector("#document-name").textContent === n, name, DEADLINE);
  await state(page, "ready");
  await page.click("#suggestions button:nth-child(3)");
  assert.match(await answer(page), /\w/);
});

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

inPage("the device is lost: it is loaded again and the answer comes", { script: "lost" }, async (page) => {
  await example(page);
  await page.click("#suggestions button");
  await page.waitForSelector("#answer .t");
  assert.match(await answer(page), /\w/);
  assert.equal(await page.locator(".turn").count(), 1);
  assert.equal(await page.textContent("#error"), "");
  assert.equal(await page.textContent("#notice"), "");
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

inPage("with the keyboard alone", {}, async (page) => {
  const reach = async (selector) => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((s) => document.activeElement?.matches(s), selector)) {
        assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none", `${selector} shows no focus`);
        return;
      }
    }
    assert.fail(`${selector} cannot be reached with Tab`);
  };
  await reach("#choose");
  await reach("#example-town");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => tokenselectPage.state().tokens > 0, null, DEADLINE);
  await reach("#document");
  await reach("#policy");
  await reach("#suggestions button");
  await page.keyboard.press("Enter");
  const said = await answer(page);
  await reach(".answer");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.textContent(".answer .current"), said.split(" ")[0]);
  await page.keyboard.press("Enter");
  assert.equal(await marked(page, "source"), said);
  await reach(".turn-foot button");
  await reach("#question");
  await page.keyboard.type("Who?");
  await page.keyboard.press("Shift+Enter");
  assert.equal(await page.inputValue("#question"), "Who?\n");
});

inPage("everything that can be used has a name", {}, async (page) => {
  await example(page);
  await page.click("#suggestions button");
  await idle(page);
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, select, textarea, input, [tabindex='0']")].filter((e) =>
    !(e.labels?.length > 0 || e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim())).map((e) => e.outerHTML));
  assert.deepEqual(nameless, []);
  assert.equal(await page.getAttribute("#answer .answer", "aria-live"), "polite");
});

for (const scheme of ["light", "dark"]) {
  const fine = async (page, when) => assert.deepEqual(await looks(page), [], when);

  inPage(`390 pixels wide, ${scheme}: one pane at a time, and all of it can be read and touched`, { width: 390, height: 844, scheme, script: "oom" }, async (page) => {
    await fine(page, "empty");
    await page.click("#setup summary");
    await fine(page, "with the setup open");
    await example(page);
    await fine(page, "with a document");
    await page.click("#tabs [data-pane=conversation]");
    assert.equal(await page.isVisible("#document"), false);
    await page.click("#suggestions button");
    await page.waitForSelector("#error .card");
    await fine(page, "with an error");
    await page.getByRole("button", { name: "Use a smaller context" }).click();
    await page.waitForSelector("#answer .t");
    const said = await answer(page);
    await fine(page, "with an answer");
    await page.click("#answer .t");
    assert.equal(await page.isVisible("#document"), true);
    assert.equal(await marked(page, "source"), said);
    await sourceInSight(page, DEADLINE);
    await fine(page, "with the shading");
    await page.click("#edit");
    await fine(page, "with the text being edited");
  });

  inPage(`1280 pixels wide, ${scheme}: all of it can be read`, { scheme, script: "cpu,crawl" }, async (page) => {
    await example(page);
    await page.waitForSelector("#notice .card[data-name=slow]");
    await fine(page, "with notices");
    await page.click("#suggestions button");
    await idle(page);
    await fine(page, "with an answer");
    await page.click("#replace");
    await fine(page, "with another document being chosen");
  });
}

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
  const files = (folder) => readdirSync(join(root, folder)).map((name) => (folder ? `${folder}/${name}` : name));
  for (const file of [...files("app"), ...files("style"), ...files("storage")]) assert.ok(kept.has(file), `${file} is missing in sw.js`);
  const there = new Set([...files(""), ...files("app"), ...files("style"), ...files("storage"), ...files("documents")]);
  for (const file of kept) assert.ok(built.has(file) || there.has(file), `${file} in sw.js is no file`);
});
