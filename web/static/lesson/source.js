// Shaders and their twins, as they are in the repository.
import { element } from "../app/dom.js";

const root = new URL("../source/", import.meta.url);

async function text(path) {
  const response = await fetch(new URL(path, root));
  if (!response.ok) throw new Error(`source/${path}: the server answers ${response.status}`);
  return response.text();
}

/** Fills a place with files when it is opened. Its data-files are paths in the repository. */
export function source(place) {
  const fill = async () => {
    if (place.querySelector(".code")) return;
    const files = place.dataset.files.split(" ");
    const code = element("div", { className: "code" });
    place.append(code);
    for (const path of files) {
      const pre = element("pre", { tabIndex: 0, role: "region", ariaLabel: path, textContent: "…", data: { path } });
      code.append(element("div", {}, element("p", { className: "path", textContent: path }), pre));
      text(path).then((words) => { pre.textContent = words; }, (error) => { pre.textContent = error.message; });
    }
  };
  place.addEventListener("toggle", () => { if (place.open) fill(); });
}
