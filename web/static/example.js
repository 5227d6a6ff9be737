// tokenselect.js in a page: load, open, ask, stop, and what it is doing.
import { load } from "./tokenselect.js";

const at = (id) => document.getElementById(id);
const tell = (words, share) => {
  at("state").textContent = words;
  at("bar").value = share;
};

const engine = await load({ onProgress: ({ phase, done, total }) => tell(phase, done / total) }).catch((error) => {
  tell(`${error.message} ${error.hint ?? ""}`, 0);
  throw error;
});
engine.on("prefill", ({ done, total }) => tell(`reading: ${done} of ${total} tokens`, done / total));
tell(`ready: ${engine.info.model} on ${engine.info.device}`, 1);
at("ask").disabled = false;
at("stop").onclick = () => engine.stop();

let open = null; // the document that the engine has
at("form").onsubmit = async (event) => {
  event.preventDefault();
  at("ask").disabled = true;
  at("stop").disabled = false;
  at("answer").value = "";
  try {
    if (open !== at("text").value) await engine.open(open = at("text").value);
    const answering = engine.ask(at("question").value);
    for await (const piece of answering) at("answer").value += piece.text;
    const { reason, stats } = await answering.done;
    tell(`${reason === "stopped" ? "stopped" : "answered"}: ${stats.prompt_tokens} tokens read, ${stats.answer_tokens} written`, 1);
  } catch (error) {
    open = null;
    tell(`${error.message} ${error.hint ?? ""}`, 0);
  }
  at("ask").disabled = false;
  at("stop").disabled = true;
};
