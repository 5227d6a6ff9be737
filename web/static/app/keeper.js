// Keeps document, conversation and settings in the browser.
import * as storage from "../storage.js";

export class Keeper {
  /** @type {{model?: string, device?: string, policy?: string, k?: number}} the settings */
  kept = {};
  #failed;
  #last = Promise.resolve();

  /** @param {(error: Error) => void} failed is called once, when nothing can be kept */
  constructor(failed) {
    this.#failed = failed;
  }

  /** What was there when the page was last open. */
  async load() {
    try {
      const [document, turns, settings] = await Promise.all([storage.loadDocument(), storage.loadConversation(), storage.loadSettings()]);
      this.kept = settings;
      return { document, turns };
    } catch (error) {
      this.#fail(error);
      return { document: null, turns: [] };
    }
  }

  #fail(error) {
    this.#failed?.(error);
    this.#failed = null;
  }

  /** Writes go one after the other, so that the newest is the one that stays. */
  #write(act) {
    this.#last = this.#last.then(act).catch((error) => this.#fail(error));
  }

  document(document) {
    this.#write(() => storage.saveDocument(document));
  }

  conversation(turns) {
    const copy = structuredClone(turns);
    this.#write(() => storage.saveConversation(copy));
  }

  settings(changes) {
    Object.assign(this.kept, changes);
    const copy = { ...this.kept };
    this.#write(() => storage.saveSettings(copy));
  }
}
