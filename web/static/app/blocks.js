// A long text in blocks, so that a page can lay out only those in sight.

const LEAST = 1_200; // UTF-16 units that a block has at least, where the text is as long
const MOST = 6_000;

/**
 * Cuts text into blocks at line ends, or within very long lines at blanks.
 * @param {string} text
 * @returns {number[]} where the blocks start; the first is 0, and there is one
 *   even for an empty text
 */
export function cut(text) {
  const starts = [0];
  let at = 0;
  while (text.length - at > LEAST) {
    let end = text.indexOf("\n", at + LEAST) + 1;
    if (end === 0) end = text.length;
    if (end - at > MOST) end = within(text, at + MOST);
    if (end >= text.length) break;
    starts.push(end);
    at = end;
  }
  return starts;
}

/** A place near at that splits neither a word nor a character, if there is one. */
function within(text, at) {
  const blank = text.lastIndexOf(" ", at);
  if (blank > at - LEAST) return blank + 1;
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}

/** The block that offset is in. */
export function blockOf(starts, offset) {
  let low = 0, high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= offset) low = middle;
    else high = middle;
  }
  return low;
}
