/** The types of applications that have declared their claims, each of which is a TypeScript program of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What the compiler prints of a program. */
async function compile(program: string): Promise<string> {
  const tsc = [
    `${root}node_modules/typescript/bin/tsc`,
    "--project",
    `${root}test/http/${program}`,
    "--pretty",
    "false",
  ];
  const { stdout } = await promisify(execFile)(process.execPath, tsc).catch((failed: { stdout: string }) => failed);
  return stdout;
}

it("knows its claims in Express, Fastify, Koa and node:http without a cast", async () => {
  // Each wrong line in there is marked as one, so that a type which lets it pass is an error as well.
  expect(await compile("typed-app")).toBe("");
}, 120_000);

it("names the declaration in each error where an adapter is given a store of other claims", async () => {
  const errors = (await compile("mismatched-app")).split(/^(?=\S+\(\d+,\d+\): error)/m);
  expect(errors).toHaveLength(9);
  for (const error of errors) expect(error).toContain('"its claims must be those declared as Coatcheck.Claims"');
}, 120_000);
