// What went wrong, in words, with what the user can do about it.

export const BROWSERS = "WebGPU is in Chrome and Edge from version 113, in Safari from 26 and in Firefox from 141. " +
  "On Linux, Chrome needs chrome://flags/#enable-unsafe-webgpu switched on; pages must come from https or from localhost.";

/**
 * A headline, an explanation, and the remedies that fit, by name.
 * @param {{code?: string, message: string, hint?: string}} error
 * @param {{where: "browser" | "server"}} context
 * @returns {{title: string, text: string, remedies: string[]}}
 */
export function explain(error, { where }) {
  const hint = error.hint ?? "";
  switch (error.code) {
    case "no_gpu":
      return { title: "There is no GPU that this page can use", text: `${BROWSERS} Without one, the CPU does the work, more slowly.`, remedies: ["cpu", "server"] };
    case "out_of_memory":
      return {
        title: "The device has not enough memory for this context",
        text: "Make the context smaller: with less room for further questions, or with a part of the document. Closing other tabs that use the GPU helps too.",
        remedies: ["context", "half", "cpu"],
      };
    case "device_lost":
      if (where === "server") {
        return {
          title: "The server has lost its device",
          text: "Its driver has reset it, or it does not answer, and it is not back yet. The document is kept; load again in a moment, or use this browser's own engine.",
          remedies: ["load", "browser"],
        };
      }
      return {
        title: "The GPU was lost again and again",
        text: "Its driver or the browser has reset it several times in a row. The document is kept; load the model again, or let the CPU do the work.",
        remedies: ["load", "cpu"],
      };
    case "gone":
    case "network":
      return where === "server"
        ? { title: "The server cannot be reached", text: hint || "Is it running, and reachable from here? The document is kept in this browser.", remedies: ["load", "browser"] }
        : { title: "The download did not come through", text: hint || "Check the connection and load again; what has arrived is kept.", remedies: ["load"] };
    case "context_full":
      return { title: "The context is full", text: "The conversation has filled the room that was made for it. Begin a fresh one about the same document.", remedies: ["fresh"] };
    case "overloaded":
      return { title: "The server is busy", text: hint || "Too many people are asking at once. Try again in a moment, or use this browser's own engine.", remedies: ["again", "browser"] };
    case "busy":
      return { title: "An answer is still coming", text: hint || "Stop it, or wait for its end.", remedies: [] };
    case "bad_model":
      return { title: "This model cannot be used", text: hint || "Choose another one from the list, or the server's engine where there is one.", remedies: ["server"] };
    case "version":
      return { title: "The page and its engine are of different versions", text: hint, remedies: ["load", "server"] };
    case "bad_command":
      return { title: "The engine did not accept that", text: hint || "Reloading the page may help; the document is kept.", remedies: ["load"] };
  }
  return { title: "Something went wrong in the engine", text: hint || "Load it again; the document is kept.", remedies: ["load"] };
}
