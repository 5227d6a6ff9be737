import { Patience } from "../storage/patience.js";
import { missing, partOf, partsOf, quantisationOf, SourceError, unconverted } from "./source.js";

const PAGES = 20; // of a list of files, 1000 on each

/**
 * @typedef {object} Found a file that may be had
 * @property {string} name
 * @property {string} url
 * @property {number} [size] in bytes, where it is known before it is asked for
 * @property {string} [digest] SHA-256
 * @property {string} quantisation as the name tells it, or ""
 * @property {{name: string, url: string, size?: number, digest?: string}[]} [parts] of a split file, in order; name is that of the first then, and size that of all
 * @property {string} [repo] on the hub
 */

/**
 * The GGUF files of a repository, the smallest first, or the one that was named.
 * @param {import("./source.js").HubSource} source
 * @param {{hub: string, signal?: AbortSignal}} options
 * @returns {Promise<Found[]>}
 */
export async function filesOf({ repo, revision, path }, { hub, signal }) {
  const all = await tree(`${hub}/api/models/${repo}/tree/${encodeURIComponent(revision)}?recursive=true`, { repo, hub, signal });
  const files = all.filter((entry) => entry.type === "file" && /\.gguf$/i.test(entry.path));
  const found = files.filter((file) => !isLater(file, files)).map((file) => describe(file, files, { repo, revision, hub }));
  if (path) {
    const wanted = partOf(path)?.stem ?? path; // any part stands for all
    const one = found.filter((file) => (partOf(file.path)?.stem ?? file.path) === wanted);
    if (one.length > 0) return one;
    throw new SourceError("absent", `${repo} has no file ${path}${found.length > 0 ? `, but ${found.slice(0, 5).map((file) => file.path).join(", ")}${found.length > 5 ? " and others" : ""}` : ""}.`);
  }
  if (found.length === 0) {
    if (all.some((entry) => /\.safetensors$/.test(entry.path))) throw new SourceError("unusable", `${unconverted(repo)} Many models have a second repository, with -GGUF at the end of its name.`);
    throw new SourceError("unusable", `${repo} has no GGUF files.`);
  }
  return found.sort((a, b) => a.size - b.size);
}

/** Whether a file comes with another of its parts. */
function isLater(file, files) {
  const found = partOf(file.path);
  return found !== null && files.some((other) => partOf(other.path)?.part < found.part && found.nameOf(partOf(other.path).part) === other.path);
}

function describe(file, files, { repo, revision, hub }) {
  const one = ({ path, size, lfs }) => ({
    name: path.split("/").at(-1), size: lfs?.size ?? size, digest: /^[0-9a-f]{64}$/.test(lfs?.oid ?? "") ? lfs.oid : undefined,
    url: `${hub}/${repo}/resolve/${encodeURIComponent(revision)}/${path.split("/").map(encodeURIComponent).join("/")}`,
  });
  const found = { ...one(file), path: file.path, repo, quantisation: quantisationOf(file.path) };
  if (!partOf(file.path)) return found;
  const names = partsOf(file.path), parts = names.map((name) => files.find((other) => other.path === name));
  const absent = parts.indexOf(undefined);
  if (absent >= 0) return { ...found, absent: { part: absent, names } };
  return { ...found, digest: undefined, parts: parts.map(one), size: parts.reduce((sum, part) => sum + one(part).size, 0) };
}

/** Refuses a file that the hub has not all parts of. @param {Found & {absent?: {part: number, names: string[]}}} file */
export function checkParts({ name, repo, absent }) {
  if (absent) missing(name, absent.part, absent.names, `${repo} does not have it`);
}

async function tree(first, { repo, hub, signal }) {
  const all = [];
  let url = first;
  for (let page = 0; url && page < PAGES; page++) {
    const response = await answerOf(url, { repo, hub, signal });
    const list = await response.json().catch(() => null);
    if (!Array.isArray(list)) throw new SourceError("network", `${hub} did not answer with a list of files: is it a model hub?`);
    all.push(...list.filter((entry) => typeof entry?.path === "string"));
    url = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
  }
  return all;
}

async function answerOf(url, { repo, hub, signal }) {
  const patience = new Patience(signal);
  let response;
  try {
    response = await patience.over(() => fetch(url, { signal }));
  } catch (error) {
    signal?.throwIfAborted();
    throw new SourceError("network", `${hub} cannot be reached from here (${error.message}). Is there a network?`, { cause: error });
  }
  if (response.ok) return response;
  throw refusal(response, repo) ?? new SourceError("network", `${hub} answers ${response.status} when asked for ${repo}. Try again in a moment.`);
}

/** What the hub's refusal means, in words; null where it is none. */
export function refusal(response, what) {
  const code = response.headers.get("X-Error-Code");
  if (code === "GatedRepo" || response.status === 403) {
    return new SourceError("gated", `${what} is gated: its owner asks for consent, which this page cannot give. Sign in on the hub, download the file there, and choose it here.`);
  }
  if (code === "RevisionNotFound" || code === "EntryNotFound") return new SourceError("absent", `${what} has no such version or file.`);
  if (response.status === 401 || response.status === 404) return new SourceError("absent", `${what} is not there, or not public. Is the name right?`);
  return null;
}
