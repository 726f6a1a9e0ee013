/** Runs a program that stands in a document, and compares what it prints with what its comments promise. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatWithOptions } from "node:util";
import { expect, vi } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program whose every `console.log(…);` is followed by a comment with what it prints. */
export async function expectPrinted(program: string, redisUrl: string): Promise<void> {
  const promised = [...program.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
  expect(promised.length).toBe(program.split("console.log(").length - 1);
  expect(promised.length).toBeGreaterThan(0);

  // Inside the project, so that the program finds the packages that it imports.
  const folder = join(root, ".cache/programs", String(process.pid));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `program-${programs++}.ts`);
  const entry = (_: string, name = "index") => JSON.stringify(join(root, `src/${name}.ts`));
  writeFileSync(file, program.replace(/"coatcheck(?:\/([\w-]+))?"/g, entry));
  vi.stubEnv("REDIS_URL", redisUrl);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    await import(/* @vite-ignore */ file);
    expect(log.mock.calls.map((values) => formatWithOptions({ colors: false }, ...values))).toEqual(promised);
  } finally {
    log.mockRestore();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  }
}
let programs = 0;
