// A figure alone: figure.html?f=name, with ?run=, &step=, &head= as the lesson has them.
import { element } from "../app/dom.js";
import { Run } from "../explore/run.js";
import { FIGURES, RECORDINGS, figure } from "./catalogue.js";
import { frame } from "./frame.js";
import { Linked, beginning } from "./linked.js";

const parameters = new URL(location.href).searchParams;
const place = document.getElementById("figure"), state = document.getElementById("state"), back = document.getElementById("lesson");

async function show() {
  const name = parameters.get("f");
  if (!name) {
    place.replaceChildren(element("p", { textContent: "The lesson's figures:" }), element("ul", {}, ...FIGURES.map((one) => element("li", {}, element("a", { href: `?f=${one}`, textContent: one })))));
    return;
  }
  const module = await figure(name);
  const run = await Run.open(new URL(parameters.get("run") ?? RECORDINGS[module.recording ?? "main"], document.baseURI));
  const linked = new Linked(beginning(run, parameters));
  document.title = `${module.title} – TokenSelect`;
  frame(place, name, module, run, linked, { alone: () => "" });
  linked.subscribe(() => {
    for (const one of ["step", "head", "layer"]) parameters.set(one, linked[one]);
    history.replaceState(null, "", `?${parameters}`);
  });
  back.href = `lesson.html#${name}`;
}

show().then(() => { state.textContent = ""; place.dataset.ready = ""; }, (error) => { state.textContent = `This figure cannot be shown: ${error.message}`; });
