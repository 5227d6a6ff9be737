// What a user may write to say which model is meant.

/** The hub where names are looked up, unless the page's address names another: ?hub=https://… */
export const HUB = "https://huggingface.co";

const HUB_HOSTS = new Set(["huggingface.co", "www.huggingface.co", "hf.co"]);
const MOST_PARTS = 1000;
const NAME = /^[A-Za-z0-9][\w.-]*$/;
const EXPECTED = "expected owner/name, owner/name/file.gguf or the https address of a .gguf file";

/** What a model was asked for with cannot be had, in words. */
export class SourceError extends Error {
  /** @param {"source" | "absent" | "gated" | "unusable" | "network"} code */
  constructor(code, message, options) {
    super(message, options);
    this.name = "SourceError";
    this.code = code;
  }
}

/**
 * @typedef {{kind: "hub", repo: string, revision: string, path: string}} HubSource  path: "" for all of the repository
 * @typedef {{kind: "url", url: string, name: string}} UrlSource
 */

/**
 * @param {string} text
 * @param {string} hub its address
 * @returns {HubSource | UrlSource}
 */
export function parseSource(text, hub = HUB) {
  const given = text.trim();
  const short = /^(?:www\.)?(?:huggingface\.co|hf\.co)\//.test(given) ? `https://${given}` : given;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(short)) return named(given.split("/"), "main", given);
  let url;
  try {
    url = new URL(short);
  } catch {
    throw new SourceError("source", `found "${given}", which is no address; ${EXPECTED}`);
  }
  const base = new URL(hub, globalThis.location?.href);
  const within = base.pathname.replace(/\/$/, "");
  if (url.origin === base.origin && url.pathname.startsWith(`${within}/`)) return ofHub(url.pathname.slice(within.length), given);
  if (HUB_HOSTS.has(url.host)) return ofHub(url.pathname, given);
  const nearby = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname) || url.origin === globalThis.location?.origin;
  if (url.protocol !== "https:" && !(url.protocol === "http:" && nearby)) {
    throw new SourceError("source", `found an address that begins with ${url.protocol}//, expected https://`);
  }
  const name = decodeURIComponent(url.pathname.split("/").at(-1));
  if (/\.safetensors$/i.test(name)) throw new SourceError("unusable", unconverted(name));
  return { kind: "url", url: url.href, name: name || url.host };
}

/** @param {string} path of an address at the hub */
function ofHub(path, given) {
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  const [owner, name, kind, revision, ...file] = parts;
  if (["datasets", "spaces"].includes(owner)) throw new SourceError("source", `found one of the hub's ${owner}, ${EXPECTED}`);
  if (!kind) return named([owner ?? "", name ?? ""], "main", given);
  if (!["blob", "resolve", "raw", "tree"].includes(kind) || !revision) throw new SourceError("source", `found "${given}"; ${EXPECTED}`);
  return named([owner, name, ...(kind === "tree" ? [] : file)], revision, given);
}

function named([owner, name = "", ...file], revision, given) {
  const path = file.join("/");
  if (!NAME.test(owner) || !NAME.test(name)) throw new SourceError("source", `found "${given}", ${EXPECTED}`);
  if (/\.safetensors$/i.test(path)) throw new SourceError("unusable", unconverted(path));
  if (path && !/\.gguf$/i.test(path)) throw new SourceError("source", `found the file "${path}", expected one that ends in .gguf`);
  return { kind: "hub", repo: `${owner}/${name}`, revision, path };
}

/** Why weights as safetensors are of no use here, and what is to be done with them. */
export function unconverted(what) {
  return `${what} has its weights as safetensors, and a page reads GGUF files only. "tokenselect convert FOLDER model.gguf" makes one of a folder of such files.`;
}

/** How a file's weights are stored, as its name tells; "" where it does not. */
export function quantisationOf(name) {
  return /(?:^|[-_.])((?:IQ|Q|TQ)\d\w*|BF16|F16|F32|FP16|FP32|MXFP4)(?=[-.]|$)/i.exec(name.replace(/\.gguf$/i, ""))?.[1].toUpperCase() ?? "";
}

/** Which part of how many a file is, as its name tells, and what the names of all begin with; null of a whole one. */
export function partOf(name) {
  const found = /^(.+)-(\d{5})-of-(\d{5})(\.gguf)$/i.exec(name);
  const part = Number(found?.[2]), of = Number(found?.[3]);
  return part >= 1 && part <= of ? { stem: found[1], part, of, nameOf: (n) => `${found[1]}-${String(n).padStart(5, "0")}-of-${found[3]}${found[4]}` } : null;
}

/** The names of all parts of a file, of a whole one its own. */
export function partsOf(name) {
  const found = partOf(name);
  if (!found) return [name];
  if (found.of > MOST_PARTS) throw new SourceError("unusable", `${name} is one of ${found.of} parts, expected at most ${MOST_PARTS}`);
  return Array.from({ length: found.of }, (_, i) => found.nameOf(i + 1));
}

/**
 * One model of files that were given together: a file, or the parts of one in order.
 * @param {File[]} files
 * @returns {File | File[]}
 */
export function together(files) {
  const [first] = files;
  if (files.length === 1 && !partOf(first.name)) return first;
  const whole = files.find((file) => !partOf(file.name));
  if (whole) throw new SourceError("unusable", `${whole.name} was given with ${files.length - 1} other files, expected one file, or the parts of one, whose names end in -00001-of-00002.gguf and so on`);
  const names = partsOf(first.name);
  const other = files.find((file) => !names.includes(file.name));
  if (other) throw new SourceError("unusable", `${other.name} is no part of the model of ${first.name}, whose parts are ${names[0]} to ${names.at(-1)}`);
  return names.map((name, i) => files.find((file) => file.name === name) ?? missing(first.name, i, names));
}

/** Says which part is not there. */
export function missing(of, i, names, where = "choose all parts together") {
  throw new SourceError("unusable", `${of}: part ${i + 1} of ${names.length} is missing, ${names[i]}: ${where}`);
}
