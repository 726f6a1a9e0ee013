/** The application of docs/fetch.md on Request and Response: it is this file, and does what the page says. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { expectVisit } from "./log-in-visit.js";
import { type Program, startExample } from "./program.js";

const page = new MarkdownDocument(new URL("../../docs/fetch.md", import.meta.url));
const server = await startRedisServer();
afterFile(() => server.stop());
let program: Program;

// A build may come before.
beforeAll(async () => {
  program = await startExample("fetch", { REDIS_URL: server.url, NODE_ENV: "development" });
}, 120_000);

it("is on the page to the letter", () => {
  const file = readFileSync(new URL("../../examples/fetch/app.ts", import.meta.url), "utf8");
  expect(page.blocks("ts").map(({ code }) => `${code}\n`)).toContain(file);
});

it("logs in, guards, logs out, blocks, and logs no stack", async () => {
  const { url } = program;
  const block = (user: string) => fetch(`${url}/block?user=${user}`, { method: "POST" });
  const shows = () => '{"role":"member"}';
  await expectVisit({ url, guarded: "/me", login: "/login", logout: "/logout", block, shows });
  const refused = await fetch(`${url}/me`);
  expect([refused.status, await refused.text()]).toEqual([401, "Log in first"]);
  expect(program.output().trim()).toBe(url);
});
