/** The Express application of docs/getting-started.md: it is this file, and answers as in its transcript. */
import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { afterFile } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import { replay } from "../harness/transcript.js";
import { type Program, startExample } from "./program.js";

const page = new MarkdownDocument(new URL("../../docs/getting-started.md", import.meta.url));
const server = await startRedisServer();
afterFile(() => server.stop());
let program: Program;

// A build may come before.
beforeAll(async () => {
  program = await startExample("express", { REDIS_URL: server.url, NODE_ENV: "development" });
}, 120_000);

it("is on the page to the letter, before all other code", () => {
  const file = readFileSync(new URL("../../examples/express/server.ts", import.meta.url), "utf8");
  expect(`${page.blocks("ts")[0]?.code}\n`).toBe(file);
});

it("answers as in the page's transcript", async () => {
  const transcript = page.blocks("console")[0]?.code ?? "";
  expect(await replay(transcript, program.url)).toBe(7);
});

it("ends every session of a user who is blocked, and answers the next log-in with 403", async () => {
  const send = (path: string, init: RequestInit = {}) => fetch(program.url + path, init);
  const logIn = () => {
    const headers = { "content-type": "application/json" };
    return send("/login", { method: "POST", headers, body: JSON.stringify({ user: "eve" }) });
  };
  const cookie = (await logIn()).headers.getSetCookie()[0]?.split(";")[0] ?? "";
  expect((await send("/me", { headers: { cookie } })).status).toBe(200);
  expect(await (await send("/users/eve/block", { method: "POST" })).json()).toBe(1);
  expect((await send("/me", { headers: { cookie } })).status).toBe(401);
  expect((await logIn()).status).toBe(403);
});

it("answers 401 and 403 as JSON, and prints nothing for them", async () => {
  const before = program.output();
  for (let n = 0; n < 10; n++) {
    const answer = await fetch(`${program.url}/me`);
    expect([answer.status, await answer.json()]).toEqual([401, { error: "Log in first" }]);
  }
  expect(program.output()).toBe(before);
});
