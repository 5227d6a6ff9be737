// Stands between a browser and a server, as a bad line does.
import { connect, createServer } from "node:net";

/**
 * @param {string} target URL of the server
 * @returns {Promise<{url: string, swallow(): Promise<void>, cut(): void, close(): Promise<void>}>}
 * swallow: what browsers say from now on over connections that there are gets
 * lost; the promise is kept when something has. cut: breaks all connections.
 */
export async function proxy(target) {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  let swallowed = () => {};
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const pair = { near, far, deaf: false };
    pairs.add(pair);
    near.on("data", (data) => {
      if (pair.deaf) swallowed();
      else far.write(data);
    });
    far.on("data", (data) => near.write(data));
    for (const socket of [near, far]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
    }
  });
  const cut = () => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    swallow() {
      for (const pair of pairs) pair.deaf = true;
      return new Promise((resolve) => { swallowed = resolve; });
    },
    cut,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      cut();
    }),
  };
}
