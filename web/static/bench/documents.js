// Documents of a stated number of tokens.
import { Prose } from "../documents/prose.js";

const PARAGRAPH = 8; // sentences

/**
 * Opens prose of at most `depth` tokens, and of few less: how many tokens a
 * text has is known only when the engine has it.
 * @param {import("../tokenselect.js").Engine} engine
 * @param {number} depth in tokens
 * @param {import("../tokenselect.js").Selection} selection
 * @returns {Promise<{text: string, opened: import("../tokenselect.js").Opened}>}
 */
export async function openProse(engine, depth, selection) {
  const prose = new Prose(411);
  let text = prose.paragraph(PARAGRAPH);
  while (text.length < 6 * depth) text += `\n\n${prose.paragraph(PARAGRAPH)}`;
  let length = 4 * depth;
  for (;;) {
    const part = text.slice(0, text.lastIndexOf(".", length) + 1);
    const opened = await engine.open(part, { selection });
    if (opened.tokens <= depth && opened.tokens > 0.97 * depth - 32) return { text: part, opened };
    length = Math.floor(length * (0.99 * depth) / opened.tokens);
  }
}
