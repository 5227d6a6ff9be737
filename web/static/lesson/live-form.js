// The form by which a reader makes the run anew.
import { byId } from "../app/dom.js";
import { count, time } from "../app/format.js";
import { layerOf } from "./linked.js";
import { compose, live, prose } from "./live.js";

/**
 * @param {import("../explore/run.js").Run} recorded whose text the form begins with
 * @param {{show: (run: object) => Promise<void>, back: () => Promise<void>}} page
 */
export function form(recorded, page) {
  const of = (name) => byId(`live-${name}`), text = of("text"), state = of("state"), progress = of("progress");
  text.value = prose(recorded);
  of("question").value = recorded.question;
  of("expected").value = recorded.expected ?? "";
  const mark = recorded.marks[0];
  of("sentence").value = mark ? recorded.document.text.slice(mark.start, mark.end) : "";
  const at = () => { of("at-value").textContent = `${of("at").value} %`; };
  if (mark) of("at").value = Math.round((100 * mark.start) / recorded.document.text.length);
  at();
  of("at").addEventListener("input", at);
  byId("live-examples").addEventListener("click", (event) => {
    const example = event.target.closest("button")?.dataset;
    if (!example) return;
    for (const name of ["sentence", "question", "expected"]) of(name).value = example[name];
    say(`“${example.sentence}” is in the form. “Run it live” hides it in the text and asks.`);
  });
  let stopping = null;

  function say(words, done = 0, total = 0) {
    state.textContent = total > 0 ? `${words}…` : words;
    progress.hidden = !(total > 0);
    progress.value = total > 0 ? done / total : 0;
  }

  byId("live-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (stopping) return;
    const made = compose({ text: text.value, sentence: of("sentence").value.trim(), at: Number(of("at").value) / 100, length: Number(of("length").value) });
    if (made.text.trim() === "") return say("There is no text: give it a sentence, or some text around it.");
    stopping = new AbortController();
    of("run").disabled = true;
    of("stop").hidden = false;
    document.body.dataset.live = "running";
    const began = performance.now();
    try {
      say("Starting the engine");
      const run = await live({
        ...made, question: of("question").value.trim(), expected: of("expected").value.trim() || null, layer: layerOf(recorded),
        device: of("device").value, compare: of("compare").checked,
      }, { say, signal: stopping.signal });
      await page.show(run);
      const few = run.steps[0].layers[0].rows === null;
      say(`The answer: “${run.answer.trim()}” ${count(run.rows)} tokens, ${time(performance.now() - began)} on ${run.model.adapter || run.model.device}. The figures above are of this run.${few ? " The text was so short that every token was read: there was nothing to select." : ""}`);
      of("back").hidden = false;
    } catch (error) {
      say(error.name === "AbortError" ? "Stopped. The figures are still those of before." : `${error.message}${error.hint ? ` ${error.hint}` : ""}`);
    } finally {
      stopping = null;
      of("run").disabled = false;
      of("stop").hidden = true;
      document.body.dataset.live = "idle";
    }
  });
  of("stop").addEventListener("click", () => stopping?.abort());
  of("back").addEventListener("click", async () => {
    await page.back();
    of("back").hidden = true;
    say("The figures are those of the recording again.");
  });
}
