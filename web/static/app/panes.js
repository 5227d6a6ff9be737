// On a narrow screen one pane shows at a time.
import { byId } from "./dom.js";

/** @returns {(pane: "document-pane" | "conversation") => void} shows one */
export function panes() {
  const show = (pane) => {
    byId("panes").dataset.pane = pane;
    for (const button of byId("tabs").children) button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
  };
  for (const button of byId("tabs").children) button.onclick = () => show(button.dataset.pane);
  return show;
}
