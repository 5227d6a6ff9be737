import { Patience } from "./patience.js";

const PAUSES = [500, 1000, 2000, 4000, 8000];
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]); // answers that may be others in a moment

/** What a server sends is not the file any more that was begun. */
export class ChangedError extends Error {}

/** What may be mended by asking again. */
class PassingError extends Error {}

/**
 * The bytes of a URL from an offset on. When the connection breaks, or brings
 * nothing for a while, it asks for the rest, a few times in a row; a part that
 * brought something counts anew.
 * @param {object} options
 * @param {string} options.url
 * @param {number} options.from
 * @param {number} options.size of the whole file
 * @param {string | null} [options.etag] that what is here had
 * @param {(etag: string) => void} [options.onTag] is told the server's, before any bytes
 * @param {(trouble: string) => void} [options.onTrouble] before it is tried again
 * @param {AbortSignal} [options.signal]
 * @param {number[]} [options.pauses] milliseconds before each further try
 * @param {number} [options.stall] milliseconds without a byte after which a connection counts as broken
 * @yields {Uint8Array}
 * @throws {ChangedError} where the server has another file now
 */
export async function* bytesFrom({ url, from, size, etag = null, onTag, onTrouble, signal, pauses = PAUSES, stall }) {
  let at = from;
  for (let tries = 0; at < size;) {
    try {
      for await (const chunk of once({ url, at, size, etag, onTag, signal, stall })) {
        at += chunk.length;
        tries = 0;
        yield chunk;
      }
      if (at < size) throw new PassingError(`the connection ended after ${at} of ${size} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      // fetch says TypeError where the network fails.
      if (!(error instanceof TypeError || error instanceof PassingError)) throw error;
      if (tries >= pauses.length) throw new Error(`${url}: ${error.message}; ${at} of ${size} bytes are here`, { cause: error });
      onTrouble?.(error.message);
      await pause(pauses[tries++], signal);
    }
  }
}

async function* once({ url, at, size, etag, onTag, signal, stall }) {
  const patience = new Patience(signal, stall);
  try {
    // A condition (If-Range) would need the server's leave to be sent from
    // another site; so the answer is compared.
    const response = await patience.over(() => fetch(url, { signal: patience.signal, headers: at > 0 ? { Range: `bytes=${at}-` } : {} }));
    const skip = skipOf(response, { url, at, size, etag });
    const tag = response.headers.get("ETag");
    if (tag) onTag?.(tag);
    yield* rest(response, { url, left: size - at, size, skip, patience });
  } finally {
    patience.end(); // which ends a connection that is still open, too
  }
}

/** How many bytes of an answer are here already. Throws where it is no answer to go on with. */
function skipOf(response, { url, at, size, etag }) {
  if (PASSING.has(response.status)) throw new PassingError(`the server answers ${response.status}`);
  if (response.status === 416) throw new ChangedError(`${url}: the server has no bytes from ${at} on, expected ${size} in all`);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status} ${response.statusText}`.trim());
  const tag = response.headers.get("ETag");
  if (etag && tag && tag !== etag) throw new ChangedError(`${url}: found the version ${tag}, expected ${etag}`);
  if (response.status !== 206) return at; // a server without Range sends all of it again
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "");
  if (range && (Number(range[1]) !== at || (range[2] !== "*" && Number(range[2]) !== size))) {
    throw new ChangedError(`${url}: found "${range[0]}", expected bytes from ${at} of ${size}`);
  }
  return 0;
}

async function* rest(response, { url, left, size, skip, patience }) {
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await patience.over(() => reader.read());
    if (done) return;
    const chunk = value.subarray(Math.min(skip, value.length));
    skip -= value.length - chunk.length;
    if (chunk.length > left) throw new ChangedError(`${url}: found more than ${size} bytes, expected ${size}`);
    left -= chunk.length;
    if (chunk.length > 0) yield chunk;
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}
