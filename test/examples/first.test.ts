/** The application with which the README begins: it is this file, and answers as in its transcript. */
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { beforeAll, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { replay } from "../harness/transcript.js";
import { type Program, startExample } from "./program.js";

const readme = new MarkdownDocument(new URL("../../README.md", import.meta.url));
const server = await startRedisServer();
afterFile(() => server.stop());
let program: Program;

// A build may come before.
beforeAll(async () => {
  program = await startExample("first", {
    REDIS_URL: server.url,
    NODE_ENV: "development",
    PORT: String(await freePort()),
  });
}, 120_000);

it("is in the README to the letter, before all other code", () => {
  const file = readFileSync(new URL("../../examples/first/server.ts", import.meta.url), "utf8");
  expect(`${readme.blocks("ts")[0]?.code}\n`).toBe(file);
});

it("answers as in the README's transcript", async () => {
  expect(await replay(readme.blocks("console")[0]?.code ?? "", program.url)).toBe(6);
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => probe.once("listening", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
