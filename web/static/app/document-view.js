// The text of the document: blocks that are laid out when they come into sight,
// ranges for highlights, and the way to a place in it.
import { blockOf, cut } from "./blocks.js";
import { calm, element } from "./dom.js";

export class DocumentView {
  #root;
  #text = "";
  #starts = [0];
  #nodes = []; // the text node of each block
  #visible = new Set();
  #observer;
  #onSight;

  /**
   * @param {HTMLElement} root scrolls
   * @param {() => void} onSight other blocks have come into sight
   */
  constructor(root, onSight) {
    this.#root = root;
    this.#onSight = onSight;
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.#visible.add(Number(target.dataset.block));
        else this.#visible.delete(Number(target.dataset.block));
      }
      this.#onSight();
    }, { root, rootMargin: "120px 0px" });
    root.addEventListener("scroll", () => this.#onSight(), { passive: true });
  }

  get text() {
    return this.#text;
  }

  show(text) {
    this.#text = text;
    this.#starts = cut(text);
    this.#visible.clear();
    this.#observer.disconnect();
    this.#nodes = [];
    const blocks = this.#starts.map((start, i) => {
      const node = document.createTextNode(text.slice(start, this.#starts[i + 1]));
      this.#nodes.push(node);
      const block = element("div", { className: "block", data: { block: i } }, node);
      // About 75 characters a line of 27 pixels: scroll bars that hardly jump.
      block.style.setProperty("contain-intrinsic-block-size", `auto ${Math.ceil(node.length / 75) * 27}px`);
      return block;
    });
    this.#root.replaceChildren(...blocks);
    this.#root.scrollTop = 0;
    for (const block of blocks) this.#observer.observe(block);
  }

  /** The stretch of text in sight or close to it, in UTF-16 units. */
  inSight() {
    if (this.#visible.size === 0) return { start: 0, end: 0 };
    const first = Math.min(...this.#visible), last = Math.max(...this.#visible);
    return { start: this.#starts[first], end: this.#starts[last + 1] ?? this.#text.length };
  }

  /**
   * The shares of the text between which the view lies. By the text and not by
   * the scroll bar, as blocks that have not been in sight are as high as guessed.
   */
  window() {
    const view = this.#root.getBoundingClientRect();
    let from = 1, to = 0;
    for (const i of this.#visible) {
      const node = this.#nodes[i];
      const { top, height } = node.parentElement.getBoundingClientRect();
      const share = (y) => (this.#starts[i] + node.length * Math.min(1, Math.max(0, (y - top) / (height || 1)))) / (this.#text.length || 1);
      if (top > view.bottom || top + height < view.top) continue;
      from = Math.min(from, share(view.top));
      to = Math.max(to, share(view.bottom));
    }
    return { from, to: Math.max(from, to) };
  }

  /** Ranges over [start, end), one in each block. */
  ranges(start, end) {
    const found = [];
    for (let i = blockOf(this.#starts, start); i < this.#nodes.length && this.#starts[i] < end; i++) {
      const node = this.#nodes[i], from = this.#starts[i];
      const a = Math.max(0, start - from), b = Math.min(node.length, end - from);
      if (a < b) found.push(new StaticRange({ startContainer: node, startOffset: a, endContainer: node, endOffset: b }));
    }
    return found;
  }

  /** The offset of a place in one of the ranges. */
  offset(node, offset) {
    return this.#starts[Number(node.parentElement.dataset.block)] + offset;
  }

  /** Brings [start, end) into the middle of the view; at once, or smoothly where that is liked. */
  reveal(start, end, atOnce = calm()) {
    const i = blockOf(this.#starts, start);
    const node = this.#nodes[i];
    if (!node) return;
    // Blocks above are as high as was guessed until they have been in sight; so
    // the block comes first, and the place in it once that is laid out.
    node.parentElement.scrollIntoView({ block: "nearest" });
    const settle = (left) => {
      const range = document.createRange();
      range.setStart(node, Math.min(node.length, start - this.#starts[i]));
      range.setEnd(node, Math.min(node.length, end - this.#starts[i]));
      const place = range.getBoundingClientRect(), view = this.#root.getBoundingClientRect();
      const off = (place.top + place.bottom) / 2 - (view.top + view.bottom) / 2;
      if (Math.abs(off) > 2) this.#root.scrollBy({ top: off, behavior: left === 0 && !atOnce ? "smooth" : "instant" });
      if (left > 0) requestAnimationFrame(() => settle(left - 1));
    };
    requestAnimationFrame(() => settle(2));
  }

  /** Goes to a share of the text. */
  goTo(share) {
    const at = Math.floor(Math.min(1, Math.max(0, share)) * Math.max(0, this.#text.length - 1));
    this.reveal(at, at + 1, true);
  }
}
