// How a document comes in: dropped, chosen, pasted, edited, or an example.
import { byId, element } from "./dom.js";
import { hide, show } from "./cards.js";

/**
 * @typedef {object} PageDocument
 * @property {string} name
 * @property {string} text
 * @property {string} kind
 * @property {string[]} [questions] suggested ones
 */

/**
 * Wires the ways in.
 * @param {object} page
 * @param {(document: PageDocument) => void} page.take a new document
 * @param {() => PageDocument | null} page.current
 * @param {(files: File[], folder: boolean) => void} page.model takes what is a model, not a document
 */
export function documentInput({ take, current, model }) {
  const start = byId("start"), reader = byId("reader"), paste = byId("paste"), file = byId("file");

  /** Shows the ways in, or the document. */
  const choosing = (yes) => {
    closeEditor();
    start.hidden = !yes;
    reader.hidden = yes;
    byId("legend").hidden = yes || byId("legend").childElementCount === 0;
    byId("document-actions").hidden = yes;
    byId("keep").hidden = !yes || !current();
    if (!current()) byId("document-name").textContent = "Document";
  };

  const accept = (document) => {
    paste.value = "";
    byId("use-paste").disabled = true;
    take(document);
    choosing(false);
  };

  /** A document is one file, a model may be several. */
  const read = async ([given, ...others], folder = false) => {
    if (folder || /\.(gguf|safetensors)$/i.test(given.name)) {
      file.value = "";
      model([given, ...others], folder);
      return;
    }
    hide("error", "document");
    hide("notice", "document");
    byId("drop").setAttribute("aria-busy", "true");
    const name = byId("document-name");
    const before = name.textContent;
    name.textContent = `Reading ${given.name} …`;
    try {
      const { readDocument } = await import("../documents/read.js");
      const { name, text, kind, warnings } = await readDocument(given);
      accept({ name, text, kind });
      if (warnings.length > 0) show("notice", "document", { title: `About ${name}`, text: warnings.join(" ") });
    } catch (error) {
      name.textContent = before;
      show("error", "document", { title: "This file could not be read", text: error.message });
    } finally {
      byId("drop").removeAttribute("aria-busy");
      file.value = "";
    }
  };

  byId("choose").onclick = () => file.click();
  file.onchange = () => {
    if (file.files.length > 0) read([...file.files]);
  };
  dropping(read, (text) => accept({ name: "Dropped text", text, kind: "text" }));

  paste.oninput = () => { byId("use-paste").disabled = paste.value.trim() === ""; };
  byId("use-paste").onclick = () => accept({ name: "Pasted text", text: paste.value, kind: "text" });
  byId("keep").onclick = () => choosing(false);
  byId("replace").onclick = () => {
    choosing(true);
    paste.focus();
  };
  byId("edit").onclick = () => openEditor(current(), accept, () => choosing(false));
  examples(accept);
  return { choosing };
}

/** Files and text dropped anywhere on the page. */
function dropping(read, takeText) {
  let depth = 0;
  const over = (by) => {
    depth = by === 0 ? 0 : Math.max(0, depth + by);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", () => over(1));
  addEventListener("dragleave", () => over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(0);
    const { files } = event.dataTransfer;
    const text = event.dataTransfer.getData("text/plain");
    const folder = event.dataTransfer.items[0]?.webkitGetAsEntry?.()?.isDirectory ?? false;
    if (files.length > 0) read([...files], folder);
    else if (text.trim() !== "") takeText(text);
  });
}

async function examples(accept) {
  const { examples } = await import("../documents/examples.js");
  byId("examples").replaceChildren(...examples.map((example) => {
    const button = element("button", { type: "button", id: `example-${example.id}` },
      element("strong", { textContent: example.title }), element("span", { textContent: example.about }));
    button.onclick = async () => {
      button.disabled = true;
      try {
        const { name, text, questions } = await example.make();
        accept({ name, text, kind: "text", questions: questions.map((asked) => asked.question) });
      } finally {
        button.disabled = false;
      }
    };
    return button;
  }));
}

function closeEditor() {
  byId("editor")?.remove();
}

function openEditor(current, accept, close) {
  const text = element("textarea", { value: current.text, id: "edit-text", spellcheck: false });
  text.setAttribute("aria-label", "Text of the document");
  const form = element("form", { id: "editor", className: "editor" }, text, element("div", { className: "actions" },
    element("button", { type: "submit", className: "primary", textContent: "Use the changed text" }),
    element("button", { type: "button", textContent: "Cancel", onclick: close })));
  form.onsubmit = (event) => {
    event.preventDefault();
    if (text.value.trim() === "") return;
    if (text.value === current.text) close();
    else accept({ name: current.name, text: text.value, kind: current.kind, questions: current.questions });
  };
  form.onkeydown = (event) => {
    if (event.key === "Escape") close();
  };
  byId("reader").hidden = true;
  byId("legend").hidden = true;
  byId("document-actions").hidden = true;
  byId("document-pane").append(form);
  text.focus();
  text.setSelectionRange(0, 0);
  text.scrollTop = 0;
}
