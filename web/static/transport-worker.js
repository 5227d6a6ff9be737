// The engine in a worker of this page.

export class WorkerTransport {
  #worker;

  /** @param {URL} url the worker's script */
  constructor(url, { event, failure }) {
    this.#worker = new Worker(script(url), { type: "module", name: "tokenselect" });
    this.#worker.onmessage = ({ data }) => event(data);
    this.#worker.onerror = (e) => {
      e.preventDefault();
      failure({ code: "internal", message: `the engine's worker failed: ${e.message || "its script could not be loaded"}`, hint: "Reload the page; the document is kept." });
    };
  }

  /** Absent fields go unsaid: the engine refuses what it does not know. A file may be a Blob, of which JSON knows nothing. */
  send({ file, ...command }) {
    const said = JSON.parse(JSON.stringify(command));
    this.#worker.postMessage(file ? { ...said, file } : said);
  }

  close() { this.#worker.terminate(); }
}

/** Browsers start workers of the page's own origin only, but those may import from elsewhere. */
function script(url) {
  if (url.origin === location.origin) return url;
  return URL.createObjectURL(new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" }));
}
