// What a person does with the page, for tests that drive it with the real engine.

const PATIENCE = { timeout: 280_000, polling: 100 };

/** A tab that remembers what went wrong in it. */
export async function visit(context, url) {
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints };
}

export const drop = (page, name, text) => page.setInputFiles("#file", { name, mimeType: "text/plain", buffer: Buffer.from(text) });

export const ready = (page) => page.waitForFunction(() => globalThis.tokenselectPage?.state().engine === "ready", null, PATIENCE);

/** Waits for something that the page says anywhere in an element. */
export const says = (page, selector, text) => page.waitForFunction(([selector, text]) => document.querySelector(selector)?.textContent.includes(text), [selector, text], PATIENCE)
  .catch(async (error) => { throw new Error(`${error.message}; ${selector} says "${await page.textContent(selector)}", expected "${text}"`); });

export async function ask(page, question) {
  await page.fill("#question", question);
  await page.click("#ask");
}

/** The last answer, once it has ended. */
export async function answer(page) {
  await page.waitForFunction(() => !tokenselectPage.state().answering, null, PATIENCE);
  return (await page.textContent("#answer .answer")).trim();
}

/** Waits until the answer that is running is being read. */
export const reading = (page) => page.waitForFunction(() => {
  const [, done] = /Reading: ([\d,]+) of/.exec(document.querySelector("#progress-label").textContent) ?? [];
  return document.querySelector("#progress").hidden ? false : Number(done?.replaceAll(",", "")) > 0;
}, null, PATIENCE);

/** Waits until the browser keeps the conversation with that many answers. */
export const kept = (page, answers) => page.waitForFunction(async (answers) => {
  const { loadConversation } = await import("./storage.js");
  return (await loadConversation()).filter((turn) => turn.reason).length === answers;
}, answers, PATIENCE);
