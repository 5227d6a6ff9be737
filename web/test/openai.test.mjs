// The server's API as OpenAI's own client sees it. The server is one that runs
// the default model: TOKENSELECT_API is its address, as http://127.0.0.1:8080/v1,
// and TOKENSELECT_API_KEY one of its keys, if it has any. The test NpmClient of
// cmd/tokenselect/internal/server/pool starts one and runs this.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const baseURL = process.env.TOKENSELECT_API;
const apiKey = process.env.TOKENSELECT_API_KEY ?? "none";
const skip = baseURL ? false : "TOKENSELECT_API is not set";
const client = () => new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const people = "Felix Ellis is 64 years old. Ada Dixon keeps a fox at home. Peter Webb works as a pilot.";
const document = "It was a plain day. ".repeat(60) + people;

/**
 * @param {string} question
 * @param {string} [text]
 */
function ask(question, text = document) {
  return { model: "", max_tokens: 32, messages: [{ role: "user", content: `${text}\n\n${question}` }] };
}

test("lists models", { skip }, async () => {
  const models = await client().models.list();
  assert.ok(models.data.length > 0);
  const model = await client().models.retrieve(models.data[0].id);
  assert.equal(model.id, models.data[0].id);
  assert.ok(model.context_length >= 1024);
});

test("answers, and again from what was read", { skip }, async () => {
  const first = await client().chat.completions.create(ask("Which animal does Ada Dixon keep?"));
  assert.equal(first.choices[0].message.content, "Ada Dixon keeps a fox.");
  assert.equal(first.choices[0].finish_reason, "stop");
  assert.equal(first.usage.total_tokens, first.usage.prompt_tokens + first.usage.completion_tokens);
  const second = await client().chat.completions.create({
    ...ask("How old is Felix Ellis?"),
    messages: [{ role: "user", content: [{ type: "text", text: ask("How old is Felix Ellis?").messages[0].content }] }],
  });
  assert.match(second.choices[0].message.content, /64/);
  assert.ok(second.usage.prompt_tokens_details.cached_tokens >= 256);
});

test("streams", { skip }, async () => {
  const stream = await client().chat.completions.create({
    ...ask("Which animal does Ada Dixon keep?"), stream: true, stream_options: { include_usage: true },
  });
  let text = "";
  let pieces = 0;
  let finish = null;
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    pieces += chunk.choices[0]?.delta.content ? 1 : 0;
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "Ada Dixon keeps a fox.");
  assert.ok(pieces > 1);
  assert.equal(finish, "stop");
  assert.ok(usage.completion_tokens >= pieces);
});

test("the client's own reader of streams is content", { skip }, async () => {
  const runner = client().chat.completions.stream({ ...ask("Which animal does Ada Dixon keep?"), stop: ["fox"] });
  const done = await runner.finalChatCompletion();
  assert.equal(done.choices[0].message.content, "Ada Dixon keeps a ");
  assert.equal(done.choices[0].message.role, "assistant");
});

test("answers in JSON by a schema", { skip }, async () => {
  const schema = { type: "object", properties: { animal: { type: "string", enum: ["dog", "fox"] } }, required: ["animal"], additionalProperties: false };
  const response_format = { type: "json_schema", json_schema: { name: "animal", strict: true, schema } };
  const done = await client().chat.completions.create({ ...ask("Which animal does Ada Dixon keep?"), response_format });
  assert.deepEqual(JSON.parse(done.choices[0].message.content), { animal: "fox" });
  assert.equal(done.choices[0].finish_reason, "stop");
  const runner = client().chat.completions.stream({ ...ask("Which animal does Ada Dixon keep?"), response_format });
  assert.deepEqual(JSON.parse(await runner.finalContent()), { animal: "fox" });
  response_format.json_schema.schema = { not: {} };
  await assert.rejects(client().chat.completions.create({ ...ask("?"), response_format }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "response_format" && error.code === "invalid_schema");
});

test("errors are the client's", { skip }, async () => {
  const completions = client().chat.completions;
  await assert.rejects(completions.create({ ...ask("?"), model: "nothing" }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found" && error.param === "model");
  await assert.rejects(completions.create({ ...ask("?"), n: 2 }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "n" && error.type === "invalid_request_error");
  await assert.rejects(completions.create({ ...ask("?"), stream: true, temperature: 7 }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature");
});

test("a wrong key is refused", { skip: skip || (process.env.TOKENSELECT_API_KEY ? false : "the server has no keys") }, async () => {
  const stranger = new OpenAI({ baseURL, apiKey: "0123456789abcdef-wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (error) => error instanceof OpenAI.AuthenticationError && error.code === "invalid_api_key");
});

test("an answer can be aborted", { skip }, async () => {
  const stream = await client().chat.completions.create({ ...ask("Say much."), max_tokens: 1000, temperature: 2, seed: 1, stream: true });
  let pieces = 0;
  for await (const chunk of stream) {
    pieces += chunk.choices[0]?.delta.content ? 1 : 0;
    if (pieces === 2) break; // the client closes the connection
  }
  assert.equal(pieces, 2);
  const abort = new AbortController();
  const waiting = client().chat.completions.create(ask("Which animal does Ada Dixon keep?", "Another. ".repeat(4000)), { signal: abort.signal });
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(waiting, (error) => error instanceof OpenAI.APIUserAbortError);
  const after = await client().chat.completions.create(ask("Which animal does Ada Dixon keep?"));
  assert.equal(after.choices[0].message.content, "Ada Dixon keeps a fox.");
});
