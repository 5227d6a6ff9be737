// The JavaScript half of the Go package webgpujs. Go writes lists of commands
// into WebAssembly's memory and calls run with their place; numbers of buffers,
// pipelines and bind groups are given out by Go. What takes time has a request
// number: Go is told of its end through tokenselect_gpu_done, a function that
// the WebAssembly exports.

// What a list is made of: words of 32 bits, an operation and its operands. Sizes
// and offsets of buffers are in words. The Go half has the same numbers.
const WRITE = 1; // buffer, offset, n, then n words
const MAKE_GROUP = 2; // group, pipeline, n, then n times buffer, offset, size
const DROP_GROUP = 3; // group
const FREE = 4; // buffer
const SUBMIT = 5; // n, n words of params, m, m words of the following
const PIPELINE = 1; // pipeline
const GROUP = 2; // group
const PARAMS = 3; // offset in bytes
const DISPATCH = 4; // x, y, z
const COPY = 5; // source, its offset, target, its offset, size

// Of WebGPU, which has them as globals only in pages.
const USAGE = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, uniform: 0x40, storage: 0x80, queryResolve: 0x200 };
const COMPUTE = 4;
const MAP_READ = 1;

const PIECE = 16 << 20; // bytes of a transfer that are in JavaScript's memory at a time
const UNFINISHED = 64 << 20; // bytes written that the driver may keep copies of
const STAGINGS = 4; // buffers kept for reading back
const QUERIES = 4096; // timestamps, two a pass
const LOSS = 1000; // milliseconds from what a loss made fail until the device says that it is lost

/** What went wrong, as Go takes it. */
const trouble = (kind, message, more = {}) => ({ kind, message: String(message), line: 0, ...more });

/** @param {GPUError} error */
function kindOf(error) {
  switch (error.constructor.name) {
    case "GPUOutOfMemoryError": return "out-of-memory";
    case "GPUValidationError": return "validation";
    default: return "internal";
  }
}

/** The way to Go: its memory, and requests that it waits for. */
class Link {
  constructor(go, instance) {
    this.go = go;
    this.exports = instance.exports;
    this.live = new Set();
    this.results = new Map();
    this.opened = null;
  }

  /** Memory that grew is another buffer: it is asked for each time. */
  get memory() { return this.exports.mem.buffer; }

  start(request) { this.live.add(request); }

  /** Go does not wait any more. */
  cancel(request) {
    this.live.delete(request);
    this.results.delete(request);
  }

  take(request) {
    const result = this.results.get(request);
    this.results.delete(request);
    return result;
  }

  end(request, status, result) {
    if (!this.live.delete(request) || this.go.exited) return;
    if (result !== undefined) this.results.set(request, result);
    this.exports.tokenselect_gpu_done(request, status);
    this.go._resume();
  }

  /** Runs work and tells Go of its result, or of the trouble that it threw. */
  async answer(request, work) {
    this.start(request);
    try {
      this.end(request, 0, await work());
    } catch (error) {
      this.end(request, 1, error.kind ? error : trouble("internal", error.message ?? error));
    }
  }
}

class Device {
  constructor(link, device, timestamps) {
    this.link = link;
    this.device = device;
    this.queue = device.queue;
    this.buffers = [];
    this.pipelines = [];
    this.groups = [];
    this.uniforms = new Map();
    this.arena = null;
    this.stagings = [];
    this.requests = new Set();
    this.error = null; // the first that no call has returned yet
    this.lost = null;
    this.unfinished = 0;
    this.encoder = null;
    this.clock = timestamps ? new Clock(device) : null;
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault?.();
      this.note(trouble(kindOf(event.error), event.error.message));
    });
    device.lost.then((info) => {
      this.lost = trouble("lost", info.message || info.reason || "no reason given");
      for (const request of [...this.requests]) link.end(request, 1, this.lost);
    });
  }

  note(error) { this.error ??= error; }

  takeError() {
    if (this.lost) return this.lost;
    const error = this.error;
    this.error = null;
    return error;
  }

  /** Why WebGPU failed. A browser may fail what was under way before it says that the device is lost. */
  async cause(kind, failure) {
    if (!this.lost && !this.error) await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, LOSS))]);
    return this.takeError() ?? trouble(kind, failure.message);
  }

  /** Link.answer, which ends also when the device is lost. */
  async answer(request, work) {
    this.requests.add(request);
    await this.link.answer(request, async () => {
      if (this.lost) throw this.lost;
      return work();
    });
    this.requests.delete(request);
  }

  /** Runs make and returns what it made with a promise of what WebGPU said. */
  scoped(make) {
    const filters = ["internal", "out-of-memory", "validation"];
    for (const filter of filters) this.device.pushErrorScope(filter);
    let made;
    let thrown = null;
    try {
      made = make();
    } catch (error) {
      thrown = trouble("validation", error.message);
    }
    const said = Promise.all(filters.map(() => this.device.popErrorScope())).then(
      (errors) => {
        const error = errors.find((e) => e);
        return thrown ?? (error ? trouble(kindOf(error), error.message) : null);
      },
      async (error) => thrown ?? await this.cause("internal", error),
    );
    return { made, said };
  }

  newBuffer(request, id, label, size) {
    this.answer(request, async () => {
      const { made, said } = this.scoped(() => this.device.createBuffer({
        label, size, usage: USAGE.storage | USAGE.copySrc | USAGE.copyDst,
      }));
      const error = await said;
      if (error) {
        made?.destroy();
        throw error;
      }
      this.buffers[id] = made;
    });
  }

  /** The binding of so many bytes of the arena of params. */
  uniform(size) {
    let uniform = this.uniforms.get(size);
    if (!uniform) {
      const layout = this.device.createBindGroupLayout({
        label: "params",
        entries: [{ binding: 0, visibility: COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: size } }],
      });
      uniform = { layout, size, group: null };
      this.uniforms.set(size, uniform);
    }
    return uniform;
  }

  /** written has a character for each binding: "w" for one that is written. */
  compile(request, id, label, code, written, params) {
    this.answer(request, async () => {
      let module;
      const { made, said } = this.scoped(() => {
        module = this.device.createShaderModule({ label, code });
        const layout = this.device.createBindGroupLayout({
          label,
          entries: Array.from(written, (w, binding) => ({
            binding, visibility: COMPUTE, buffer: { type: w === "w" ? "storage" : "read-only-storage" },
          })),
        });
        const uniform = params > 0 ? this.uniform(params) : null;
        const pipeline = this.device.createComputePipelineAsync({
          label,
          layout: this.device.createPipelineLayout({ label, bindGroupLayouts: uniform ? [layout, uniform.layout] : [layout] }),
          compute: { module, entryPoint: "main" },
        });
        pipeline.catch(() => {}); // it is awaited later
        return { layout, uniform, pipeline };
      });
      const info = await module?.getCompilationInfo();
      const wrong = info?.messages.find((m) => m.type === "error");
      const error = await said;
      if (wrong) throw trouble("shader", wrong.message, { line: wrong.lineNum });
      if (error) throw error.kind === "validation" ? { ...error, kind: "shader" } : error;
      try {
        this.pipelines[id] = { compute: await made.pipeline, layout: made.layout, uniform: made.uniform, label };
      } catch (failure) {
        throw this.lost ?? trouble("shader", failure.message);
      }
    });
  }

  /**
   * Plays a list. With a request, size bytes of a buffer are then read to the
   * place to in Go's memory, and what went wrong is the request's. Without,
   * it returns 1 where takeError has something to tell.
   */
  run(at, length, request, id, offset, size, to) {
    if (this.lost) return 1;
    this.device.pushErrorScope("validation");
    let staging = null;
    try {
      this.play(new Uint32Array(this.link.memory, at, length));
      if (request) staging = this.copyOut(id, offset, size);
      this.flush();
    } catch (error) {
      this.encoder = null;
      this.note(trouble("internal", error.message));
    }
    const said = this.device.popErrorScope().then((error) => {
      if (error) this.note(trouble(kindOf(error), error.message));
    }, () => {});
    if (!request) return this.error ? 1 : 0;
    this.answer(request, () => this.read(request, said, staging, id, offset, size, to));
    return 0;
  }

  /** Plays a list and writes n bytes of Go's memory to a buffer. */
  write(at, length, id, offset, from, n) {
    if (this.run(at, length, 0)) return 1;
    this.writeBytes(id, offset, new Uint8Array(this.link.memory, from, n));
    return 0;
  }

  writeBytes(id, offset, bytes) {
    const { said } = this.scoped(() => this.queue.writeBuffer(this.buffers[id], offset, bytes));
    said.then((error) => error && this.note(error));
    this.unfinished += bytes.length;
  }

  /** Waits for what was written: until then the driver keeps copies of it. */
  async settle(least) {
    if (this.unfinished < least) return;
    this.unfinished = 0;
    this.queue.submit([]);
    await this.queue.onSubmittedWorkDone();
    const error = this.takeError();
    if (error) throw error;
  }

  wait(request) { this.answer(request, () => this.settle(0)); }

  play(words) {
    for (let i = 0; i < words.length;) {
      switch (words[i++]) {
        case WRITE: {
          const n = words[i + 2];
          this.flush();
          this.queue.writeBuffer(this.buffers[words[i]], 4 * words[i + 1], words, i + 3, n);
          i += 3 + n;
          break;
        }
        case MAKE_GROUP:
          i = this.makeGroup(words, i);
          break;
        case DROP_GROUP:
          this.groups[words[i++]] = undefined;
          break;
        case FREE:
          this.flush();
          this.buffers[words[i]]?.destroy();
          this.buffers[words[i++]] = undefined;
          break;
        case SUBMIT: {
          this.flush();
          const params = words.subarray(i + 1, i + 1 + words[i]);
          i += 1 + params.length;
          this.writeParams(params);
          this.encode(words, i + 1, i + 1 + words[i]);
          i += 1 + words[i];
          break;
        }
        default:
          throw new Error(`list of commands: unknown operation ${words[i - 1]}`);
      }
    }
  }

  makeGroup(words, i) {
    const [id, pipe, n] = words.subarray(i, i + 3);
    const { layout, label } = this.pipelines[pipe];
    const entries = [];
    i += 3;
    for (let binding = 0; binding < n; binding++, i += 3) {
      entries.push({ binding, resource: { buffer: this.buffers[words[i]], offset: 4 * words[i + 1], size: 4 * words[i + 2] } });
    }
    this.groups[id] = this.device.createBindGroup({ label, layout, entries });
    return i;
  }

  /**
   * One buffer serves the params of all submits, though earlier ones may still
   * wait to run: the queue keeps writes and submits in order.
   */
  writeParams(params) {
    if (params.length === 0) return;
    if (!this.arena || this.arena.size < params.byteLength) {
      let size = 1 << 16;
      while (size < params.byteLength) size *= 2;
      this.arena?.destroy();
      this.arena = this.device.createBuffer({ label: "params", size, usage: USAGE.uniform | USAGE.copyDst });
      for (const uniform of this.uniforms.values()) uniform.group = null;
    }
    this.queue.writeBuffer(this.arena, 0, params);
  }

  /** Encodes the commands from i to end. Neighbouring dispatches share a pass. */
  encode(words, i, end) {
    this.encoder = this.device.createCommandEncoder();
    this.clock?.submit();
    let pass = null;
    let uniform = null;
    while (i < end) {
      const op = words[i++];
      if (op === COPY) {
        pass?.end();
        pass = null;
        this.encoder.copyBufferToBuffer(this.buffers[words[i]], 4 * words[i + 1], this.buffers[words[i + 2]], 4 * words[i + 3], 4 * words[i + 4]);
        i += 5;
        continue;
      }
      pass ??= this.encoder.beginComputePass(this.clock?.pass());
      switch (op) {
        case PIPELINE: {
          const pipeline = this.pipelines[words[i++]];
          pass.setPipeline(pipeline.compute);
          uniform = pipeline.uniform;
          break;
        }
        case GROUP:
          pass.setBindGroup(0, this.groups[words[i++]]);
          break;
        case PARAMS:
          uniform.group ??= this.device.createBindGroup({
            label: "params", layout: uniform.layout,
            entries: [{ binding: 0, resource: { buffer: this.arena, size: uniform.size } }],
          });
          pass.setBindGroup(1, uniform.group, words, i++, 1);
          break;
        case DISPATCH:
          pass.dispatchWorkgroups(words[i], words[i + 1], words[i + 2]);
          i += 3;
          break;
        default:
          throw new Error(`list of commands: unknown command ${op}`);
      }
    }
    pass?.end();
  }

  /** Submits what has been encoded. */
  flush() {
    if (!this.encoder) return;
    const commands = this.encoder.finish();
    this.encoder = null;
    this.queue.submit([commands]);
    this.unfinished = 0;
  }

  /** Encodes a copy of the first piece of what is to be read. */
  copyOut(id, offset, size) {
    const n = Math.min(size, PIECE);
    const at = this.stagings.findIndex((s) => s.size >= n);
    let staging;
    if (at >= 0) {
      [staging] = this.stagings.splice(at, 1);
    } else {
      let room = 4096;
      while (room < n) room *= 2;
      staging = this.device.createBuffer({ label: "staging", size: room, usage: USAGE.mapRead | USAGE.copyDst });
    }
    this.encoder ??= this.device.createCommandEncoder();
    this.encoder.copyBufferToBuffer(this.buffers[id], offset, staging, 0, n);
    return staging;
  }

  async read(request, said, staging, id, offset, size, to) {
    for (let done = 0; done < size;) {
      if (done > 0) {
        staging = this.copyOut(id, offset + done, size - done);
        this.flush();
      }
      const n = Math.min(size - done, PIECE);
      if (staging) {
        try {
          await Promise.all([said, staging.mapAsync(MAP_READ, 0, n)]);
        } catch (error) {
          staging.destroy();
          throw await this.cause("map", error);
        }
      } else {
        await said;
      }
      const error = this.takeError();
      const wanted = this.link.live.has(request);
      if (!error && wanted) {
        new Uint8Array(this.link.memory, to + done, n).set(new Uint8Array(staging.getMappedRange(0, n)));
      }
      if (staging) this.keep(staging);
      if (error) {
        if (!wanted) this.note(error);
        throw error;
      }
      if (!wanted) return;
      done += n;
    }
  }

  keep(staging) {
    staging.unmap();
    if (this.stagings.length < STAGINGS) this.stagings.push(staging);
    else staging.destroy();
  }

  cancel(request) {
    this.link.cancel(request);
    this.requests.delete(request);
  }

  /**
   * Copies rows of a source to a buffer. order is where in Go's memory the number
   * of each row in the source stands, 0: they are in order. A row is blocks of
   * block bytes, and each part takes some bytes of every block to another place;
   * four words for each of n parts are at the place parts.
   */
  importRows(request, id, source, at, rows, rowBytes, order, block, parts, n) {
    const memory = this.link.memory;
    const job = {
      id, at, rows, rowBytes, block, source,
      order: order ? new Uint32Array(memory.slice(order, order + 4 * rows)) : null,
      parts: [],
    };
    for (let i = 0; i < n; i++) {
      const [skip, take, offset, check] = new Uint32Array(memory, parts + 16 * i, 4);
      job.parts.push({ skip, take, offset: 4 * offset, check });
    }
    this.answer(request, () => this.copyRows(request, job));
  }

  async copyRows(request, job) {
    const step = Math.max(2, Math.floor(PIECE / job.rowBytes) & ~1); // an even number keeps halves in whole words
    const fetch = (row) => {
      if (row >= job.rows) return null;
      const rows = pieceOf(job, row, Math.min(step, job.rows - row));
      const bytes = bytesOf(job.source, job.at + rows.first * job.rowBytes, (rows.last + 1 - rows.first) * job.rowBytes);
      bytes.catch(() => {}); // it is awaited later
      return { ...rows, bytes };
    };
    let next = fetch(0);
    for (let row = 0; next; row += step) {
      const piece = next;
      const bytes = await piece.bytes;
      next = fetch(row + step); // arrives while this piece is taken apart
      for (const part of job.parts) {
        if (!this.link.live.has(request)) return;
        const out = gather(job, piece, part, bytes);
        const first = row * (job.rowBytes / job.block) * part.take;
        const bad = notFinite(out, part.check);
        if (bad >= 0) throw trouble("value", "not finite", { part: job.parts.indexOf(part), value: first / (part.check === FLOAT32 ? 4 : 2) + bad });
        this.writeBytes(job.id, part.offset + first, out);
      }
      await this.settle(UNFINISHED);
    }
    const error = this.takeError();
    if (error) throw error;
  }

  /** The nanoseconds that each submit since the last call took on the GPU. */
  timings(request) {
    this.answer(request, async () => {
      if (!this.clock) throw trouble("validation", "the device was opened without timestamps, or does not offer them");
      return this.clock.read(this.queue);
    });
  }

  close() { this.device.destroy(); }
}

/** Timestamps at the ends of passes. */
class Clock {
  constructor(device) {
    this.device = device;
    this.set = device.createQuerySet({ type: "timestamp", count: QUERIES });
    this.submits = [];
  }

  get used() { return 2 * this.submits.reduce((sum, passes) => sum + passes, 0); }

  submit() { this.submits.push(0); }

  pass() {
    const at = this.used;
    if (at === QUERIES) return undefined; // nobody has asked for a long time
    this.submits[this.submits.length - 1]++;
    return { timestampWrites: { querySet: this.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 } };
  }

  async read(queue) {
    const { submits, used } = this;
    this.submits = [];
    if (used === 0) return new Float64Array(submits.length);
    const size = 8 * used;
    const resolved = this.device.createBuffer({ label: "timestamps", size, usage: USAGE.queryResolve | USAGE.copySrc });
    const staging = this.device.createBuffer({ label: "timestamps", size, usage: USAGE.mapRead | USAGE.copyDst });
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(this.set, 0, used, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size);
    queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ);
    const stamps = new BigUint64Array(staging.getMappedRange());
    let at = 0;
    const spent = submits.map((passes) => {
      let sum = 0n;
      for (; passes > 0; passes--, at += 2) if (stamps[at + 1] > stamps[at]) sum += stamps[at + 1] - stamps[at];
      return Number(sum);
    });
    staging.destroy();
    resolved.destroy();
    return Float64Array.from(spent);
  }
}

// What of an imported part must be finite.
const FLOAT16 = 1;
const FLOAT32 = 2;

/** The rows of the source that n rows from row on are among. */
function pieceOf(job, row, n) {
  if (!job.order) return { first: row, last: row + n - 1, rows: null, n };
  const rows = job.order.subarray(row, row + n);
  let [first, last] = [rows[0], rows[0]];
  for (const r of rows) {
    if (r < first) first = r;
    if (r > last) last = r;
  }
  return { first, last, rows, n };
}

/** Some bytes of a Blob, an ArrayBuffer or a view of one. */
async function bytesOf(source, at, n) {
  let bytes;
  if (ArrayBuffer.isView(source)) bytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength).subarray(at, at + n);
  else if (source instanceof ArrayBuffer) bytes = new Uint8Array(source).subarray(at, at + n);
  else bytes = new Uint8Array(await source.slice(at, at + n).arrayBuffer());
  if (bytes.length < n) throw trouble("source", `${bytes.length} bytes at ${at}, expected ${n}: the file is cut short`);
  return bytes;
}

/** What a part takes of the rows of a piece. */
function gather(job, piece, part, bytes) {
  const { rowBytes, block } = job;
  const { skip, take } = part;
  if (!piece.rows && take === block) return bytes;
  const blocks = rowBytes / block;
  if (bytes.byteOffset & 1) bytes = bytes.slice();
  const unit = (rowBytes | block | skip | take) & 1 ? 1 : 2;
  const Words = unit === 2 ? Uint16Array : Uint8Array;
  const from = new Words(bytes.buffer, bytes.byteOffset, bytes.length / unit);
  const out = new Words((piece.n * blocks * take) / unit);
  const [words, jump] = [take / unit, block / unit];
  for (let r = 0, o = 0; r < piece.n; r++) {
    let at = ((piece.rows ? piece.rows[r] - piece.first : r) * rowBytes + skip) / unit;
    for (let b = 0; b < blocks; b++, at += jump) {
      for (let i = 0; i < words; i++) out[o++] = from[at + i];
    }
  }
  return new Uint8Array(out.buffer);
}

/** The first of the values that is a NaN or infinite, -1: all are finite. */
function notFinite(bytes, check) {
  if (check !== FLOAT16 && check !== FLOAT32) return -1;
  if (bytes.byteOffset & 3) bytes = bytes.slice();
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  // Adding the lowest bit of a full exponent carries into the sign's place.
  const [mask, one, sign] = check === FLOAT16 ? [0x7c007c00, 0x04000400, 0x80008000] : [0x7f800000, 0x00800000, 0x80000000];
  for (let i = 0; i < words.length; i++) {
    if (((words[i] & mask) + one) & sign) {
      return check === FLOAT32 ? i : 2 * i + ((words[i] & 0x7c00) === 0x7c00 ? 0 : 1);
    }
  }
  return -1;
}

/** Limits that a device is asked to have more of than WebGPU's defaults. */
const RAISED = [
  "maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage", "maxComputeWorkgroupStorageSize",
];

/** Features that kernels have variants for, by their names in gpu.FeatureNames. */
const USED = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"];
const LANGUAGE = "packed_4x8_integer_dot_product";

async function open(link, timestamps, without) {
  const gpu = globalThis.navigator?.gpu;
  if (!gpu) throw trouble("no-webgpu", globalThis.isSecureContext === false ? "insecure" : "");
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw trouble("no-adapter", "");
  const info = adapter.info ?? {};
  const requiredLimits = Object.fromEntries(RAISED.filter((name) => adapter.limits[name] !== undefined).map((name) => [name, adapter.limits[name]]));
  const timed = timestamps && adapter.features.has("timestamp-query");
  const features = USED.filter((name) => adapter.features.has(name) && !without.includes(name));
  let made;
  try {
    made = await adapter.requestDevice({ label: "tokenselect", requiredLimits, requiredFeatures: timed ? [...features, "timestamp-query"] : features });
  } catch (error) {
    throw trouble("no-device", error.message);
  }
  const device = new Device(link, made, timed);
  link.opened = device;
  const methods = {};
  for (const name of ["newBuffer", "compile", "run", "write", "wait", "takeError", "cancel", "importRows", "timings", "close"]) {
    methods[name] = device[name].bind(device);
  }
  return {
    ...methods,
    vendor: info.vendor ?? "", architecture: info.architecture ?? "", device: info.device ?? "", description: info.description ?? "",
    type: info.type ?? info.adapterType ?? "", backend: info.backend ?? "", driver: info.driver ?? "",
    fallback: Boolean(info.isFallbackAdapter ?? adapter.isFallbackAdapter),
    limits: Object.fromEntries(RAISED.map((name) => [name, made.limits[name]])),
    features: gpu.wgslLanguageFeatures?.has(LANGUAGE) && !without.includes(LANGUAGE) ? [...features, LANGUAGE] : features,
    subgroups: [info.subgroupMinSize ?? 0, info.subgroupMaxSize ?? 0],
    matrices: Array.from(info.subgroupMatrixConfigs ?? [], (c) => ({ input: c.componentType, result: c.resultComponentType, m: c.M, n: c.N, k: c.K })),
  };
}

/**
 * Gives a WebAssembly instance of Go the functions that package webgpujs calls.
 * A page or worker has one such instance at a time.
 * @param {object} go the Go object that runs the instance
 * @param {WebAssembly.Instance} instance
 */
export function attach(go, instance) {
  const link = new Link(go, instance);
  globalThis.tokenselectGPU = {
    open(request, timestamps, without) { link.answer(request, () => open(link, timestamps, without.split(","))); },
    take: (request) => link.take(request),
    cancel: (request) => link.cancel(request),
    lose: () => link.opened?.device.destroy(), // the last device that was opened, for tests
  };
}
