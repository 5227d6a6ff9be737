import { Patience } from "../storage/patience.js";
import { partOf, quantisationOf, SourceError, unconverted } from "./source.js";

const PAGES = 20; // of a list of files, 1000 on each

/**
 * @typedef {object} Found a file that may be had
 * @property {string} name
 * @property {string} url
 * @property {number} [size] in bytes, where it is known before it is asked for
 * @property {string} [digest] SHA-256
 * @property {string} quantisation as the name tells it, or ""
 * @property {number} parts more than one: a split file, of which this is the first; size is that of all
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
  const found = files.filter((file) => (partOf(file.path)?.part ?? 1) === 1).map((file) => describe(file, files, { repo, revision, hub }));
  if (path) {
    const one = found.filter((file) => file.path === path);
    if (one.length > 0) return one;
    const first = partOf(path);
    if (first && files.some((file) => file.path === path)) throw new SourceError("unusable", `${path} is part ${first.part} of ${first.of}; name the first part`);
    throw new SourceError("absent", `${repo} has no file ${path}${found.length > 0 ? `, but ${found.slice(0, 5).map((file) => file.path).join(", ")}${found.length > 5 ? " and others" : ""}` : ""}.`);
  }
  if (found.length === 0) {
    if (all.some((entry) => /\.safetensors$/.test(entry.path))) throw new SourceError("unusable", `${unconverted(repo)} Many models have a second repository, with -GGUF at the end of its name.`);
    throw new SourceError("unusable", `${repo} has no GGUF files.`);
  }
  return found.sort((a, b) => a.size - b.size);
}

function describe(file, files, { repo, revision, hub }) {
  const { of = 1 } = partOf(file.path) ?? {};
  const stem = file.path.replace(/-00001-of-\d{5}\.gguf$/i, "-");
  const parts = of > 1 ? files.filter((other) => other.path.startsWith(stem) && partOf(other.path)?.of === of) : [file];
  return {
    path: file.path, name: file.path.split("/").at(-1), repo, parts: of,
    url: `${hub}/${repo}/resolve/${encodeURIComponent(revision)}/${file.path.split("/").map(encodeURIComponent).join("/")}`,
    size: parts.reduce((sum, part) => sum + (part.lfs?.size ?? part.size), 0),
    digest: /^[0-9a-f]{64}$/.test(file.lfs?.oid ?? "") ? file.lfs.oid : undefined,
    quantisation: quantisationOf(file.path),
  };
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
