// Errors and notices, with the buttons that mend them.
import { hide, show } from "./cards.js";
import { duration } from "./format.js";
import { BROWSERS, explain } from "./words.js";

const SLOW = 60; // seconds of reading from which on the server's engine is offered
const ROOM = 1024; // tokens for questions and answers in a context made small

export class Remedies {
  #page;
  #smaller = false; // the context has been made smaller already
  #unkept = ""; // the reason that was told last

  /**
   * @param {object} page
   * @param {import("./control.js").Control} page.control
   * @param {import("./setup.js").Setup} page.setup
   * @param {import("./conversation.js").Conversation} page.conversation
   * @param {() => void} page.halve keeps the first half of the document
   */
  constructor(page) {
    this.#page = page;
    const { control } = page;
    control.addEventListener("error", ({ detail }) => this.error(detail));
    control.addEventListener("recovering", ({ detail }) => this.#recovering(detail));
    control.addEventListener("connection", ({ detail }) => this.#connection(detail));
    control.addEventListener("progress", ({ detail }) => this.#progress(detail));
    control.addEventListener("opened", ({ detail }) => this.#opened(detail));
    control.addEventListener("state", () => this.#state());
  }

  #device(name) {
    this.#page.setup.device = name;
    this.#page.setup.load();
  }

  /** @param {Error & {code?: string, hint?: string}} error */
  error(error, again) {
    if (error.code === "cancelled" || error.name === "AbortError") return;
    if (error.code === "no_document") {
      show("notice", "document", { title: "There is no document yet", text: "Drop one, paste text, or take an example; then ask." });
      return;
    }
    hide("notice", "recovering");
    const where = this.#page.setup.device === "server" ? "server" : "browser";
    const { title, text, remedies } = explain(error, { where });
    const buttons = remedies.filter((name) => this.#applies(name)).map((name) => this.#button(name, again));
    hide("error");
    show("error", error.code ?? "internal", { title, text, detail: error.message, buttons });
  }

  #applies(name) {
    const { control, setup } = this.#page;
    if (name === "cpu") return setup.device !== "cpu" && control.info?.device !== "cpu";
    if (name === "server") return setup.device !== "server";
    if (name === "context") return !this.#smaller && control.opened;
    return true;
  }

  #button(name, again) {
    const { control, setup, conversation, halve } = this.#page;
    switch (name) {
      case "cpu": return { label: "Use the CPU", act: () => this.#device("cpu") };
      case "server": return { label: "Use the server", act: () => this.#device("server") };
      case "browser": return { label: "Use this browser", act: () => this.#device("auto") };
      case "fresh": return { label: "Begin a fresh conversation", act: () => conversation.startAnew() };
      case "again": return { label: "Ask again", act: () => again?.() };
      case "half": return { label: "Keep the first half of the document", act: halve };
      case "context": return {
        label: "Use a smaller context",
        act: async () => {
          this.#smaller = true;
          conversation.forgotten();
          await control.reopen({ context: control.opened.tokens + ROOM }).catch(() => {});
          again?.();
        },
      };
    }
    return {
      label: again ? "Load again and ask" : "Load again",
      act: async () => {
        await setup.load();
        if (control.state === "ready") again?.();
      },
    };
  }

  #recovering(error) {
    if (!error) {
      hide("notice", "recovering");
      return;
    }
    this.#page.conversation.forgotten();
    show("notice", "recovering", error.code === "gone"
      ? { title: "The server has forgotten this session", text: "A new one is begun and goes on from the document.", dismiss: false }
      : this.#page.setup.device === "server"
      ? { title: "The server has lost its device", text: "It opens it again, or another one, and goes on from the document.", detail: error.message, dismiss: false }
      : { title: "The GPU was lost", text: "Its driver or the browser has reset it. It is being loaded again, and goes on from the document.", detail: error.message, dismiss: false });
  }

  #progress({ unkept }) {
    if (!unkept || unkept === this.#unkept) return;
    this.#unkept = unkept;
    show("notice", "unkept", {
      title: "This browser does not keep the model",
      text: "It works all the same, but is fetched again each time, and the page does not work offline.",
      detail: unkept,
    });
  }

  #connection({ state, attempt, message }) {
    if (state !== "lost") {
      hide("error", "connection");
      return;
    }
    show("error", "connection", {
      title: "The connection to the server is lost: reconnecting",
      text: `Attempt ${attempt}. The server keeps the answer for a minute, and sends what is missing.`,
      detail: message,
      buttons: [{ label: "Use this browser", act: () => this.#device("auto") }],
      dismiss: false,
    });
  }

  #state() {
    const { control, setup } = this.#page;
    if (control.state === "loading") hide("error");
    if (control.state !== "ready") return;
    if (setup.device === "auto" && control.info.device === "cpu" && control.info.where === "browser") this.#noGPU(control.info);
    else hide("notice", "gpu");
  }

  async #noGPU({ why }) {
    const { webgpu, software } = await this.#page.control.probe().catch(() => ({}));
    show("notice", "gpu", {
      title: "The CPU does the work here",
      text: webgpu ? (software ? "The only GPU here is a software one, which is slower than the CPU." : "There is WebGPU, but the engine could not use it.") : `No GPU was found. ${BROWSERS}`,
      detail: why,
    });
  }

  /** Is this document too slow to read here, and is there something better? */
  async #opened({ tokens, warning }) {
    const { control } = this.#page;
    hide("notice", "slow");
    hide("notice", "warning");
    if (warning) show("notice", "warning", { title: "A word of caution", text: warning });
    const { info } = control;
    const seconds = info?.rate > 0 ? tokens / info.rate : 0;
    if (info?.where !== "browser" || seconds < SLOW) return;
    const server = await hasEngine();
    if (control.info !== info || control.opened?.tokens !== tokens) return;
    show("notice", "slow", {
      title: `Reading this document takes about ${duration(seconds)} on this ${info.device === "cpu" ? "CPU" : "device"}`,
      text: server ? "The server's engine may be faster. With it, the document and the questions go to the server." : "It is read once; further questions cost only their own words. A shorter document takes less.",
      buttons: server ? [{ label: "Use the server", act: () => this.#device("server") }] : [],
    });
  }

  /** Another document: what was said about the one before is void. */
  reset() {
    this.#smaller = false;
    hide("error");
    for (const name of ["slow", "warning", "document"]) hide("notice", name);
  }
}

/** Whether the site has an engine of its own, and not just files. */
async function hasEngine() {
  try {
    const response = await fetch(new URL("../healthz", import.meta.url), { cache: "no-store" });
    return response.ok && /json|plain/.test(response.headers.get("content-type") ?? "");
  } catch {
    return false;
  }
}
