// The real server and Chromium, for the tests of the whole: `make test-page`
// builds what they start.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launchProfile, missing } from "./chromium.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const binary = `${root}bin/tokenselect`;

/** Why these tests are left out, or false. */
export const skip = (await missing([])) || (existsSync(binary) && existsSync(`${root}bin/tokenselect.wasm`) ? false : "bin/ lacks tokenselect and tokenselect.wasm: make build wasm");

/**
 * Starts the server and waits until it says where it is.
 * @returns {Promise<{url: string, stop(signal: string): Promise<void>, fetched(): Promise<number>}>}
 */
export async function start(addr = "127.0.0.1:0", ...flags) {
  const child = spawn(binary, ["serve", "-addr", addr, "-device", "cpu", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  const url = await new Promise((resolve, reject) => {
    child.stderr.on("data", (data) => {
      said += data;
      const found = /is at (http:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  return {
    url,
    stop: (signal) => new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once("exit", resolve);
      child.kill(signal);
    }),
    /** How many requests for weights it has answered. */
    async fetched() {
      const text = await (await fetch(`${url}metrics`)).text();
      return [...text.matchAll(/^tokenselect_http_requests_total\{route="weights",.*\} (\d+)$/gm)].reduce((sum, found) => sum + Number(found[1]), 0);
    },
  };
}

/**
 * A browser of its own. With these flags and no others Chromium has WebGPU
 * where there is no GPU; without webgpu it finds no adapter there.
 */
export async function launch({ webgpu = false } = {}) {
  return launchProfile("tokenselect-test-", { viewport: { width: 1280, height: 800 } }, webgpu ? ["--enable-unsafe-webgpu"] : []);
}

/** @returns {{name: string, document: string, questions: string[], answers: string[]}} a document of the golden files */
export function golden(name) {
  const all = JSON.parse(readFileSync(`${root}engine/testdata/golden/documents.json`, "utf8"));
  const found = all.find((entry) => entry.name === name);
  if (!found) throw new Error(`documents.json has no ${name}, but ${all.map((entry) => entry.name).join(", ")}`);
  return found;
}
