// Reads a recording apart from the page, so that the page stays fluid.
import { header } from "./decode.js";
import { Run } from "./run.js";

/** The most text that a recording unpacks to: many times what one should have. */
const MOST = 256e6;

async function bytesOf(source) {
  if (source instanceof Blob) return source.stream();
  let response;
  try {
    response = await fetch(source);
  } catch (error) {
    throw new Error(`cannot be fetched: ${error.message}`);
  }
  if (!response.ok) throw new Error(`the server answers ${response.status}, expected a recording`);
  return response.body;
}

/** The text, unpacked where it is packed: a server may have done that already. */
async function text(stream) {
  const reader = stream.getReader();
  let head = new Uint8Array(0);
  while (head.length < 2) {
    const { value, done } = await reader.read();
    if (done) break;
    head = new Uint8Array([...head, ...value]);
  }
  let rest = new ReadableStream({
    start: (c) => { if (head.length > 0) c.enqueue(head); },
    async pull(c) {
      const { value, done } = await reader.read();
      if (done) c.close();
      else c.enqueue(value);
    },
    cancel: (why) => reader.cancel(why),
  });
  if (head[0] === 0x1f && head[1] === 0x8b) rest = rest.pipeThrough(new DecompressionStream("gzip"));
  const decoder = new TextDecoder("utf-8", { fatal: true }), parts = [];
  let size = 0;
  const unpacked = rest.getReader();
  for (;;) {
    let next;
    try {
      next = await unpacked.read();
    } catch (error) {
      throw new Error(`the file cannot be unpacked: ${error.message || "it is cut off or damaged"}`);
    }
    if (next.done) break;
    size += next.value.length;
    if (size > MOST) throw new Error(`more than ${MOST / 1e6} MB of text, expected a recording`);
    try {
      parts.push(decoder.decode(next.value, { stream: true }));
    } catch {
      throw new Error("the file is no text, expected lines of JSON");
    }
  }
  return parts.join("");
}

function parse(line, number) {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${number} is ${line.length > 40 ? `${JSON.stringify(line.slice(0, 40))}…` : JSON.stringify(line)}, expected JSON`);
  }
}

function read(all) {
  const lines = all.split("\n");
  if (lines[lines.length - 1] === "") lines.pop();
  if (lines.length === 0) throw new Error("the file is empty, expected a recording");
  const run = new Run(header(parse(lines[0], 1)));
  for (let i = 1; i < lines.length; i++) {
    const event = parse(lines[i], i + 1);
    try {
      run.push(event);
    } catch (error) {
      throw new Error(`line ${i + 1}: ${error.message}`);
    }
  }
  if (run.steps.length === 0) throw new Error("there is no step in it, expected tokens of an answer with what was attended to");
  return run.parts();
}

onmessage = async ({ data: source }) => {
  const name = source instanceof Blob ? source.name ?? "the file" : new URL(source).pathname.split("/").pop();
  try {
    postMessage(read(await text(await bytesOf(source))));
  } catch (error) {
    postMessage({ error: `${name}: ${error.message}` });
  }
};
