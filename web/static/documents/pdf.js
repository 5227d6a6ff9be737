import { DocumentError } from "./failure.js";
import { linesOf, paragraphsOf } from "./layout.js";

const vendor = new URL("../vendor/pdfjs/", import.meta.url).href;

/**
 * The text of a PDF file, page after page, with its lines joined to paragraphs.
 * @param {Uint8Array} bytes handed over: they cannot be used afterwards
 * @param {string} name of the file
 * @param {number} limit length of the text, at most
 * @param {AbortSignal} [signal]
 * @returns {Promise<{text: string, pages: number, warnings: string[]}>}
 */
export async function pdfText(bytes, name, limit, signal) {
  const pdfjs = await import("../vendor/pdfjs/pdf.min.mjs");
  pdfjs.GlobalWorkerOptions.workerSrc = `${vendor}pdf.worker.min.mjs`;
  signal?.throwIfAborted();
  const task = pdfjs.getDocument({
    data: bytes, cMapUrl: `${vendor}cmaps/`, cMapPacked: true, disableFontFace: true, useSystemFonts: false, useWasm: false,
    enableXfa: false, verbosity: pdfjs.VerbosityLevel.ERRORS,
  });
  const stop = () => task.destroy();
  signal?.addEventListener("abort", stop);
  try {
    const pdf = await task.promise;
    const pages = [];
    const empty = [];
    let length = 0;
    for (let number = 1; number <= pdf.numPages; number++) {
      signal?.throwIfAborted();
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      page.cleanup();
      const lines = linesOf(items);
      length += lines.reduce((sum, line) => sum + line.text.length, 0);
      if (length > limit) throw new RangeError(`its text is longer than ${limit} characters`);
      if (lines.length === 0) empty.push(number);
      pages.push(lines);
    }
    if (empty.length === pages.length) {
      throw new DocumentError(name, `found ${pages.length} ${pages.length === 1 ? "page" : "pages"} without any text (scanned, or drawings only), `
        + "expected a PDF with a text layer: run text recognition (OCR) over it first");
    }
    const warnings = empty.length === 0 ? [] : [`No text on ${empty.length === 1 ? "page" : "pages"} ${some(empty)} (scanned, drawn or blank).`];
    return { text: paragraphsOf(pages), pages: pages.length, warnings };
  } catch (error) {
    signal?.throwIfAborted();
    throw explained(error, name);
  } finally {
    signal?.removeEventListener("abort", stop);
    await task.destroy();
  }
}

function explained(error, name) {
  switch (error.name) {
    case "PasswordException":
      return new DocumentError(name, "found an encrypted PDF that needs a password, expected one without: save a copy without the password", { cause: error });
    case "InvalidPDFException":
    case "FormatError":
    case "UnknownErrorException":
      return new DocumentError(name, `found a broken PDF (${error.message}), expected a whole one: load or save it again`, { cause: error });
    default:
      return error;
  }
}

function some(numbers) {
  const shown = numbers.slice(0, 8).join(", ");
  return numbers.length > 8 ? `${shown} and ${numbers.length - 8} more` : shown;
}
