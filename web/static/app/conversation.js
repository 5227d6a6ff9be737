// The conversation: questions go out, answers stream in, and lead back to the
// document.
import { AnswerView } from "./answer-view.js";
import { Sources } from "./attention.js";
import { byId, eachFrame, element, say } from "./dom.js";

/** @typedef {import("./answer-view.js").Turn} Turn */

export class Conversation {
  /** @type {Turn[]} */
  turns = [];
  #views = [];
  #page;
  #running = null; // {abort, turn, sources}
  #fresh = false;
  #near = null; // was the end in sight before this frame's tokens? null: none came yet
  #follow = eachFrame(() => {
    if (this.#near) this.#toEnd();
    this.#near = null;
  });

  /**
   * @param {object} page
   * @param {import("./control.js").Control} page.control
   * @param {() => string} page.document its text; "" where there is none
   * @param {(source: {start: number, end: number} | null, found: boolean) => void} page.go to a place in the document
   * @param {{begin(): void, piece(p: object): void, end(answer: object | null): void}} page.watch
   * @param {(error: Error, again: () => void) => void} page.failed
   * @param {() => void} page.changed turns are to be kept
   */
  constructor(page) {
    this.#page = page;
    const question = byId("question");
    byId("form").onsubmit = (event) => {
      event.preventDefault();
      this.ask(question.value);
    };
    question.onkeydown = (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.ask(question.value);
    };
    byId("stop").onclick = () => this.stop();
    byId("clear").onclick = () => this.startAnew();
    page.control.addEventListener("layout", ({ detail }) => {
      if (this.#running) this.#running.sources = new Sources(page.document(), detail);
      this.#layout = detail;
    });
  }

  #layout = null; // of the document in the cache

  get running() { return this.#running !== null; }

  /** Stops the answer, in reading or writing. */
  stop() {
    this.#running?.abort.abort();
    this.#page.control.stop();
  }

  /** Shows turns that were kept; the engine knows nothing of them. */
  restore(turns) {
    this.turns = turns;
    this.#views = turns.map((turn) => this.#show(turn));
    this.#fresh = turns.length > 0;
    this.#refresh();
  }

  /** Another document: the turns about the one before go. */
  reset() {
    this.stop();
    this.#running = null;
    this.turns = [];
    this.#views = [];
    this.#layout = null;
    this.#fresh = false;
    byId("turns").replaceChildren();
    this.#refresh();
  }

  /** The same document, nothing asked. */
  async startAnew() {
    this.reset();
    this.#page.changed();
    await this.#page.control.reopen().catch(() => {});
    byId("question").focus();
  }

  /** What the engine remembers of the turns is gone; the document is read anew. */
  forgotten() {
    this.#layout = null;
    if (this.#running) this.#running.turn.fresh = this.turns.length > 1;
    else this.#fresh = this.turns.length > 0;
  }

  #show(turn) {
    const view = new AnswerView(turn, (of, token) => this.#go(of, token));
    byId("answer")?.removeAttribute("id");
    view.frame.id = "answer";
    byId("turns").append(view.node);
    return view;
  }

  #go(turn, token) {
    let source = token === undefined ? turn.source : turn.sources?.[token];
    if (this.#running?.turn === turn) source = this.#running.sources?.find(token);
    this.#page.go(source ?? turn.source ?? null, Boolean(source ?? turn.source));
  }

  async ask(text) {
    const question = text.trim();
    if (question === "" || this.#running) return;
    if (this.#page.document() === "") {
      say("There is no document yet.");
      this.#page.failed(Object.assign(new Error("no document"), { code: "no_document" }), () => {});
      return;
    }
    byId("question").value = "";
    const turn = { question, tokens: [], policy: byId("policy").selectedOptions[0].textContent, selection: { ...this.#page.control.selection } };
    if (this.#fresh) turn.fresh = true;
    this.#fresh = false;
    const view = this.#show(turn);
    this.turns.push(turn);
    this.#views.push(view);
    const run = { abort: new AbortController(), turn, sources: null };
    this.#running = run;
    this.#refresh();
    await this.#answer(run, view);
    this.#page.changed();
  }

  async #answer(run, view) {
    const { turn } = run, { watch, control, document } = this.#page;
    let answer = null;
    const begin = () => {
      run.sources = this.#layout && new Sources(document(), this.#layout);
      view.begin();
      watch.begin();
      this.#toEnd();
    };
    const piece = (p) => {
      this.#near ??= this.#nearEnd(); // a look lays the page out: once a frame, not for every token
      view.push(p.text);
      run.sources?.add(p.text, p.step);
      watch.piece(p);
      this.#follow();
    };
    try {
      answer = await control.ask(turn.question, { begin, piece }, run.abort.signal);
      turn.reason = answer.reason;
      turn.stats = answer.stats;
    } catch (error) {
      turn.reason = run.abort.signal.aborted || error.code === "cancelled" ? "stopped" : "error";
      if (turn.reason === "error" && this.#running === run) this.#page.failed(error, () => this.#again(run.turn));
    }
    if (run.sources && run.sources.length > 0) {
      turn.source = place(run.sources.find());
      turn.sources = turn.tokens.map((_, i) => place(run.sources.find(i)));
    }
    view.end();
    if (this.#running !== run) return; // another document has come
    this.#running = null;
    this.#refresh();
    this.#toEnd();
    watch.end(answer);
  }

  /** Asks once more what no answer came to. */
  #again(turn) {
    const i = this.turns.indexOf(turn);
    if (i >= 0 && turn.tokens.length === 0) {
      this.turns.splice(i, 1);
      this.#views.splice(i, 1)[0].node.remove();
      this.#fresh &&= this.turns.length > 0;
    }
    this.ask(turn.question);
  }

  #nearEnd() {
    const scroll = byId("scroll");
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  }

  #toEnd() {
    const scroll = byId("scroll");
    scroll.scrollTop = scroll.scrollHeight;
  }

  /** @param {string[]} questions */
  suggest(questions) {
    byId("suggestions").replaceChildren(...questions.map((question) =>
      element("button", { type: "button", textContent: question, onclick: () => this.ask(question) })));
  }

  #refresh() {
    byId("stop").hidden = !this.running;
    byId("ask").hidden = this.running;
    byId("clear").hidden = this.turns.length === 0 || this.running;
    byId("welcome").hidden = this.turns.length > 0;
    for (const button of byId("suggestions").children) button.disabled = this.running;
  }
}

const place = (found) => found && { start: found.start, end: found.end };
