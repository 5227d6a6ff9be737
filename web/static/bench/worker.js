// The engine's worker, with a clock on all that passes between WebAssembly and
// JavaScript: for measure.js, which names a channel in this script's address. The
// engine and the worker are those of every page.
import "./meter.js";
import "../worker.js";
