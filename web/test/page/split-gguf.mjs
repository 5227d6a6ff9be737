// Splits a GGUF file as llama.cpp's gguf-split does: the metadata goes into the
// first part, which has no tensors, and the tensors into the others, in order.
const SCALARS = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const STRING = 8, ARRAY = 9, UINT32 = 4, ALIGNMENT = 32;

const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const aligned = (n) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length) - bytes.length)]);
const pair = (key, value) => Buffer.concat([u64(key.length), Buffer.from(key), u32(UINT32), u32(value)]);

/** The metadata and the tensors of a file. */
function parse(file) {
  let at = 8;
  const number = () => Number(file.readBigUInt64LE((at += 8) - 8));
  const kind = () => file.readUInt32LE((at += 4) - 4);
  const skipString = () => {
    const length = number();
    at += length;
  };
  const skip = (type) => {
    if (type === STRING) return skipString();
    if (type !== ARRAY) return void (at += SCALARS[type]);
    const of = kind(), length = number();
    for (let i = 0; i < length; i++) skip(of);
  };
  const count = number(), pairs = number(), meta = at;
  for (let i = 0; i < pairs; i++) {
    skipString();
    skip(kind());
  }
  const end = at;
  const tensors = Array.from({ length: count }, () => {
    const from = at;
    skipString();
    const rank = kind();
    at += 8 * rank; // the shape
    kind();
    const info = file.subarray(from, at); // all but the offset
    return { info, offset: number() };
  });
  const body = file.subarray(aligned(at));
  const bounds = [...tensors.map(({ offset }) => offset), body.length].sort((a, b) => a - b);
  for (const tensor of tensors) tensor.data = body.subarray(tensor.offset, bounds.find((bound) => bound > tensor.offset));
  return { pairs, meta: file.subarray(meta, end), tensors };
}

/** @param {Buffer} file @param {number} count of parts, at least two @returns {Buffer[]} */
export function split(file, count) {
  const { pairs, meta, tensors } = parse(file);
  return Array.from({ length: count }, (_, i) => {
    const own = i === 0 ? [] : tensors.slice(Math.floor(tensors.length * (i - 1) / (count - 1)), Math.floor(tensors.length * i / (count - 1)));
    const marks = [pair("split.no", i), pair("split.count", count), pair("split.tensors.count", tensors.length)];
    const head = [Buffer.from("GGUF"), u32(3), u64(own.length), u64(marks.length + (i === 0 ? pairs : 0)), ...(i === 0 ? [meta] : []), ...marks];
    let offset = 0;
    for (const { info, data } of own) {
      head.push(info, u64(offset));
      offset += aligned(data.length);
    }
    return Buffer.concat([padded(Buffer.concat(head)), ...own.map(({ data }) => padded(data))]);
  });
}

/** What the parts of a model are called. */
export const partNames = (stem, count) => Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.gguf`);
