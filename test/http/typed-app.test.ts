/** The types of an application that has registered its claims, which is a TypeScript program of its own. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { typeCheckProject } from "../harness/type-check.js";

it("knows its claims in Express, Fastify, Koa, Hono and node:http without a cast", { timeout: 120_000 }, () => {
  // Each wrong line in there is marked as one, so that a type which lets it pass is an error as well.
  expect(typeCheckProject(fileURLToPath(new URL("typed-app/tsconfig.json", import.meta.url)))).toBe("");
});
