// Reads a recording from a stream of bytes.
import { event, header } from "./decode.js";
import { Run } from "./run.js";

/** The most text that a recording, and a line of one, unpack to: many times what they should have. */
const MOST = 128e6, LONGEST = 16e6;

/**
 * The lines, unpacked where they are packed: a server may have done that already.
 * One after the other: a small file can unpack to more than there is memory for.
 */
async function* lines(stream) {
  const reader = stream.getReader();
  const first = []; // pieces until the two bytes that tell whether it is packed
  let magic = [];
  while (magic.length < 2) {
    const { value, done } = await reader.read();
    if (done) break;
    first.push(value);
    magic = [...magic, ...value.subarray(0, 2)];
  }
  let rest = new ReadableStream({
    start: (c) => first.forEach((piece) => c.enqueue(piece)),
    async pull(c) {
      const { value, done } = await reader.read();
      if (done) c.close();
      else c.enqueue(value);
    },
    cancel: (why) => reader.cancel(why),
  });
  if (magic[0] === 0x1f && magic[1] === 0x8b) rest = rest.pipeThrough(new DecompressionStream("gzip"));
  const decoder = new TextDecoder("utf-8", { fatal: true }), unpacked = rest.getReader();
  const decode = (bytes) => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch {
      throw new Error("the file is no text, expected lines of JSON");
    }
  };
  let size = 0, line = [], long = 0, number = 1;
  const grow = (piece) => {
    long += piece.length;
    if (long > LONGEST) throw new Error(`line ${number} is longer than ${LONGEST / 1e6} MB, expected a line of a recording`);
    line.push(piece);
  };
  for (;;) {
    let next;
    try {
      next = await unpacked.read();
    } catch (error) {
      throw new Error(`the file cannot be unpacked: ${error.message || "it is cut off or damaged"}`);
    }
    size += next.value?.length ?? 0;
    if (size > MOST) throw new Error(`more than ${MOST / 1e6} MB of text, expected a recording`);
    const pieces = decode(next.value).split("\n"), last = pieces.pop();
    for (const piece of pieces) {
      grow(piece);
      yield line.join("");
      line = [];
      long = 0;
      number++;
    }
    grow(last);
    if (next.done) break;
  }
  if (long > 0) yield line.join("");
}

function parse(line, number) {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`line ${number} is ${line.length > 40 ? `${JSON.stringify(line.slice(0, 40))}…` : JSON.stringify(line)}, expected JSON`);
  }
}

/** @param {ReadableStream<Uint8Array>} stream @returns {Promise<Run>} */
export async function read(stream) {
  let run = null, number = 0;
  for await (const line of lines(stream)) {
    const parsed = parse(line, ++number);
    if (!run) {
      run = new Run(header(parsed));
      continue;
    }
    try {
      event(parsed);
      run.push(parsed);
    } catch (error) {
      throw new Error(`line ${number}: ${error.message}`);
    }
  }
  if (!run) throw new Error("the file is empty, expected a recording");
  if (run.steps.length === 0) throw new Error("there is no step in it, expected tokens of an answer with what was attended to");
  return run;
}
