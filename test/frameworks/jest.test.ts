/** The contract of adapters in Jest, as docs/testing.md says: all cases of it, on the adapter of the examples. */
import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { start } from "../../examples/adapters/node-http-contract.js";
import { adapterContract } from "../../src/testing.js";
import { connect } from "../harness/fixtures.js";
import { Recipe } from "./recipe.js";

it("runs the contract in Jest", { timeout: 300_000 }, async () => {
  const { folder } = await Recipe.install("jest");
  for (const file of ["node-http.ts", "node-http-contract.ts"])
    cpSync(new URL(`../../examples/adapters/${file}`, import.meta.url), join(folder, file));
  // What Vitest sets for the processes of its tests is not for Jest.
  const { NODE_OPTIONS: _options, VITEST: _vitest, JEST_WORKER_ID: _id, ...env } = process.env;
  const args = ["--experimental-vm-modules", "node_modules/jest/bin/jest.js", "--json"];
  const settings = { cwd: folder, env, maxBuffer: 1 << 24 };
  const { stdout } = await promisify(execFile)(process.execPath, args, settings);
  const { numPassedTests, numFailedTests } = JSON.parse(stdout) as Record<string, number>;
  const cases = adapterContract({ redis: connect(), start });
  expect([numPassedTests, numFailedTests]).toEqual([cases.length, 0]);
});
