import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { examples } from "../static/documents/examples.js";

// The default model was asked every question about these very texts, in several
// orders. A text that changes has to be tried again (tokenselect run -file).
const now = Object.fromEntries(examples.map(({ id, make }) => [id, createHash("sha256").update(make().text).digest("hex").slice(0, 16)]));

test("the examples are the texts that the default model was tried with", () => {
  assert.deepEqual(now, { note: "665cf35db9e92d30", town: "ebb97116b4c43b6a", chronicle: "96fb285b3060db86" });
});

test("an example asks for what stands in it once", () => {
  for (const { id, make, tokens } of examples) {
    const { name, text, questions } = make();
    assert.match(name, /\.txt$/);
    assert.ok(text.length > 3.5 * tokens && text.length < 5 * tokens, `${id}: ${text.length} characters for ${tokens} tokens`);
    assert.ok(questions.length >= 4);
    for (const { question, answer } of questions) {
      const person = /[A-Z][a-z]+ [A-Z][a-z]+/.exec(question)?.[0];
      const value = /(\w+)\.$/.exec(answer.replace(" in the box", ""))[1];
      if (person) assert.equal(text.split(person).length, 2, `${id}: ${person}`);
      assert.ok(text.includes(value), `${id}: ${value}`);
    }
  }
});
