// A model that was found: its files, what it takes and what this device has, and
// what can be done with it.
import { element } from "../app/dom.js";
import { bytes, count } from "../app/format.js";
import { CONTEXTS, contextFor, device, fit } from "./fit.js";
import { nameOf, titleOf } from "./shelf.js";

export class Offer {
  #list = element("div", { id: "models-files" });
  #plan = element("div", { id: "models-plan" });
  #page;

  /**
   * @param {HTMLElement} place
   * @param {object} page
   * @param {import("./shelf.js").Shelf} page.shelf
   * @param {() => number} page.tokens of the open document
   * @param {(file: object, seen: object, keep: boolean) => void} page.fetch
   * @param {(file: File | File[], seen: object) => void} page.keep
   * @param {(model: import("./shelf.js").LocalModel) => void} page.use
   */
  constructor(place, page) {
    this.#page = page;
    place.append(this.#list, this.#plan);
  }

  clear({ list = false } = {}) {
    this.#plan.replaceChildren();
    if (!list) this.#list.replaceChildren();
  }

  /** Lists files to choose from. @param {import("./hub.js").Found[]} files */
  files(files, choose) {
    const buttons = files.map((file) => {
      const button = element("button", { type: "button", className: "models-file" },
        element("span", { className: "models-name", textContent: file.name }),
        element("span", { className: "hint", textContent: [file.quantisation, bytes(file.size), file.parts ? `${file.parts.length} parts` : ""].filter(Boolean).join(", ") }));
      button.setAttribute("aria-pressed", "false");
      button.onclick = () => {
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
        choose(file);
      };
      return button;
    });
    const group = element("div", { className: "models-files" }, ...buttons);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", `Files of ${files[0].repo}`);
    this.#list.replaceChildren(element("p", { className: "hint", textContent: `${files.length} files in ${files[0].repo}. A smaller one is faster, a larger one is nearer to the original.` }), group);
    buttons[0].focus();
  }

  /**
   * Reads a file's header and shows what it is.
   * @param {import("./hub.js").Found | File | File[]} file
   */
  async inspect(file, { cpu, signal }) {
    const { shelf } = this.#page;
    const seen = await shelf.inspect(file, { name: nameOf(file), contexts: CONTEXTS, cpu }, signal);
    const kept = (await shelf.kept()).find((one) => one.key === shelf.keyOf(file));
    const room = await shelf.room();
    const has = await device({ cpu }, room === null ? null : room + (kept?.stored ?? 0));
    signal.throwIfAborted();
    this.#show(file, seen, has, kept);
  }

  #show(file, seen, has, kept) {
    const context = element("select", { id: "models-context" }, ...CONTEXTS.map((n) => element("option", { value: n, textContent: count(n) })));
    context.value = contextFor(this.#page.tokens());
    const takes = element("p", { id: "models-takes" });
    const said = element("ul", { id: "models-verdict", className: "models-verdict" });
    const actions = element("div", { className: "actions" });
    const what = [seen.architecture, seen.quantisation, `${seen.layers} layers`, `trained on ${count(seen.context)} tokens`, `${partsIn(file) > 1 ? `${partsIn(file)} files` : "a file"} of ${bytes(seen.size)}`];
    context.onchange = () => {
      const fits = fit(seen, Number(context.value), has);
      takes.replaceChildren(element("strong", { textContent: `It takes ${bytes(fits.takes.total)}` }),
        `: ${bytes(fits.takes.weights)} of weights, ${bytes(fits.takes.cache)} of keys and values, ${bytes(fits.takes.work)} to work in.`);
      const warnings = [...fits.warnings, ...doubts(file, seen)];
      said.replaceChildren(...fits.refusals.map((text) => element("li", { className: "bad", textContent: text })), ...warnings.map((text) => element("li", { textContent: text })));
      actions.replaceChildren(...this.#buttons(file, seen, fits, kept));
    };
    const title = element("h4", { textContent: titleOf(nameOf(file)), tabIndex: -1 });
    this.#plan.replaceChildren(element("div", { className: "models-plan" }, title, element("p", { className: "hint", textContent: what.join(", ") }),
      element("label", { className: "field" }, "For a context of", context, "tokens"), takes, element("p", { className: "hint", textContent: hasText(has) }), said, actions));
    context.onchange();
    title.focus();
  }

  #buttons(file, seen, { keeps, refusals }, kept) {
    const page = this.#page;
    const local = isLocal(file), disabled = refusals.length > 0;
    const button = (textContent, primary, onclick) => {
      const made = element("button", { type: "button", className: primary ? "primary" : "", textContent, disabled, onclick });
      made.setAttribute("aria-describedby", "models-verdict");
      return made;
    };
    const sized = { ...file, size: seen.size, parts: file.parts?.map((part, i) => ({ ...part, size: seen.sizes[i] })) };
    if (local) {
      const use = button("Use it for this visit", true, () => page.use(page.shelf.visit(file, seen)));
      return keeps && !kept?.complete ? [use, button("Keep it in this browser", false, () => page.keep(file, seen))] : [use];
    }
    if (kept?.complete) return [button("Use it", true, () => page.fetch(sized, seen, true))];
    if (!keeps) return [button(`Download it for this visit (${bytes(seen.size)})`, true, () => page.fetch(sized, seen, false))];
    const left = seen.size - (kept?.stored ?? 0);
    return [button(left < seen.size ? `Download the rest and use it (${bytes(left)})` : `Download and use it (${bytes(left)})`, true, () => page.fetch(sized, seen, true))];
  }
}

/** Whether a file, or several, are of this device. */
const isLocal = (file) => [file].flat()[0] instanceof Blob;

/** How many files a model is. */
const partsIn = (file) => (Array.isArray(file) ? file : file.parts ?? [file]).length;

/** What speaks against a download, other than its size. */
function doubts(file, { ranges }) {
  if (isLocal(file)) return [];
  const doubts = [];
  if (!ranges) doubts.push("The server sends this file only as a whole: a download that breaks has to be sent anew.");
  if (!(file.parts ?? [file]).every(({ digest }) => digest)) doubts.push("No digest is known of this file: only its length can be checked.");
  return doubts;
}

function hasText({ gpu, room }) {
  const where = gpu ? `On ${gpu.name}, which binds up to ${bytes(gpu.binding)} at once; how much memory a GPU has, browsers do not tell.` : "On the CPU: there is no GPU here that is used.";
  return room === null || room === Infinity ? where : `${where} The browser's storage has room for ${bytes(room)}.`;
}
