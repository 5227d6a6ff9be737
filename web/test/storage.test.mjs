import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { Sha256 } from "../static/storage/sha256.js";
import { launch, missing, serve } from "./chromium.mjs";

const skip = await missing([]);

// Three segments, the last one short, so that a break falls into each of them.
const SEGMENT = 32 * 2 ** 20;
const bytes = Buffer.alloc(2 * SEGMENT + 12345);
for (let i = 0, x = 1; i < bytes.length; i += 4) {
  x = (Math.imul(x, 1664525) + 1013904223) | 0;
  bytes.writeInt32LE(x, Math.min(i, bytes.length - 4));
}
const digest = createHash("sha256").update(bytes).digest("hex");

let server;
let browser;
// Milliseconds without a byte after which a download is given up: far more than a busy machine takes to answer.
const STALL = 3000;

/** What the server does with the next requests, then it just answers. */
let faults = [];
let ranges = [];

function weights(request, response) {
  ranges.push(request.headers.range ?? null);
  const fault = faults.shift() ?? {};
  if (fault.status) {
    response.writeHead(fault.status).end();
    return;
  }
  const from = fault.ignoreRange ? 0 : Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const body = fault.body ?? bytes.subarray(from, fault.cut ?? bytes.length);
  response.writeHead(from > 0 ? 206 : 200, {
    ...(fault.etag && { ETag: fault.etag }), "Content-Length": bytes.length - from, ...(from > 0 && { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  if (fault.stall) {
    response.write(body);
  } else if (fault.cut) {
    response.write(body, () => setTimeout(() => response.destroy(), 50));
  } else {
    response.end(body);
  }
}

// Runs the body of a function with the storage module at hand, for a worker.
const WORKER = `import * as storage from "/storage.js";
  onmessage = async ({ data: [name, options] }) => {
    try {
      const cache = await storage.WeightsCache.open();
      const blob = await (name === "get" ? cache.get(options) : cache.fetchInto(options));
      const sum = blob && [...new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()))].map((b) => b.toString(16).padStart(2, "0")).join("");
      postMessage({ size: blob?.size, sum, list: (await cache.list()).map(({ date, ...rest }) => rest) });
    } catch (error) {
      postMessage({ name: error.name, code: error.code, error: error.message });
    }
  };`;

before(async () => {
  if (skip) return;
  server = await serve({
    "/weights": weights,
    "/test-worker.js": (_, response) => response.writeHead(200, { "Content-Type": "text/javascript" }).end(WORKER),
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** A page of its own, with nothing stored. */
async function withPage(act) {
  faults = [];
  ranges = [];
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(`${server.origin}/blank.html`);
    await act(page);
  } finally {
    await context.close();
  }
}

/** Calls get or fetchInto in a worker or in the page. */
function call(page, where, name, options) {
  return page.evaluate(async ([where, name, options]) => {
    if (where === "worker") {
      const worker = new Worker("/test-worker.js", { type: "module" });
      worker.postMessage([name, options]);
      const { data } = await new Promise((resolve) => worker.addEventListener("message", resolve, { once: true }));
      worker.terminate();
      return data;
    }
    const { WeightsCache } = await import(new URL("/storage.js", location.href).href);
    try {
      const cache = await WeightsCache.open();
      const blob = await (name === "get" ? cache.get(options) : cache.fetchInto(options));
      const sum = blob && [...new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()))].map((b) => b.toString(16).padStart(2, "0")).join("");
      return { size: blob?.size, sum, list: (await cache.list()).map(({ date, ...rest }) => rest) };
    } catch (error) {
      return { name: error.name, code: error.code, error: error.message };
    }
  }, [where, name, options]);
}

const file = { url: "/weights", digest, size: bytes.length, name: "model.gguf", pauses: [] };
const whole = { key: digest, digest, name: "model.gguf", size: bytes.length, stored: bytes.length, complete: true };

test("SHA-256 in pieces of any length", () => {
  for (const n of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 100003]) {
    const sum = new Sha256();
    for (let at = 0, step = 1; at < n; at += step, step = (step * 7) % 199) sum.update(bytes.subarray(at, Math.min(at + step, n)));
    assert.equal(sum.hex(), createHash("sha256").update(bytes.subarray(0, n)).digest("hex"), `${n} bytes`);
  }
});

for (const where of ["worker", "page"]) {
  test(`weights are downloaded once, in a ${where}`, { skip }, () => withPage(async (page) => {
    assert.equal((await call(page, where, "get", digest)).size, undefined);
    const first = await call(page, where, "fetchInto", { ...file, digest: `sha256:${digest.toUpperCase()}` });
    assert.deepEqual(first, { size: bytes.length, sum: digest, list: [whole] });
    await page.reload();
    assert.deepEqual(await call(page, where, "fetchInto", file), first);
    assert.deepEqual(await call(page, where, "get", digest), first);
    assert.deepEqual(ranges, [null]);
  }));

  test(`a broken download goes on where it stopped, in a ${where}`, { skip }, () => withPage(async (page) => {
    const cut = SEGMENT + 1000;
    faults = [{ cut }, { ignoreRange: true, cut: 2 * SEGMENT }];
    const broken = await call(page, where, "fetchInto", file);
    assert.match(broken.error, /of 67121209 bytes are here/);
    assert.equal((await call(page, where, "get", digest)).size, undefined);
    const [begun] = (await call(page, where, "get", digest)).list;
    assert.equal(begun.complete, false);
    assert.equal(begun.size, bytes.length);
    assert.ok(begun.stored > 0 && begun.stored <= cut, `${begun.stored} bytes stored`);
    await page.reload();
    assert.match((await call(page, where, "fetchInto", file)).error, /bytes are here/); // answered without Range
    const [further] = (await call(page, where, "get", digest)).list;
    assert.ok(further.stored >= begun.stored);
    const done = await call(page, where, "fetchInto", file);
    assert.deepEqual([done.sum, done.list], [digest, [whole]]);
    assert.deepEqual(ranges, [null, `bytes=${begun.stored}-`, `bytes=${further.stored}-`]);
  }));
}

test("a connection that breaks is tried again, while it brings something", { skip }, () => withPage(async (page) => {
  faults = [{ cut: 1000000 }, { cut: 2000000 }, { cut: 3000000 }];
  assert.equal((await call(page, "worker", "fetchInto", { ...file, pauses: [1] })).sum, digest);
  assert.equal(ranges.length, 4);
}));

test("a connection that brings nothing is given up and tried again, so is a server that is too busy", { skip }, () => withPage(async (page) => {
  faults = [{ cut: 1000000, stall: true }, { status: 503 }, { cut: 2000000, stall: true }];
  assert.equal((await call(page, "worker", "fetchInto", { ...file, pauses: [1, 1], stall: STALL })).sum, digest);
  assert.deepEqual(ranges, [null, "bytes=1000000-", "bytes=1000000-", "bytes=2000000-"]);
  faults = [{ status: 503 }, { status: 503 }];
  assert.match((await call(page, "worker", "fetchInto", { ...file, key: "f".repeat(64), pauses: [1] })).error, /the server answers 503; 0 of \d+ bytes are here/);
}));

test("a file without a digest is kept by where it comes from, and thrown away when it has changed there", { skip }, () => withPage(async (page) => {
  const key = "e".repeat(64), { digest: _, ...plain } = { ...file, key, stall: STALL, details: { title: "model" } };
  faults = [{ cut: 1000000, stall: true, etag: '"1"' }, { cut: 2000000, stall: true, etag: '"1"' }, { etag: '"2"' }, { etag: '"2"' }];
  assert.match((await call(page, "worker", "fetchInto", plain)).error, /bytes are here/);
  assert.match((await call(page, "page", "fetchInto", plain)).error, /bytes are here/);
  assert.deepEqual((await call(page, "worker", "get", key)).list, [{ key, name: file.name, size: bytes.length, stored: 2000000, complete: false, details: { title: "model" } }]);
  const changed = await call(page, "worker", "fetchInto", plain);
  assert.deepEqual([changed.name, changed.code], ["StorageError", "changed"], changed.error);
  const done = await call(page, "worker", "fetchInto", plain);
  assert.deepEqual([done.sum, done.list], [digest, [{ ...whole, key, details: { title: "model" } }]]);
  assert.deepEqual(ranges, [null, "bytes=1000000-", "bytes=2000000-", null]);
}));

test("a file of this device is copied, and goes on after it was cut off", { skip }, () => withPage(async (page) => {
  const seen = await page.evaluate(async ([key]) => {
    const { WeightsCache } = await import(new URL("/storage.js", location.href).href);
    const cache = await WeightsCache.open();
    const blob = new Blob([await (await fetch("/weights")).arrayBuffer()]);
    const abort = new AbortController();
    const broken = await cache.copyInto({ key, blob, name: "mine", signal: abort.signal, onProgress: (done) => done > 5e7 && abort.abort() }).catch((error) => error.name);
    const [{ stored }] = await cache.list();
    const checked = [];
    await cache.copyInto({ key, blob, name: "mine", onCheck: (done, total) => checked.push([done, total]) });
    const [{ digest, complete }] = await cache.list();
    return { broken, begun: stored > 0 && stored < blob.size, checked: checked.at(-1)[0] === stored && checked.at(-1)[1] === stored, digest, complete };
  }, ["d".repeat(64)]);
  assert.deepEqual(seen, { broken: "AbortError", begun: true, checked: true, digest, complete: true });
}));

test("an answer that is no file is not tried again", { skip }, () => withPage(async (page) => {
  faults = [{ status: 404 }];
  assert.match((await call(page, "worker", "fetchInto", { ...file, pauses: [1, 1] })).error, /\/weights: the server answers 404/);
  assert.equal(ranges.length, 1);
}));

test("other bytes than the digest's are thrown away", { skip }, () => withPage(async (page) => {
  const wrong = Buffer.from(bytes);
  wrong[SEGMENT] ^= 1;
  faults = [{ body: wrong }];
  const failed = await call(page, "worker", "fetchInto", file);
  assert.deepEqual([failed.name, failed.code], ["StorageError", "digest"]);
  assert.ok(failed.error.includes(`expected ${digest}`), failed.error);
  assert.deepEqual((await call(page, "worker", "get", digest)).list, []);
  assert.equal((await call(page, "worker", "fetchInto", file)).sum, digest);
}));

test("a cancelled download keeps what has arrived, progress goes on from there", { skip }, () => withPage(async (page) => {
  faults = [{ cut: 3 * 2 ** 20, stall: true }];
  const seen = await page.evaluate(async ([file]) => {
    const { WeightsCache } = await import(new URL("/storage.js", location.href).href);
    const cache = await WeightsCache.open();
    const abort = new AbortController();
    const name = await cache.fetchInto({
      ...file, signal: abort.signal, onProgress: (done) => done >= 3 * 2 ** 20 && abort.abort(),
    }).catch((error) => error.name);
    const [{ stored, complete }] = await cache.list();
    const progress = [];
    await cache.fetchInto({ ...file, onProgress: (done, total) => progress.push([done, total]) });
    return { name, stored, complete, first: progress[0], last: progress.at(-1), rising: progress.every(([done], i) => i === 0 || done >= progress[i - 1][0]) };
  }, [file]);
  assert.deepEqual(seen, {
    name: "AbortError", stored: 3 * 2 ** 20, complete: false, first: [3 * 2 ** 20, bytes.length], last: [bytes.length, bytes.length], rising: true,
  });
}));

test("weights are deleted, and a file whose segments are gone is not complete", { skip }, () => withPage(async (page) => {
  await call(page, "worker", "fetchInto", file);
  const seen = await page.evaluate(async ([digest]) => {
    const { WeightsCache } = await import(new URL("/storage.js", location.href).href);
    const cache = await WeightsCache.open();
    const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle("weights")).getDirectoryHandle(digest);
    const { usage } = await cache.usage();
    await folder.removeEntry("000001");
    const damaged = [await cache.get(digest), (await cache.list())[0].complete];
    await cache.remove(digest);
    await cache.remove(digest);
    return { usage, damaged, list: await cache.list(), persist: typeof await cache.persist() };
  }, [digest]);
  assert.ok(seen.usage >= bytes.length);
  assert.deepEqual({ ...seen, usage: 0 }, { usage: 0, damaged: [null, false], list: [], persist: "boolean" });
}));

test("a full disk is said in words, and nothing half is taken for whole", { skip }, () => withPage(async (page) => {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 40 * 2 ** 20 });
  for (const where of ["worker", "page"]) {
    const failed = await call(page, where, "fetchInto", file);
    assert.deepEqual([failed.name, failed.code], ["StorageError", "quota"], failed.error);
    assert.match(failed.error, /storage is full \(.* used\), model\.gguf needs 67 MB: delete another model/);
    assert.equal((await call(page, where, "get", digest)).size, undefined);
  }
  assert.equal((await call(page, "worker", "fetchInto", { ...file, store: false })).sum, digest);
}));

test("without storage a download goes to memory", { skip }, () => withPage(async (page) => {
  const seen = await page.evaluate(async ([file]) => {
    navigator.storage.getDirectory = () => Promise.reject(new DOMException("not allowed", "SecurityError"));
    const { WeightsCache } = await import(new URL("/storage.js", location.href).href);
    const cache = await WeightsCache.open();
    const blob = await cache.fetchInto(file);
    return { available: cache.available, reason: cache.reason, size: blob.size, kept: await cache.get(file.digest), list: await cache.list() };
  }, [file]);
  assert.match(seen.reason, /private window \(not allowed\)/);
  assert.deepEqual({ ...seen, reason: "" }, { available: false, reason: "", size: bytes.length, kept: null, list: [] });
}));

test("the document, the conversation and the settings are there after a reload", { skip }, () => withPage(async (page) => {
  const use = (act) => page.evaluate(async (act) => {
    const storage = await import(new URL("/storage.js", location.href).href);
    if (act === "save") {
      await storage.saveDocument({ name: "a.txt", text: "x".repeat(2e6), kind: "text" });
      await storage.saveConversation([{ question: "q", answer: "a" }]);
      await storage.saveSettings({ k: 256 });
    }
    if (act === "clear") await storage.clear();
    const document = await storage.loadDocument();
    return [await storage.isKept(), document && [document.name, document.text.length], await storage.loadConversation(), await storage.loadSettings()];
  }, act);
  assert.deepEqual(await use("load"), [true, null, [], {}]);
  await use("save");
  await page.reload();
  assert.deepEqual(await use("load"), [true, ["a.txt", 2e6], [{ question: "q", answer: "a" }], { k: 256 }]);
  await use("clear");
  await page.reload();
  assert.deepEqual(await use("load"), [true, null, [], {}]);
}));

test("without a database they live as long as the page", { skip }, () => withPage(async (page) => {
  const seen = await page.evaluate(async () => {
    indexedDB.open = () => { throw new DOMException("no", "SecurityError"); };
    const storage = await import(new URL("/storage.js", location.href).href);
    await storage.saveDocument({ name: "a.txt", text: "x", kind: "text" });
    return [await storage.isKept(), (await storage.loadDocument()).text];
  });
  assert.deepEqual(seen, [false, "x"]);
}));
