/** A headless Chromium for tests: the one of the machine, driven by playwright-core, which brings none of its own. */
import { accessSync, constants } from "node:fs";
import { delimiter, resolve } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterFile } from "../harness/fixtures.js";

/** Beside what playwright gives by itself, such as `--disable-dev-shm-usage`, and what keeps Chromium from the network. */
const ARGS = [
  // Chromium's sandbox needs rights that a container seldom has; it only ever opens our own pages here.
  "--no-sandbox",
  // Without it Chromium emulates a graphics card (SwiftShader, which playwright allows). No test needs one.
  "--disable-gpu",
  "--disable-quic",
];

/** Where Chromium is: `CHROMIUM`, else `PATH`. */
export function findChromium(env: Readonly<NodeJS.ProcessEnv> = process.env): string {
  const named = env["CHROMIUM"];
  const places = named
    ? [resolve(named)]
    : (env["PATH"] ?? "")
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => resolve(folder, "chromium"));
  const found = places.find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(
    named
      ? `CHROMIUM is ${JSON.stringify(named)}, which cannot be run: set it to the path of a Chromium, or unset it.`
      : "No chromium found on PATH: install it (Debian: apt-get install chromium) or set CHROMIUM to its path.",
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts Chromium until the test file ends. Playwright would turn the cache for "back" off; users have it. */
export async function launch(args: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: [...ARGS, ...args],
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  afterFile(() => browser.close());
  return browser;
}
