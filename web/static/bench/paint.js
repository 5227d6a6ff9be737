// An answer painted as the page does: tokens as they come, the page laid out
// once a frame.
import { eachFrame, element } from "../app/dom.js";

export class Paint {
  /** Milliseconds that it has taken so far: elements, style and layout. */
  spent = 0;
  #to;
  #layOut = eachFrame(() => this.#timed(() => this.#to.getBoundingClientRect()));

  /** @param {HTMLElement} to */
  constructor(to) {
    this.#to = to;
  }

  clear() { this.#to.replaceChildren(); }

  /** @param {import("../tokenselect.js").Piece} piece */
  push(piece) {
    this.#timed(() => this.#to.append(element("span", { className: "t" }, piece.text)));
    this.#layOut();
  }

  /** The frame after what has been pushed. */
  frame() { return new Promise((resolve) => { requestAnimationFrame(() => resolve()); }); }

  #timed(work) {
    const began = performance.now();
    work();
    this.spent += performance.now() - began;
  }
}
