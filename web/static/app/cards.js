// Cards that tell of errors and of things worth knowing, with buttons for what
// can be done.
import { byId, element } from "./dom.js";

/**
 * Shows a card, in place of an earlier one of the same name.
 * @param {"error" | "notice"} kind
 * @param {string} name
 * @param {object} card
 * @param {string} card.title
 * @param {string} card.text
 * @param {string} [card.detail] the engine's own message
 * @param {{label: string, act: () => void}[]} [card.buttons] each closes the card
 * @param {boolean} [card.dismiss] with a button that only closes it
 */
export function show(kind, name, { title, text, detail, buttons = [], dismiss = true }) {
  const card = element("div", { className: "card", data: { name } });
  const words = element("div", {}, element("strong", { textContent: title }), element("span", { textContent: text }));
  if (detail) words.append(element("details", {}, element("summary", { textContent: "What the engine says" }), element("span", { textContent: detail })));
  const actions = element("div", { className: "actions" });
  for (const { label, act } of buttons) {
    actions.append(element("button", { type: "button", textContent: label, onclick: () => { card.remove(); act(); } }));
  }
  if (dismiss) actions.append(element("button", { type: "button", className: "quiet", textContent: "Dismiss", onclick: () => card.remove() }));
  card.append(words, actions);
  actions.style.flex = "0 1 auto";
  hide(kind, name);
  byId(kind).append(card);
}

/** Takes a card away, or with no name all of that kind. */
export function hide(kind, name) {
  for (const card of [...byId(kind).children]) {
    if (name === undefined || card.dataset.name === name) card.remove();
  }
}
