/** The types of an application that has registered its claims, which is a TypeScript program of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

it("knows its claims in Express, Fastify, Koa and node:http without a cast", async () => {
  // Each wrong line in there is marked as one, so that a type which lets it pass is an error as well.
  const tsc = [`${root}node_modules/typescript/bin/tsc`, "--project", `${root}test/http/typed-app`];
  const { stdout } = await promisify(execFile)(process.execPath, tsc).catch((failed: { stdout: string }) => failed);
  expect(stdout).toBe("");
}, 120_000);
