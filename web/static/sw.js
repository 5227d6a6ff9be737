// Makes the page open without a network. What the network has is always taken
// from there, so a new version shows at the next load; what came last is kept
// for when there is no network. Weights, the websocket and the API are not
// touched: the page keeps weights by itself.
const CACHE = "tokenselect-page-1";
const PATIENCE_MS = 4_000; // with a network that does not answer

// All that the page needs to open and to answer, and the explorer of answers;
// libraries for file formats and recordings are kept when they were used.
const FILES = [
  "./", "explore.html", "manifest.webmanifest", "icon.svg", "models.json",
  "style/base.css", "style/conversation.css", "style/document.css", "style/drawings.css", "style/explore.css", "style/layout.css", "style/models.css", "style/palette.css",
  "app/answer-view.js", "app/attention.js", "app/blocks.js", "app/budget.js", "app/cards.js", "app/control.js", "app/conversation.js",
  "app/document-input.js", "app/document-view.js", "app/dom.js", "app/figures.js", "app/format.js", "app/keeper.js", "app/main.js",
  "app/minimap.js", "app/panes.js", "app/progress.js", "app/remedies.js", "app/setup.js", "app/shading.js", "app/welcome.js", "app/words.js",
  "documents/examples.js", "documents/failure.js", "documents/prose.js", "documents/read.js", "documents/text.js",
  "explore/attended.js", "explore/budget.js", "explore/canvas.js", "explore/csv.js", "explore/decode.js", "explore/described.js", "explore/document.js", "explore/export.js", "explore/heads.js", "explore/live-form.js", "explore/live.js", "explore/needle.js", "explore/numbers.js", "explore/open-worker.js", "explore/page.js", "explore/read-recording.js", "explore/recording-file.js", "explore/recording-shape.js", "explore/redraw.js", "explore/run.js", "explore/skyline.js", "explore/state.js", "explore/svg.js", "explore/timeline.js",
  "explore/budget/measure.js", "explore/budget/plot.js", "explore/document/pixels.js", "explore/document/snippets.js", "explore/document/typesetter.js", "explore/heads/agreement.js", "explore/heads/grid.js", "explore/heads/mass.js", "explore/heads/measures.js", "explore/heads/rows.js", "explore/needle/presence.js", "explore/needle/raster.js",
  "models/dialog.js", "models/fetcher.js", "models/fit.js", "models/hub.js", "models/kept-list.js", "models/offer.js", "models/remote.js", "models/shelf.js", "models/source.js", "recordings/index.json",
  "storage.js", "storage/download.js", "storage/file.js", "storage/page.js", "storage/patience.js", "storage/segments.js", "storage/sha256.js", "storage/weights.js",
  "boot.js", "simd128.js", "simd128.wasm", "tokenselect.js", "tokenselect.wasm", "trace.js", "transport-socket.js", "transport-worker.js",
  "wasm_exec.js", "webgpu.js", "worker.js",
];

const scope = new URL(self.registration.scope);
const KINDS = /\.(html|js|mjs|css|svg|webmanifest|json|wasm|bcmap|ttf|pfb|icc|gz|wgsl|go)$/;
const NEVER = /^(weights|v1|ws|healthz|metrics|bench\.wasm)(\/|$)/;

/** The path below the scope of what this worker answers for, or null. */
function own(request) {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return null;
  const path = url.pathname.slice(scope.pathname.length);
  if (NEVER.test(path) || request.headers.has("range")) return null;
  return path === "" || path === "index.html" || KINDS.test(path) ? path : null;
}

/** Where a file is kept: without the query, the page itself under one name. */
const key = (path) => new URL(path === "index.html" ? "./" : path || "./", scope).href;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await Promise.allSettled(FILES.map((file) => cache.add(new Request(key(file), { cache: "no-cache" }))));
    if (!await cache.match(key("./"))) throw new Error("the page could not be kept");
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith("tokenselect-page-") && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const path = own(event.request);
  if (path !== null) event.respondWith(answer(event, path));
});

async function answer(event, path) {
  const cache = await caches.open(CACHE);
  const network = fetch(event.request).then((response) => {
    if (response.ok && response.type === "basic") event.waitUntil(cache.put(key(path), response.clone()).catch(() => {}));
    return response;
  });
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  try {
    const response = await Promise.race([network, patience]);
    if (response && (response.ok || response.status === 304)) return response;
    const kept = await cache.match(key(path));
    return kept ?? response ?? await network;
  } catch (error) {
    const kept = await cache.match(key(path));
    if (kept) return kept;
    throw error;
  }
}
