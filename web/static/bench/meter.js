// What a worker's thread does while the engine answers. Every stretch in which
// WebAssembly runs begins with a call of Go's _resume; what is left of the time
// is waiting, for the GPU or for messages. With "hollow" in the script's address
// every dispatch is of no workgroups, and the adapter does not tell that it is one
// of software: all that a token costs then is outside the GPU, the engine does
// what it does for a real one, and no software GPU's work is in the way of it.
import "../wasm_exec.js";

/**
 * Milliseconds of the thread by what it did, summed up since it began.
 * @typedef {object} Ledger
 * @property {number} at        performance.now() when the call began that told it
 * @property {number} go        Go ran: sampling, recording, detokenising, writing events
 * @property {number} encode    calls that hand commands to WebGPU: encoding, submitting
 * @property {number} message   calls that tell the page something
 * @property {number} readback  from the mapping of a buffer to Go, which has its bytes then
 * @property {number} crossings calls from Go to JavaScript
 * @property {number} submits   submits to the GPU's queue
 * @property {number} reads     buffers that were mapped to be read
 */

/** @type {Ledger} */
const ledger = { at: 0, go: 0, encode: 0, message: 0, readback: 0, crossings: 0, submits: 0, reads: 0 };
let memory = 0; // bytes of WebAssembly's memory
/** @type {Ledger[]} as the tokens of an answer left */
let tokens = [];
const asked = new URL(location.href).searchParams;
const channel = new BroadcastChannel(asked.get("channel"));

let told = false; // the running call has told the page something
let stretch = 0; // when the running stretch began
let inside = 0; // milliseconds of it that were not Go's
let calling = 0; // when the running call began
let mapped = 0; // when a buffer was mapped that Go has not seen yet, 0: none

const Go = globalThis.Go;
globalThis.Go = class extends Go {
  constructor() {
    super();
    const calls = this.importObject.gojs;
    for (const name of ["syscall/js.valueInvoke", "syscall/js.valueCall"]) calls[name] = timed(calls[name]);
  }

  _resume() {
    stretch = performance.now();
    if (mapped) ledger.readback += stretch - mapped;
    mapped = 0;
    inside = 0;
    super._resume();
    ledger.go += performance.now() - stretch - inside;
    if (this._inst) memory = this._inst.exports.mem.buffer.byteLength;
  }
};

/** A function that Go imports, with its time in the ledger. */
function timed(call) {
  return (sp) => {
    calling = performance.now();
    told = false;
    call(sp);
    const took = performance.now() - calling;
    ledger.crossings++;
    ledger[told ? "message" : "encode"] += took;
    inside += took;
  };
}

const { postMessage } = globalThis;
globalThis.postMessage = (event, ...rest) => {
  told = true;
  postMessage.call(globalThis, event, ...rest);
  // The stretch goes on: Go had it until this call.
  if (event.type === "token") tokens.push({ ...ledger, at: calling, go: ledger.go + calling - stretch - inside });
  if (event.type !== "done") return;
  channel.postMessage({ id: event.id, tokens, memory });
  tokens = [];
};

if (globalThis.GPUBuffer) {
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = async function mapAsyncTimed(...args) {
    await mapAsync.apply(this, args);
    mapped = performance.now();
    ledger.reads++;
  };
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function submitCounted(...args) {
    ledger.submits++;
    return submit.apply(this, args);
  };
  if (asked.has("hollow")) {
    const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
    GPUComputePassEncoder.prototype.dispatchWorkgroups = function dispatchNone() {
      dispatchWorkgroups.call(this, 0, 0, 0);
    };
    const { get } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "info");
    Object.defineProperty(GPUAdapter.prototype, "info", {
      get() {
        const { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs } = get.call(this);
        return { description: "a GPU that computes nothing", isFallbackAdapter: false, subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs };
      },
    });
  }
}
