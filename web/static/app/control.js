// The engine in the hands of the page: one at a time, with the document open in
// it, and brought back when its device or its server was lost.
import { load, models, probe, TokenselectError } from "../tokenselect.js";

/** @typedef {import("../tokenselect.js").Engine} Engine */

const LOST = new Set(["device_lost", "gone"]);
const RECOVERIES = 2; // in a row, without an answer between them

/** What the page is told: state, progress, opened, prefill, queued, layout, memory, connection, recovering, error. */
export class Control extends EventTarget {
  /** @type {"none" | "loading" | "ready" | "failed"} */
  state = "none";
  /** @type {Engine | null} */
  engine = null;
  /** @type {import("../tokenselect.js").Opened | null} of the open document */
  opened = null;
  /** What was asked of load. */
  wanted = { model: undefined, device: "auto", kv: undefined };
  /** Until then nothing is known of what to load. @type {Promise<void>} */
  begun = Promise.resolve();

  #text = null;
  #openOptions = {};
  #loading = null; // {abort, promise}
  #opening = null; // promise of the open document
  #turns = Promise.resolve(); // the engine takes one command at a time
  #recoveries = 0;
  #answer = null;
  #drop = () => {}; // gives up the answer that is running
  #broken = false; // the engine answers no more

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #become(state) {
    this.state = state;
    this.#tell("state", state);
  }

  models() { return models(); }
  probe() { return probe(); }

  get info() { return this.engine?.info ?? null; }
  get answering() { return this.#answer !== null; }

  /**
   * Loads a model, in place of the one there is. An engine that is loading is
   * given up.
   */
  load(wanted = {}) {
    this.cancel();
    Object.assign(this.wanted, wanted);
    const abort = new AbortController();
    const job = { abort, promise: null };
    job.promise = this.#load(abort.signal).finally(() => {
      if (this.#loading === job) this.#loading = null;
    });
    job.promise.catch(() => {}); // told as an event
    this.#loading = job;
    return job.promise;
  }

  /** Gives up loading. */
  cancel() {
    this.#loading?.abort.abort();
  }

  /** Frees the engine; nothing is loaded then, until a question needs what is wanted. */
  async unload(wanted = {}) {
    this.cancel();
    Object.assign(this.wanted, wanted);
    const before = this.#leave();
    this.#become("none");
    await before?.close();
  }

  /** Turns away from the engine, and returns it for closing. */
  #leave() {
    const before = this.engine;
    this.engine = null;
    this.opened = null;
    this.#opening = null;
    this.#turns = Promise.resolve();
    this.#broken = false;
    this.#drop();
    return before;
  }

  async #load(signal) {
    const before = this.#leave();
    this.#become("loading");
    try {
      await before?.close();
      const engine = await load({ ...this.wanted, signal, onProgress: (p) => { if (!signal.aborted) this.#tell("progress", p); } });
      if (signal.aborted) {
        await engine.close();
        signal.throwIfAborted();
      }
      this.engine = engine;
      this.#listen(engine);
      this.#become("ready");
    } catch (error) {
      if (!signal.aborted) {
        this.#become("failed");
        throw this.#failed(error);
      }
      if (this.#loading?.abort.signal === signal) this.#become("none");
      throw new TokenselectError("cancelled", "loading was cancelled");
    }
    if (this.#text !== null) await this.#open().catch(() => {}); // told as an event
  }

  #listen(engine) {
    for (const type of ["prefill", "queued", "layout", "memory", "connection"]) {
      engine.on(type, (detail) => { if (engine === this.engine) this.#tell(type, detail); });
    }
    engine.on("error", (error) => {
      if (engine !== this.engine) return;
      this.#broken = true;
      if (this.#answer) return; // which fails with the same error and deals with it
      if (this.#mayRecover(error)) this.#recover(error).catch(() => {});
      else this.#dead(error);
    });
  }

  #dead(error) {
    this.#become("failed");
    this.#failed(error);
  }

  #failed(error) {
    this.#tell("error", error);
    return error;
  }

  #mayRecover(error) {
    return LOST.has(error.code) && this.#recoveries < RECOVERIES;
  }

  /** Loads the same again; the document is opened with it. */
  async #recover(error) {
    this.#recoveries++;
    this.#tell("recovering", error);
    await this.load();
    this.#tell("recovering", null);
  }

  /**
   * Sets the document, now or when a model has been loaded.
   * @param {string | null} text
   * @param {{context?: number}} [options]
   */
  async document(text, options = {}) {
    this.#text = text;
    this.#openOptions = options;
    this.opened = null;
    if (text !== null && this.engine) await this.#open();
  }

  /** Does something with the engine when what was begun before has ended; not if the engine has been replaced by then. */
  #inTurn(act) {
    const { engine } = this;
    const turn = this.#turns.then(() => {
      if (engine !== this.engine) throw new TokenselectError("cancelled", "the engine was closed");
      return act(engine);
    });
    this.#turns = turn.catch(() => {});
    return turn;
  }

  /** @returns {Promise<import("../tokenselect.js").Opened>} */
  #open() {
    const engine = this.engine, text = this.#text;
    this.#answer?.stop();
    const opening = this.#inTurn(async () => {
      if (text !== this.#text) throw new TokenselectError("cancelled", "another document was opened");
      const opened = await engine.open(text, { ...this.#openOptions, selection: this.selection });
      if (engine === this.engine && text === this.#text) {
        this.opened = opened;
        this.#tell("opened", opened);
      }
      return opened;
    });
    this.#opening = opening;
    opening.catch((error) => {
      if (engine === this.engine && text === this.#text && error.code !== "cancelled") this.#failed(error);
    });
    return opening;
  }

  /** Opens the document again: a fresh conversation, or another size of it. */
  reopen(options = this.#openOptions) {
    return this.document(this.#text, options);
  }

  /** Policy and budgets of the next question. */
  selection = {};

  /** Changes them, and asks for the memory that they take when nothing is running. */
  async select(selection) {
    this.selection = selection;
    if (!this.engine) return;
    await this.#inTurn(async (engine) => {
      if (!this.opened || selection !== this.selection) return;
      const { memory, warning } = await engine.select(selection);
      if (engine !== this.engine || !this.opened) return;
      this.opened = { ...this.opened, memory, warning };
      this.#tell("opened", this.opened);
    }).catch((error) => {
      if (error.code !== "cancelled") this.#failed(error);
    });
  }

  /**
   * Asks, once everything is loaded and open. When the device or the session is
   * lost on the way, they are brought back and the question is asked again.
   * @param {string} question
   * @param {object} handlers
   * @param {() => void} handlers.begin the answer begins, or begins anew
   * @param {(piece: import("../tokenselect.js").Piece) => void} handlers.piece
   * @param {AbortSignal} signal stops
   * @returns {Promise<import("../tokenselect.js").Answer>}
   */
  async ask(question, { begin, piece }, signal) {
    for (;;) {
      begin();
      try {
        await unlessAborted(this.#ready(), signal);
        const answer = await this.#answerOnce(question, piece, signal);
        this.#recoveries = 0;
        return answer;
      } catch (error) {
        if (signal.aborted || !this.#mayRecover(error)) {
          if (this.#broken || LOST.has(error.code)) this.#become("failed");
          throw error;
        }
        await this.#recover(error);
      }
    }
  }

  /** Waits until the document is open in the engine that was wanted last. */
  async #ready() {
    await this.begun;
    while (!this.opened || this.state === "failed") {
      if (!this.#loading && (!this.engine || this.state === "failed")) this.load();
      const awaited = this.#loading?.promise ?? this.#opening ?? this.#open();
      try {
        await awaited;
      } catch (error) {
        const now = this.#loading?.promise ?? this.#opening;
        if (!now || now === awaited) throw error;
        // Another model, device or document was chosen: that one is waited for.
      }
    }
  }

  #answerOnce(question, piece, signal) {
    return this.#inTurn((engine) => {
      signal.throwIfAborted();
      return this.#follow(engine.ask(question, { trace: true, selection: this.selection, signal }), piece);
    });
  }

  /** Passes on the pieces of an answer until its end, or until the engine is replaced. */
  async #follow(answering, piece) {
    const dropped = new Promise((_, reject) => {
      this.#drop = () => reject(new TokenselectError("cancelled", "the engine was closed"));
    });
    dropped.catch(() => {});
    this.#answer = answering;
    try {
      const pieces = answering[Symbol.asyncIterator]();
      for (;;) {
        const { value, done } = await Promise.race([pieces.next(), dropped]);
        if (done) return await answering.done;
        piece(value);
      }
    } finally {
      this.#answer = null;
      this.#drop = () => {};
    }
  }

  stop() { this.#answer?.stop(); }
}

/** The promise's outcome, or an AbortError as soon as signal says so. */
function unlessAborted(promise, signal) {
  promise.catch(() => {});
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) return void abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
