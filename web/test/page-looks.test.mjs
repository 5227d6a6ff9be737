// The page for everybody: with the keyboard alone, on narrow screens, in the dark.
import assert from "node:assert/strict";
import { DEADLINE, answer, example, idle, inPage, marked } from "./page/in-page.mjs";
import { looks, sourceInSight } from "./page/looks.mjs";

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
    assert.match(await page.textContent("#welcome"), /Ask about the document/);
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
