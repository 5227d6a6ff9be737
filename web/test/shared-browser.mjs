// One Chromium for the tests of a file, as its start costs more than what many of
// them do. Each test gets a context, with storage that no other sees.
import { after } from "node:test";
import { launchBrowser } from "./chromium.mjs";

/** With WebGPU and without. @type {Map<boolean, ReturnType<typeof launchBrowser>>} */
const started = new Map();
after(async () => {
  for (const { close } of await Promise.all(started.values())) await close();
});

/**
 * A browser that has never been anywhere.
 * @returns {Promise<{context: import("playwright-core").BrowserContext, close(): Promise<void>}>}
 */
export async function visitor({ webgpu = false } = {}) {
  if (!(await started.get(webgpu))?.browser.isConnected()) started.set(webgpu, launchBrowser("tokenselect-test-", webgpu ? ["--enable-unsafe-webgpu"] : []));
  const { browser } = await started.get(webgpu);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  return { context, close: () => context.close() };
}
