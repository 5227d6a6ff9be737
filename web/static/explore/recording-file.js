// A live run as a file that the explorer, and tokenselect trace -info, open again.

/**
 * The recording of a run: gzip of its header and of the events as the engine sent
 * them, a line of JSON each.
 * @param {import("./run.js").Run} run
 * @param {object[]} events
 * @returns {Promise<{name: string, blob: Blob}>}
 */
export async function recordingOf(run, events) {
  const header = {
    tokenselect: "recording", v: 1, created: new Date().toISOString(), model: run.model, selection: run.selection,
    document: run.document, question: run.question, record: run.record ?? {}, ...(run.marks.length > 0 && { marks: run.marks }), ...(run.expected && { expected: run.expected }),
  };
  // Of the reading of the prompt its end tells how long it took.
  const kept = events.filter((event, i) => event.type !== "prefill" || events[i + 1]?.type !== "prefill");
  const lines = [header, ...kept].map((line) => `${JSON.stringify(line)}\n`).join("");
  const packed = new Blob([lines]).stream().pipeThrough(new CompressionStream("gzip"));
  const name = `${run.document.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase().slice(0, 40) || "run"}.json.gz`;
  return { name, blob: await new Response(packed).blob() };
}
