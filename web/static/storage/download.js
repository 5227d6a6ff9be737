const PAUSES = [500, 1000, 2000, 4000];

/**
 * The bytes of a URL from an offset on. When the connection breaks it asks for
 * the rest, a few times in a row; a part that brought something counts anew.
 * @param {{url: string, from: number, size: number, signal?: AbortSignal, pauses?: number[]}} options
 * size: of the whole file; pauses: milliseconds before each further try
 * @yields {Uint8Array}
 */
export async function* bytesFrom({ url, from, size, signal, pauses = PAUSES }) {
  let at = from;
  for (let tries = 0; at < size;) {
    try {
      for await (const chunk of once(url, at, size, signal)) {
        at += chunk.length;
        tries = 0;
        yield chunk;
      }
      if (at < size) throw new TypeError(`the connection ended after ${at} of ${size} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      // fetch says TypeError where the network fails; all else stays as it is.
      if (!(error instanceof TypeError) || tries >= pauses.length) {
        throw error instanceof TypeError ? new Error(`${url}: ${error.message}; ${at} of ${size} bytes are here`, { cause: error }) : error;
      }
      await pause(pauses[tries++], signal);
    }
  }
}

async function* once(url, at, size, signal) {
  const response = await fetch(url, { signal, headers: at > 0 ? { Range: `bytes=${at}-` } : {} });
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status} ${response.statusText}`.trim());
  let skip = at;
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("Content-Range") ?? "");
    if (range && (Number(range[1]) !== at || (range[2] !== "*" && Number(range[2]) !== size))) {
      await response.body.cancel();
      throw new Error(`${url}: found "${range[0]}", expected bytes from ${at} of ${size}`);
    }
    skip = 0;
  }
  const reader = response.body.getReader();
  let left = size - at;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // A server without Range sends all of it again.
      const chunk = value.subarray(Math.min(skip, value.length));
      skip -= value.length - chunk.length;
      if (chunk.length > left) throw new Error(`${url}: found more than ${size} bytes, expected ${size}`);
      left -= chunk.length;
      if (chunk.length > 0) yield chunk;
    }
  } finally {
    await reader.cancel().catch(() => {});
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
