// Models of the user's in the page: by hub name, by address and from this
// device, with a scripted engine that loads them and the real one that reads
// their headers.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { fit } from "../static/models/fit.js";
import { parseSource, partsOf, quantisationOf, together } from "../static/models/source.js";
import { DEADLINE, state } from "./page/in-page.mjs";
import { changed, hub as startHub, model, parts } from "./page/hub.mjs";
import { partNames } from "./page/split-gguf.mjs";
import { looks } from "./page/looks.mjs";
import { noBrowser, noEngine, serve } from "./page/site.mjs";
import { visitor } from "./shared-browser.mjs";

const skip = (await noBrowser()) ?? noEngine() ?? false;
const SIZE = "17.8 MB";

let hub, site, files;
before(async () => {
  hub = await startHub();
  files = hub.url.replace("127.0.0.1", "localhost"); // which is not the hub to the page
  site = await serve({ elsewhere: `${hub.url} ${files}` });
});
after(async () => {
  await site.close();
  await hub.close();
});

/** Opens the page with this hub. @returns {Promise<import("playwright-core").Page>} */
async function visit(context, { prepare } = {}) {
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE.timeout);
  await page.emulateMedia({ reducedMotion: "reduce" });
  if (prepare) await page.addInitScript(prepare);
  await page.goto(`${site.url}?hub=${encodeURIComponent(hub.url)}`);
  await state(page, "ready");
  return page;
}

/** Runs a test in a browser that has never been to the page. */
function inDialog(name, options, act) {
  test(name, { skip }, async () => {
    hub.faults.length = hub.asked.length = 0;
    const browser = await visitor({ webgpu: true });
    try {
      const page = await visit(browser.context, options);
      await open(page);
      await act(page, browser);
    } finally {
      await browser.close();
    }
  });
}

const open = async (page) => {
  await page.evaluate(() => { document.querySelector("#setup").open = true; });
  await page.selectOption("#model", { label: "Another model…" });
  await page.waitForSelector("#models[open]");
};
const look = async (page, text) => {
  await page.fill("#models-source", text);
  await page.click("#models-find");
};
const folder = mkdtempSync(join(tmpdir(), "tokenselect-models-"));
after(() => rmSync(folder, { recursive: true }));
/** A file to choose in the page, which so reads it from the disk: its bytes would take seconds through the browser's pipe. */
const made = (name, bytes) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
/** Waits until an element says something. */
const says = (page, selector, pattern) => page.waitForFunction(([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""), [selector, pattern.source], DEADLINE)
  .catch(async () => assert.fail(`${selector} says "${await page.locator(selector).first().textContent({ timeout: 1000 }).catch(() => null)}", expected ${pattern}`));
const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
/** Waits until the dialog is closed and a model that is chosen by then is loaded. */
const using = async (page, pattern) => {
  await page.waitForSelector("#models", { state: "hidden" });
  await page.waitForFunction((source) => {
    const [option] = document.querySelector("#model").selectedOptions;
    return new RegExp(source).test(option?.textContent) && tokenselectPage.state().engine === "ready" && document.querySelector("#setup-summary").textContent.startsWith(option.textContent.split(" (")[0]);
  }, pattern.source, DEADLINE).catch(async () => assert.fail(`the menu says "${await page.evaluate(() => document.querySelector("#model").selectedOptions[0]?.textContent)}", expected ${pattern}`));
};
/** Waits until the choice of a model is kept for the next visit. */
const remembered = async (page, pattern) => {
  let model;
  for (const late = Date.now() + DEADLINE.timeout; !pattern.test(model); await new Promise((done) => setTimeout(done, 50))) {
    assert.ok(Date.now() < late, `the model that is remembered is ${model}, expected ${pattern}`);
    model = await page.evaluate(async () => (await (await import("./storage.js")).loadSettings()).model);
  }
};

test("what may be written for a model", () => {
  const repo = { kind: "hub", repo: "acme/needle", revision: "main", path: "" };
  for (const [text, expected] of [
    [" acme/needle ", repo],
    ["acme/needle/sub/a.gguf", { ...repo, path: "sub/a.gguf" }],
    ["https://huggingface.co/acme/needle", repo],
    ["hf.co/acme/needle", repo],
    ["https://huggingface.co/acme/needle/tree/v2", { ...repo, revision: "v2" }],
    ["https://huggingface.co/acme/needle/resolve/main/a%20b.gguf?download=true", { ...repo, path: "a b.gguf" }],
    ["https://huggingface.co/acme/needle/blob/main/a.gguf", { ...repo, path: "a.gguf" }],
    ["https://mirror.example/hub/acme/needle", repo],
    ["https://example.org/files/a.gguf?token=1", { kind: "url", url: "https://example.org/files/a.gguf?token=1", name: "a.gguf" }],
    ["http://localhost:8000/a.gguf", { kind: "url", url: "http://localhost:8000/a.gguf", name: "a.gguf" }],
  ]) assert.deepEqual(parseSource(text, "https://mirror.example/hub"), expected, text);
  for (const [text, pattern] of [
    ["needle", /found "needle", expected owner\/name/], ["a/b/c.bin", /"c\.bin", expected one that ends in \.gguf/], ["../x/y", /expected owner\/name/],
    ["http://example.org/a.gguf", /begins with http:\/\/, expected https/], ["ftp://example.org/a.gguf", /ftp:/], ["https://", /no address/],
    ["https://huggingface.co/datasets/a/b", /hub's datasets/], ["a/b/model.safetensors", /tokenselect convert/],
  ]) assert.throws(() => parseSource(text), pattern, text);
  assert.deepEqual(["m-Q4_K_M.gguf", "m.IQ2_XXS.gguf", "m-f16.gguf", "Qwen2-0.5B.gguf"].map(quantisationOf), ["Q4_K_M", "IQ2_XXS", "F16", ""]);
  for (const [name, expected] of [
    ["m-00002-of-00003.gguf", ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"]],
    ["m-1-of-3.gguf", ["m-1-of-3.gguf"]], ["m-00004-of-00003.gguf", ["m-00004-of-00003.gguf"]],
  ]) assert.deepEqual(partsOf(name), expected);
  assert.throws(() => partsOf("m-00001-of-99999.gguf"), /one of 99999 parts, expected at most 1000/);
});

test("files that are given together are one, or the parts of one in order, or refused by name", () => {
  const files = (...names) => names.map((name) => ({ name }));
  const names = partNames("m", 3);
  assert.deepEqual(together(files("m.gguf")), { name: "m.gguf" });
  assert.deepEqual(together(files(names[2], names[0], names[1])), files(...names));
  for (const [given, pattern] of [
    [["m.gguf", "n.gguf"], /m\.gguf was given with 1 other files, expected one file, or the parts of one/],
    [[names[0], names[2]], /m-00001-of-00003\.gguf: part 2 of 3 is missing, m-00002-of-00003\.gguf: choose all parts together/],
    [[names[1]], /part 1 of 3 is missing, m-00001-of-00003\.gguf/],
    [[...names, "n-00001-of-00003.gguf"], /n-00001-of-00003\.gguf is no part of the model of m-00001-of-00003\.gguf/],
    [[...names, "m-00001-of-00002.gguf"], /m-00001-of-00002\.gguf is no part of the model/],
  ]) assert.throws(() => together(files(...given)), pattern, given.join(" "));
});

test("what fits, and what does not, with the numbers", () => {
  const heavy = (weights) => ({ size: 1e9, estimates: [{ context: 4096, weights, cache: 1e8, selection: 1e6, work: 2e6, layer: 5e6 }, { context: 131072, weights, cache: 3.2e9, selection: 3e7, work: 2e6, layer: 160e6 }] });
  const seen = heavy(1e9);
  const gpu = { name: "GPU", binding: 128e6 }, room = 2e9;
  const good = fit(seen, 4096, { gpu, memory: 0, room });
  assert.deepEqual(good, { takes: { weights: 1e9, cache: 1e8, work: 3e6, total: 1.103e9 }, keeps: true, refusals: [], warnings: [] });
  assert.match(fit(seen, 131072, { gpu, memory: 0, room }).refusals[0], /131,072 tokens the keys of a layer take 160 MB, and GPU binds 128 MB: choose a context of at most 104,704/);
  assert.match(fit(seen, 4096, { gpu, memory: 2 ** 30, room }).warnings[0], /takes 1\.1 GB; .* about 1\.1 GB of memory/);
  assert.match(fit(heavy(5e9), 4096, { gpu, memory: 2 ** 32, room }).refusals[0], /weights take 5\.0 GB; .* 4\.3 GB/);
  assert.match(fit(heavy(5e9), 4096, { gpu: null, memory: 0, room }).refusals[0], /Without a GPU it takes 6\.0 GB .* WebAssembly has 4\.3 GB/);
  assert.match(fit(seen, 4096, { gpu: null, memory: 0, room }).warnings[0], /it will be slow/);
  const full = fit(seen, 4096, { gpu, memory: 0, room: 5e8 });
  assert.deepEqual([full.keeps, full.refusals], [false, []]);
  assert.match(full.warnings[0], /room for 500 MB, the file is 1\.0 GB/);
});

inDialog("by hub name: listed, looked at, downloaded through a redirect, used, there after a reload, and removed", {}, async (page) => {
  await look(page, "acme/needle");
  await says(page, "#models-files", /2 files in acme\/needle.*needle-Q8_0\.ggufQ8_0, 17\.8 MB.*F16, 35\.7 MB/);
  await page.getByRole("button", { name: /needle-Q8_0/ }).click();
  await says(page, "#models-plan", /llama, Q8_0, 8 layers, trained on 2,048 tokens, a file of 17\.8 MB/);
  await says(page, "#models-takes", /It takes 1\d\d MB: 17\.\d MB of weights, 134 MB of keys and values, \d+\.\d MB to work in/);
  assert.ok(hub.asked.every(({ sent }) => sent <= 2 ** 20), JSON.stringify(hub.asked));
  const before = hub.asked.length;
  await press(page, `Download and use it (${SIZE})`);
  await using(page, /^needle-Q8_0 \(17\.8 MB, 2,048 tokens\)$/);
  assert.match(await page.textContent("#cache-size"), /17\.8 MB/);
  assert.deepEqual(hub.asked.slice(before).map(({ path, range }) => [path, range]), [["/cdn/needle-Q8_0.gguf", null]]);
  await page.reload();
  await using(page, /^needle-Q8_0/);
  assert.equal(hub.asked.length, before + 1);
  await page.click("#cache-manage");
  await says(page, "#models-kept", /needle-Q8_017\.8 MB, acme\/needle, \w+ \d+, \d{4}.*17\.8 MB kept/);
  await press(page, "Remove: needle-Q8_0");
  await press(page, "Remove it: needle-Q8_0");
  await says(page, "#models-kept", /Nothing yet/);
  await page.waitForFunction(() => document.querySelector("#model").value === "needle-16m-q8_0", null, DEADLINE);
  await state(page, "ready");
});

inDialog("a tab that is closed in a download: resumed in another where it stopped, and other bytes than the digest's are thrown away", {}, async (page, { context }) => {
  const cut = 3 * 2 ** 20;
  hub.faults.push({ cut, stall: true });
  await look(page, "acme/other/other-Q4_K_M.gguf");
  await press(page, `Download and use it (${SIZE})`);
  await says(page, "#models-kept", /3\.1 MB of 17\.8 MB/);
  const second = await visit(context);
  await open(second);
  await says(second, "#models-kept", /3\.1 MB of 17\.8 MB so far, acme\/other, another tab is fetching it/);
  await page.close();
  // What the closed tab holds goes with its process, a moment later: a list that was
  // opened before that is opened again.
  const free = /so far, acme\/other, \w+ \d+/;
  for (let tries = 0; tries < 5 && !free.test(await second.textContent("#models-kept")); tries++) {
    await second.keyboard.press("Escape");
    await second.waitForSelector("#models", { state: "hidden" });
    await open(second);
    await second.waitForTimeout(1000);
  }
  await says(second, "#models-kept", free);
  await press(second, "Resume: other-Q4_K_M");
  await says(second, "#models-kept .models-trouble", /found bytes with the SHA-256 .*, expected 2222/);
  assert.equal(hub.asked.at(-1).range, `bytes=${cut}-`);
  assert.match(await second.textContent("#models-kept"), /0 bytes kept|Nothing yet/);
});

inDialog("an address: without parts and digest, cancelled, resumed, and begun anew when the file has changed", {}, async (page) => {
  hub.faults.push({ cut: 2 ** 21, stall: true }, { etag: '"second"' });
  await look(page, `${files}/cdn/plain.gguf`);
  await says(page, "#models-verdict", /No digest is known/);
  await press(page, `Download and use it (${SIZE})`);
  await says(page, "#models-kept", /2\.1 MB of 17\.8 MB/);
  await press(page, "Cancel: plain");
  await press(page, "Resume: plain");
  await says(page, "#models-kept .models-trouble", /version "second", expected "first": what had arrived was thrown away/);

  await look(page, `${files}/bare/parts.gguf`);
  await says(page, "#models-plan", /parts.*a file of 17\.8 MB/);
  await look(page, `${files}/bare/whole.gguf`);
  await says(page, "#models-verdict", /only as a whole/);
  hub.faults.push({ cut: 2 ** 21 });
  await press(page, `Download and use it (${SIZE})`);
  await using(page, /^whole/);
});

inDialog("what cannot be had or used is refused by name, before its weights are fetched", {}, async (page) => {
  for (const [text, pattern] of [
    ["acme/absent", /acme\/absent is not there, or not public/],
    ["acme/needle/none.gguf", /no file none\.gguf, but needle-Q8_0\.gguf, needle-F16\.gguf/],
    ["acme/gated", /gated\.gguf is gated: .*choose it here/],
    ["acme/original", /safetensors.*tokenselect convert/],
    ["acme/nothing", /has no GGUF files/],
    ["acme/torn", /big-Q8_0-00001-of-00003\.gguf: part 2 of 3 is missing, big-Q8_0-00002-of-00003\.gguf: acme\/torn does not have it/],
    ["acme/strange", /general\.architecture is "bloom"/],
    ["acme/longer", /has 17\d+ bytes, expected 17\d+, which the hub lists/],
    [`${files}/page.gguf`, /a page of HTML, not a model/],
    [`${files}/shut/needle.gguf`, /does not let pages of other sites read its files.*choose it here/],
    ["just words", /expected owner\/name/],
  ]) {
    await look(page, text);
    await says(page, "#models-trouble", pattern);
  }
  assert.ok(hub.asked.every(({ sent, path }) => sent <= 2 ** 20 || path.startsWith("/shut/")), JSON.stringify(hub.asked));
  assert.match(await page.textContent("#models-kept"), /Nothing yet/);
});

const smallDevice = () => {
  const adapter = { limits: { maxBufferSize: 2 ** 26, maxStorageBufferBindingSize: 2 ** 24 }, info: { vendor: "", architecture: "", description: "Tiny GPU" } };
  Object.defineProperty(navigator, "gpu", { value: { requestAdapter: async () => adapter } });
  StorageManager.prototype.estimate = async () => ({ usage: 1e6, quota: 1e7 });
};

inDialog("what this device has is compared with what a model needs, in numbers", { prepare: smallDevice }, async (page) => {
  await look(page, "acme/needle/needle-Q8_0.gguf");
  await says(page, "#models-verdict", /room for 9\.0 MB, the file is 17\.8 MB/);
  await page.selectOption("#models-context", "131072");
  await says(page, "#models-verdict", /131,072 tokens the keys of a layer take .* MB, and Tiny GPU binds 16\.8 MB: choose a context of at most/);
  const button = page.getByRole("button", { name: `Download it for this visit (${SIZE})` });
  assert.equal(await button.isDisabled(), true);
  await page.selectOption("#models-context", "4096");
  await button.click();
  await using(page, /^needle-Q8_0/);
  assert.match(await page.textContent("#cache-size"), /No weights kept/);
});

inDialog("a file of this device: used where it is, kept, and what is no GGUF file refused", {}, async (page) => {
  await page.setInputFiles("#models-file", made("broken.gguf", model.subarray(0, 100_000)));
  await says(page, "#models-trouble", /broken\.gguf: .*cut short or damaged/);
  await page.setInputFiles("#models-file", made("strange.gguf", changed("llama", "bloom")));
  await says(page, "#models-trouble", /general\.architecture is "bloom"/);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#models", { state: "hidden" });
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(["{}"], "model.safetensors"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await says(page, "#models-trouble", /model\.safetensors has its weights as safetensors.*tokenselect convert/);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#models", { state: "hidden" });
  await page.setInputFiles("#file", made("mine.gguf", model));
  await press(page, "Use it for this visit");
  await using(page, /^mine \(17\.8 MB/);
  await open(page);
  await says(page, "#models-kept", /mine17\.8 MB, from this device, for this visit/);
  await press(page, "Keep: mine");
  await says(page, "#models-kept", /mine17\.8 MB, this device, \w+ \d+/);
  await remembered(page, /^kept:/);
  await page.reload();
  await using(page, /^mine \(17\.8 MB/);
  assert.equal(hub.asked.length, 0);
});

inDialog("a split model by hub name: one offer, a part after the other, resumed in a part, kept, used and removed as one", {}, async (page) => {
  await look(page, "acme/split/big-Q8_0-00003-of-00003.gguf");
  await says(page, "#models-plan", /big-Q8_0llama, Q8_0, 8 layers, trained on 2,048 tokens, 3 files of 17\.8 MB/);
  assert.ok(hub.asked.every(({ sent }) => sent <= 2 ** 20), JSON.stringify(hub.asked));
  const before = hub.asked.length;
  const [first, second, third] = [...parts.keys()].map((name) => `/cdn/${name}`);
  hub.faults.push({}, { cut: 2 ** 21, stall: true });
  await press(page, `Download and use it (${SIZE})`);
  await says(page, "#models-kept", /2\.\d MB of 17\.8 MB/);
  await press(page, "Cancel: big-Q8_0");
  await says(page, "#models-kept", /big-Q8_02\.\d MB of 17\.8 MB so far, in 3 files, acme\/split/);
  await page.reload();
  await state(page, "ready");
  await open(page);
  await press(page, "Resume: big-Q8_0");
  await using(page, /^big-Q8_0 \(17\.8 MB, 2,048 tokens\)$/);
  assert.deepEqual(hub.asked.slice(before).map(({ path, range }) => [path, range]), [[first, null], [second, null], [second, `bytes=${2 ** 21}-`], [third, null]]);
  const sizes = await page.evaluate(async () => {
    const cache = await (await import("./storage.js")).WeightsCache.open();
    const [{ key }, ...others] = await cache.list();
    return [others.length, (await cache.get(key)).map(({ name, size }) => [name, size])];
  });
  assert.deepEqual(sizes, [0, [...parts].map(([name, bytes]) => [name, bytes.length])]);
  await remembered(page, /^kept:/);
  await page.reload();
  await using(page, /^big-Q8_0/);
  await open(page);
  await says(page, "#models-kept", /big-Q8_017\.8 MB, in 3 files, acme\/split, \w+ \d+/);
  await press(page, "Remove: big-Q8_0");
  await press(page, "Remove it: big-Q8_0");
  await says(page, "#models-kept", /Nothing yet/);
});

inDialog("a part with other bytes than its digest's is thrown away by name, and the other parts stay", {}, async (page) => {
  await look(page, "acme/damaged");
  await press(page, `Download and use it (${SIZE})`);
  await says(page, "#models-kept .models-trouble", /big-Q8_0-00003-of-00003\.gguf: found bytes with the SHA-256 .*, expected 3333/);
  const two = ([...parts.values()][0].length + [...parts.values()][1].length) / 1e6;
  await says(page, "#models-kept", new RegExp(`${two.toFixed(1).replace(".", "\\.")} MB of 17\\.8 MB so far, in 3 files`));
});

inDialog("a split model by the address of any part, from a server that sends whole files only", {}, async (page) => {
  await look(page, `${files}/bare/big-Q8_0-00002-of-00003.gguf`);
  await says(page, "#models-verdict", /No digest is known/);
  hub.faults.push({}, { cut: 2 ** 21 });
  await press(page, `Download and use it (${SIZE})`);
  await using(page, /^big-Q8_0/);
});

inDialog("the parts of a model on this device: dropped together, used where they are, kept, and refused by name where they do not belong together", {}, async (page) => {
  const names = [...parts.keys()];
  const files = (...given) => given.map(([name, from = name]) => made(name, parts.get(from) ?? model));
  await page.setInputFiles("#models-file", files([names[0]], [names[2]]));
  await says(page, "#models-trouble", /part 2 of 3 is missing, big-Q8_0-00002-of-00003\.gguf: choose all parts together/);
  await page.setInputFiles("#models-file", files([names[0]], [names[1], names[2]], [names[2], names[1]]));
  await says(page, "#models-trouble", /big-Q8_0-00003-of-00003\.gguf is part 3 by its name, part 2 by its header/);
  await page.setInputFiles("#models-file", files([names[0]], [names[1], "whole"], [names[2]]));
  await says(page, "#models-trouble", /big-Q8_0-00002-of-00003\.gguf: metadata key split\.count is 1, expected 3 as in big-Q8_0-00001-of-00003\.gguf/);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#models", { state: "hidden" });
  await page.evaluate(() => {
    const held = document.body.appendChild(document.createElement("input"));
    Object.assign(held, { id: "held", type: "file", multiple: true });
  });
  await page.setInputFiles("#held", files(...names.map((name) => [name]).reverse()));
  await page.evaluate(() => {
    const held = document.querySelector("#held"), data = new DataTransfer();
    held.remove();
    for (const file of held.files) data.items.add(file);
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await press(page, "Use it for this visit");
  await using(page, /^big-Q8_0 \(17\.8 MB/);
  await open(page);
  await says(page, "#models-kept", /big-Q8_017\.8 MB, from this device, for this visit/);
  await press(page, "Keep: big-Q8_0");
  await says(page, "#models-kept", /big-Q8_017\.8 MB, in 3 files, this device, \w+ \d+/);
  await remembered(page, /^kept:/);
  await page.reload();
  await using(page, /^big-Q8_0 \(17\.8 MB/);
});

inDialog("the page itself may not talk to other sites: only the worker that fetches models may", {}, async (page) => {
  const refused = await page.evaluate((url) => fetch(url).then(() => "answered", (error) => error.name), `${hub.url}/api/models/acme/needle/tree/main`);
  assert.equal(refused, "TypeError");
});

inDialog("390 and 1280 pixels wide, light and dark: all of it can be read and reached", {}, async (page) => {
  const fine = async (when) => {
    for (const [width, height] of [[390, 844], [1280, 800]]) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await looks(page), [], `${when}, ${width} pixels wide, ${colorScheme}`);
      }
    }
  };
  await fine("empty");
  await look(page, "acme/needle");
  await says(page, "#models-files", /2 files/);
  await fine("with files");
  await page.getByRole("button", { name: /needle-Q8_0/ }).click();
  await page.waitForSelector("#models-plan .primary");
  await fine("with an offer");
  hub.faults.push({ cut: 2 ** 21, stall: true });
  await press(page, `Download and use it (${SIZE})`);
  await says(page, "#models-kept", /2\.1 MB of 17\.8 MB/);
  await fine("with a download");
  await press(page, "Cancel: needle-Q8_0");
  await page.getByRole("button", { name: "Resume: needle-Q8_0" }).waitFor();
  await press(page, "Remove: needle-Q8_0");
  await look(page, "nonsense");
  await says(page, "#models-trouble", /expected owner/);
  await fine("with an error");
});

inDialog("with the keyboard alone", {}, async (page) => {
  await page.keyboard.press("Escape");
  await page.focus("#model");
  await page.keyboard.press("End");
  await page.waitForSelector("#models[open]");
  assert.equal(await page.evaluate(() => document.activeElement.id), "models-source");
  await page.keyboard.type("acme/needle");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.matches(".models-file"), null, DEADLINE);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.matches("#models-plan h4"), null, DEADLINE);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.id), "models-context");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await using(page, /^needle-Q8_0/);
});
