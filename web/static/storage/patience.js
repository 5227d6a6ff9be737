const STALL = 30_000;

/** Waits for the parts of one request, but not for ever. */
export class Patience {
  #abort = new AbortController();
  #given;
  #milliseconds;
  #cancel = () => this.#abort.abort(this.#given.reason);

  /**
   * @param {AbortSignal} [signal] ends it early
   * @param {number} [milliseconds] how long each part may take
   */
  constructor(signal, milliseconds = STALL) {
    this.#given = signal;
    this.#milliseconds = milliseconds;
    if (signal?.aborted) this.#cancel();
    signal?.addEventListener("abort", this.#cancel, { once: true });
  }

  /** For fetch. */
  get signal() {
    return this.#abort.signal;
  }

  /**
   * A part of the request. What its reader does between two of them takes none
   * of the server's time.
   * @template T
   * @param {() => Promise<T>} act
   * @returns {Promise<T>} fails with a TypeError, as a network that fails does, when it takes too long
   */
  async over(act) {
    const { signal } = this.#abort;
    const timer = setTimeout(() => this.#abort.abort(new TypeError(`nothing came for ${this.#milliseconds / 1000} s`)), this.#milliseconds);
    try {
      return await act();
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the request, if it is not over. */
  end() {
    this.#given?.removeEventListener("abort", this.#cancel);
    this.#abort.abort();
  }
}
