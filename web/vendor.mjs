// Copies the libraries of the page from node_modules to static/vendor, as they
// are in their packages, with their licences: npm ci && npm run vendor. The
// copies are committed, so that neither the page nor its build needs npm.
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
export const packages = join(root, "node_modules");
export const vendored = join(root, "static", "vendor");

/**
 * What comes from which package: [path in the package, path in static/vendor/LIB].
 * pdf.js is its build for older browsers, the text needs neither fonts nor image
 * decoders; the character maps are for Chinese, Japanese and Korean files.
 */
const sources = {
  "pdfjs-dist": {
    lib: "pdfjs",
    files: [
      ["legacy/build/pdf.min.mjs", "pdf.min.mjs"],
      ["legacy/build/pdf.worker.min.mjs", "pdf.worker.min.mjs"],
      ["LICENSE", "LICENSE"],
    ],
    folders: [["cmaps", "cmaps"]],
  },
  fflate: { lib: "fflate", files: [["umd/index.js", "fflate.min.js"], ["LICENSE", "LICENSE"]], folders: [] },
};

/**
 * Every vendored file, of the packages that are installed.
 * @returns {Promise<{from: string, to: string}[]>} absolute paths
 */
export async function plan() {
  const files = [];
  for (const [name, { lib, files: single, folders }] of Object.entries(sources)) {
    const from = join(packages, name);
    const to = join(vendored, lib);
    files.push(...single.map(([a, b]) => ({ from: join(from, a), to: join(to, b) })));
    for (const [a, b] of folders) {
      const names = (await readdir(join(from, a))).sort();
      files.push(...names.map((file) => ({ from: join(from, a, file), to: join(to, b, file) })));
    }
  }
  return files;
}

/** The versions that package.json pins: {package: version}. */
export async function pins() {
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  return Object.fromEntries(Object.keys(sources).map((name) => [name, devDependencies[name]]));
}

/** The version of a package that is installed. */
export async function installed(name) {
  return JSON.parse(await readFile(join(packages, name, "package.json"), "utf8")).version;
}

async function main() {
  for (const [name, pin] of Object.entries(await pins())) {
    const version = await installed(name).catch(() => "none");
    if (version !== pin) {
      throw new Error(`node_modules holds ${name} ${version}, package.json pins ${pin}: run npm ci`);
    }
  }
  const files = await plan();
  await rm(vendored, { recursive: true, force: true });
  for (const { from, to } of files) {
    await mkdir(dirname(to), { recursive: true });
    await cp(from, to);
  }
  console.log(`${files.length} files copied to static/vendor`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
