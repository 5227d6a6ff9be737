// The page on the server's engine, and a server that dies in an answer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { golden, launch, skip, start } from "./real.mjs";
import { answer, ask, drop, reading, ready, says, visit } from "./visitor.mjs";

test("the server is killed in an answer: the page says so, and goes on when it is back", { skip, timeout: 120_000 }, async (t) => {
  const { document, questions, answers } = golden("facts-10956");
  let server = await start();
  t.after(() => server.stop("SIGKILL"));
  const browser = await launch();
  t.after(() => browser.close());
  const { page, complaints } = await visit(browser.context, server.url);
  await page.selectOption("#device", "server");
  await ready(page);
  await drop(page, "facts.txt", document);
  await says(page, "#document-facts", "10,9");
  await says(page, "#privacy", "go to the server");
  await ask(page, questions[0]);
  await reading(page);
  await server.stop("SIGKILL");
  await says(page, "#error", "The connection to the server is lost: reconnecting");
  server = await start(new URL(server.url).host);
  // The new server knows nothing of the session: the page begins another one,
  // reads the document again and asks again.
  assert.equal(await answer(page), answers[0]);
  assert.equal(await page.textContent("#error"), "");
  assert.match(await page.textContent("#figure-where"), /^server/);
  assert.equal(await page.locator(".turn").count(), 1);
  await ask(page, questions[1]);
  assert.equal(await answer(page), answers[1]);
  assert.deepEqual(complaints, []);
});
