// What stands where the conversation will be: what this model can be asked.
import { byId, element } from "./dom.js";
import { count } from "./format.js";

/** @param {import("../tokenselect.js").Model | undefined} model */
export function welcome(model, hasDocument) {
  const lines = [element("p", { textContent: hasDocument ? "Ask about the document below, or take a suggested question." : "Choose a document first. Then ask, and watch what the model attends to while it answers." })];
  if (/needle/i.test(model?.name ?? "")) {
    lines.push(element("p", {},
      element("strong", { textContent: "needle-16m is a retrieval model, not a chatbot. " }),
      "It has 16 million parameters and finds things that a document says: pass keys, numbers that belong to names, facts about people. " +
      "It knows nothing of the world, cannot summarise, and can be wrong."));
  } else if (model) {
    lines.push(element("p", { textContent: "A language model can be wrong. Click on an answer to see which part of the document it was read from." }));
  }
  if (model?.context) {
    lines.push(element("p", { textContent: `The model was trained on texts of ${count(model.context)} tokens. In longer ones, TokenSelect lets each layer choose the few tokens that matter at every step, so that no more are attended to than the model is used to.` }));
  }
  byId("welcome").replaceChildren(...lines);
}
