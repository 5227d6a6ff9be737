// A live run as a file that the explorer, and tokenselect trace -info, open again.

const KEPT = ["layout", "token", "done"];

/**
 * The recording of a run: gzip of its header and of the events as the engine sent
 * them, a line of JSON each.
 * @param {import("./run.js").Run} run
 * @param {object[]} events
 * @returns {Promise<{name: string, blob: Blob}>}
 */
export async function recordingOf(run, events) {
  const { where, ...model } = run.model; // where the engine ran is nothing of the model
  const header = {
    tokenselect: "recording", v: 1, created: new Date().toISOString(), model, selection: run.selection,
    document: { name: run.document.name, text: run.document.text }, question: run.question, record: run.record ?? {}, ...(run.marks.length > 0 && { marks: run.marks }), ...(run.expected && { expected: run.expected }),
  };
  const last = events.findLastIndex((event) => event.type === "prefill"); // tells how long the prompt took
  const kept = events.filter((event, i) => event.type === "prefill" ? i === last : KEPT.includes(event.type));
  const lines = [header, ...kept].map((line) => `${JSON.stringify(line)}\n`).join("");
  const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream("gzip"));
  const name = `${run.document.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase().slice(0, 40) || "run"}.json.gz`;
  return { name, blob: await new Response(packed).blob() };
}
