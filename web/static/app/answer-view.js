// One question and its answer, each token of which leads to where it was read, and
// the answer to the explorer, which asks again and shows every step.
import { element } from "./dom.js";
import { count, rate } from "./format.js";

/**
 * A turn of the conversation, as it is kept.
 * @typedef {object} Turn
 * @property {string} question
 * @property {string[]} tokens texts of the answer's tokens
 * @property {({start: number, end: number} | null)[]} [sources] by token, offsets in the document
 * @property {{start: number, end: number} | null} [source] of the whole answer
 * @property {string} [reason]
 * @property {import("../tokenselect.js").Stats} [stats]
 * @property {string} [policy]
 * @property {{policy: string, k: number}} [selection] with which it was asked
 * @property {boolean} [fresh] the engine had no memory of the turns before this one
 */

/** Where the explorer asks it again, recorded, with the document that the browser keeps. */
function explorerOf({ question, selection }) {
  return `explore.html#${new URLSearchParams({ ask: question, ...selection })}`;
}

const ENDS = { length: "cut off at the longest answer", context: "cut off: the context is full", stopped: "stopped", error: "broken off" };

export class AnswerView {
  /** @type {HTMLElement} */
  node;
  #answer;
  #foot;
  #turn;
  #go;
  #current = -1;

  /**
   * @param {Turn} turn
   * @param {(turn: Turn, token: number | undefined) => void} go to the source of a token, or of the answer
   */
  constructor(turn, go) {
    this.#turn = turn;
    this.#go = go;
    this.#answer = element("div", { className: "answer" });
    this.#answer.setAttribute("aria-live", "polite");
    this.#answer.setAttribute("aria-label", "Answer");
    this.#foot = element("p", { className: "turn-foot" });
    this.node = element("li", { className: "turn" });
    this.node.append(element("p", { className: "asked", textContent: turn.question }), element("div", {}, this.#answer), this.#foot);
    this.#answer.onclick = (event) => this.#click(event);
    this.#answer.onkeydown = (event) => this.#key(event);
    this.#divide();
    turn.tokens.forEach((text) => this.#append(text));
    if (turn.reason) this.end();
  }

  /** The element around the answer's text. */
  get frame() {
    return this.#answer.parentElement;
  }

  #divide() {
    if (!this.#turn.fresh || this.node.firstElementChild.className === "divider") return;
    this.node.prepend(element("p", { className: "divider", textContent: "the model begins anew and does not remember what is above" }));
  }

  /** The answer begins, or begins anew. */
  begin() {
    this.#divide();
    this.#turn.tokens.length = 0;
    this.#answer.replaceChildren(element("span", { className: "waiting", textContent: "…" }));
    this.#answer.setAttribute("aria-busy", "true");
    this.#foot.replaceChildren();
    this.#sourced(false);
  }

  push(text) {
    if (this.#turn.tokens.length === 0) this.#answer.replaceChildren();
    this.#turn.tokens.push(text);
    this.#append(text);
    this.#sourced(true);
  }

  #append(text) {
    const begins = this.#answer.childElementCount === 0; // with the blank between words, often
    this.#answer.append(element("span", { className: "t", textContent: begins ? text.trimStart() : text }));
  }

  #sourced(yes) {
    this.#answer.classList.toggle("sourced", yes);
    if (yes) {
      this.#answer.tabIndex = 0;
      this.#answer.title = "Click a word to see where it was read";
      this.#answer.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight Enter");
    } else {
      this.#answer.removeAttribute("tabindex");
      this.#answer.removeAttribute("title");
    }
  }

  /** The answer has ended; the turn says how. */
  end() {
    const { tokens, reason, stats, policy, source } = this.#turn;
    this.#answer.removeAttribute("aria-busy");
    if (tokens.join("").trim() === "") {
      this.#answer.replaceChildren(element("span", { className: "waiting", textContent: reason === "stopped" ? "Stopped before the answer began." : reason === "error" ? "No answer came." : "The model has nothing to say to that." }));
      this.#sourced(false);
    } else {
      this.#sourced(source !== null && source !== undefined);
    }
    const parts = [];
    if (source) {
      parts.push(element("button", { type: "button", textContent: "Show where it was read", onclick: () => this.#go(this.#turn, undefined) }));
    }
    if (tokens.length > 0) {
      parts.push(element("a", { href: explorerOf(this.#turn), textContent: "Explore what it read", title: "Asks again and shows what each step, layer and head attended to" }));
    }
    if (ENDS[reason] && tokens.length > 0) parts.push(element("span", { textContent: ENDS[reason] }));
    if (policy) parts.push(element("span", { textContent: policy }));
    if (stats && stats.answer_tokens > 0) {
      const speed = stats.decode_tps > 0 ? `, ${rate(stats.decode_tps)}` : "";
      parts.push(element("span", { textContent: `${count(stats.answer_tokens)} tokens${speed}` }));
    }
    this.#foot.replaceChildren(...parts);
  }

  #click(event) {
    if (!getSelection().isCollapsed || !this.#answer.classList.contains("sourced")) return;
    const spans = [...this.#answer.children];
    const i = spans.indexOf(event.target.closest(".t"));
    this.#at(i);
    this.#go(this.#turn, i < 0 ? undefined : i);
  }

  #key(event) {
    if (!this.#answer.classList.contains("sourced")) return;
    const last = this.#answer.children.length - 1;
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (event.key in steps) this.#at(Math.min(last, Math.max(0, this.#current + steps[event.key])));
    else if (event.key === "Escape") this.#at(-1);
    else if (event.key === "Enter" || event.key === " ") this.#go(this.#turn, this.#current < 0 ? undefined : this.#current);
    else return;
    event.preventDefault();
  }

  #at(i) {
    this.#answer.querySelector(".current")?.classList.remove("current");
    this.#current = i;
    this.#answer.children[i]?.classList.add("current");
  }
}
