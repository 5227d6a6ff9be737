// One bar for what takes its time: fetching and loading a model, reading a
// document.
import { byId } from "./dom.js";
import { bytes, count, duration } from "./format.js";

const PHASES = { download: "Downloading", verify: "Checking", upload: "Moving to the device", compile: "Preparing the device" };

let owner = null;

function show(name, label, share, cancel) {
  owner = name;
  byId("progress").hidden = false;
  byId("progress-label").textContent = label;
  const bar = byId("progress-bar");
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  byId("progress-cancel").hidden = !cancel;
  byId("progress-cancel").onclick = cancel;
}

/** Takes the bar away if it shows what name says. */
export function done(name) {
  if (owner !== name) return;
  owner = null;
  byId("progress").hidden = true;
}

/**
 * @param {import("../tokenselect.js").Progress | null} p null: it begins
 * @param {string} model
 * @param {() => void} cancel
 */
export function loading(p, model, cancel) {
  if (!p) {
    show("load", `Loading ${model} …`, null, cancel);
    return;
  }
  let label = PHASES[p.phase] ?? p.phase;
  if (p.phase === "download" && p.cached) label = "Taking it from this browser's storage";
  if (p.phase !== "compile" && p.total > 0) label += `: ${bytes(p.done)} of ${bytes(p.total)}`;
  show("load", `${model}. ${label}`, p.phase === "compile" || !(p.total > 0) ? null : p.done / p.total, cancel);
}

/** Waiting for a turn on the server. */
export function queued(position, cancel) {
  show("read", position === 1 ? "Waiting for the server: next in line" : `Waiting for the server: number ${position} in line`, null, cancel);
}

/** @param {{done: number, total: number, ms: number}} p of a prompt, in tokens */
export function reading({ done, total, ms }, cancel) {
  if (!(total > 0)) return;
  const rate = ms > 0 ? (done / ms) * 1000 : 0;
  const left = rate > 0 ? (total - done) / rate : 0;
  let label = `Reading: ${count(done)} of ${count(total)} tokens`;
  if (rate > 0) label += `, ${count(rate)} tokens/s`;
  if (left >= 1 && done < total) label += `, about ${duration(left)} left`;
  show("read", label, done / total, cancel);
}
