// Reads a recording apart from the page, so that the page stays fluid.
import { read } from "./read-recording.js";

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

onmessage = async ({ data: source }) => {
  const name = source instanceof Blob ? source.name ?? "the file" : new URL(source).pathname.split("/").pop();
  try {
    postMessage((await read(await bytesOf(source))).parts());
  } catch (error) {
    postMessage({ error: `${name}: ${error.message}` });
  }
};
