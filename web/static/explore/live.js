// Runs of an engine in this page, or of a server's.
import { Run } from "./run.js";

/** What is recorded of a live run unless something else is asked for. */
export const RECORD = { votes: true, mass: true, heads: 16, timings: true };

/**
 * Puts a question and makes a run of what comes.
 * @param {import("../tokenselect.js").Engine} engine with the document open in it
 * @param {object} asked
 * @param {{name: string, text: string}} asked.document
 * @param {string} asked.question
 * @param {import("../tokenselect.js").Selection} [asked.selection]
 * @param {object | null} [asked.record] what is recorded; null: nothing, the run has no steps then
 * @param {{start: number, end: number, label: string}[]} [asked.marks]
 * @param {string} [asked.expected]
 * @param {boolean} [asked.again] in place of the question before
 * @param {number} [asked.maxTokens]
 * @param {AbortSignal} [asked.signal]
 * @param {(run: Run, event: object) => void} [asked.told] is told of every event
 * @returns {{run: Run, done: Promise<Run>}} the run that grows, and its end
 */
export function follow(engine, { document, question, selection = {}, record = RECORD, marks, expected, again, maxTokens, signal, told }) {
  const { info } = engine;
  const run = new Run({ model: info, selection: { ...info.selection, ...selection }, document, question, marks, expected, record });
  run.live = {
    info,
    ask: (other, { record: what = { votes: true, mass: true }, maxTokens: most = maxTokens, signal: stop } = {}) =>
      follow(engine, { document, question, selection: { ...selection, ...other }, record: what, marks, expected, again: true, maxTokens: most, signal: stop }).done,
  };
  let wrong = null;
  const answering = engine.ask(question, {
    again, selection: run.selection, record: record ?? undefined, max_tokens: maxTokens, signal,
    onEvent(event) {
      try {
        run.push(event);
        told?.(run, event);
      } catch (error) {
        wrong ??= error;
        answering.stop();
      }
    },
  });
  const done = (async () => {
    for await (const piece of answering) void piece; // taken, so that they do not pile up
    await answering.done;
    if (wrong) throw wrong;
    signal?.throwIfAborted();
    return run;
  })();
  return { run, done };
}
