/** The demo, as `npm run demo` runs it: its README's transcript, and each effect that it shows. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { afterFile, connect, keysUnder } from "../harness/fixtures.js";
import { MarkdownDocument } from "../harness/markdown.js";
import { STEADY_ENVIRONMENT } from "../harness/mock-clock.js";
import { startRedisServer } from "../harness/redis-server.js";
import { replay } from "../harness/transcript.js";
import { type Program, startExample } from "./program.js";

const redisServer = await startRedisServer();
afterFile(() => redisServer.stop());
const redis = connect({ port: redisServer.port });

/** Where the demo keeps its sessions, and the environment that makes it do so. */
const PLACES: [storage: string, environment: Record<string, string>][] = [
  ["ioredis-mock", STEADY_ENVIRONMENT],
  ["Redis", { REDIS_URL: redisServer.url }],
];

it("is what npm run demo starts", () => {
  const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(scripts.demo).toBe("node tools/example.mjs demo");
});

describe.each(PLACES)("the demo with sessions in %s", (storage, environment) => {
  let demo: Program;
  // A build may come before.
  beforeAll(async () => {
    demo = await startExample("demo", environment);
  }, 120_000);

  /** Sends a request; with a body it is a POST. */
  async function send(path: string, { token, body, agent }: { token?: string; body?: unknown; agent?: string } = {}) {
    const headers = new Headers();
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    if (agent !== undefined) headers.set("user-agent", agent);
    const sent = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
    const method = sent === null ? "GET" : "POST";
    const response = await fetch(demo.url + path, { method, headers, body: sent });
    expect(response.headers.get("cache-control")).toBe("no-store");
    return { status: response.status, body: (await response.json()) as unknown };
  }

  async function logIn(user: string, agent: string): Promise<{ token: string; session: string }> {
    const { status, body } = await send("/login", { body: { user }, agent });
    expect(status).toBe(200);
    return body as { token: string; session: string };
  }

  it("keeps them where it says", async () => {
    expect(demo.output()).toContain(`sessions in ${storage}\n`);
    const before = await keysUnder(redis, "coatcheck:");
    await logIn("places", "Phone");
    expect((await keysUnder(redis, "coatcheck:")).length - before.length).toBe(storage === "Redis" ? 2 : 0);
  });

  it("answers as in its README's transcript", async () => {
    const readme = new MarkdownDocument(new URL("../../examples/demo/README.md", import.meta.url));
    const transcript = readme.blocks("console").find(({ code }) => code.includes("/devices"));
    expect(await replay(transcript?.code ?? "", demo.url)).toBe(10);
  });

  it("lists the devices of a user, each to itself", async () => {
    const phone = await logIn("lists", "Phone");
    const laptop = await logIn("lists", "Laptop");
    await logIn("somebody else", "Tablet");
    for (const { token, session } of [phone, laptop]) {
      const { status, body } = await send("/devices", { token });
      expect(status).toBe(200);
      expect(body).toHaveLength(2);
      expect(body).toEqual(
        expect.arrayContaining([
          { id: phone.session, this: session === phone.session, userAgent: "Phone" },
          { id: laptop.session, this: session === laptop.session, userAgent: "Laptop" },
        ]),
      );
    }
  });

  it("shows a change that was made on one device on the other, with its next request", async () => {
    const phone = await logIn("changes", "Phone");
    const laptop = await logIn("changes", "Laptop");
    const me = () => send("/me", { token: laptop.token });
    expect(await me()).toMatchObject({ status: 200, body: { id: laptop.session, claims: { role: "member" } } });
    const changed = await send("/role", { token: phone.token, body: { role: "admin" } });
    expect(changed).toEqual({ status: 200, body: { changed: 2 } });
    expect(await me()).toMatchObject({ status: 200, body: { id: laptop.session, claims: { role: "admin" } } });
  });

  it("ends the session that a device names, and no other", async () => {
    const phone = await logIn("revokes", "Phone");
    const laptop = await logIn("revokes", "Laptop");
    const revoke = () => send("/revoke", { token: laptop.token, body: { id: phone.session } });
    expect(await revoke()).toEqual({ status: 200, body: { revoked: true } });
    expect((await send("/me", { token: phone.token })).status).toBe(401);
    expect((await send("/me", { token: laptop.token })).status).toBe(200);
    expect(await revoke()).toEqual({ status: 200, body: { revoked: false } });
  });

  it("does not let one user end another's session", async () => {
    const mallory = await logIn("mallory", "Phone");
    const victim = await logIn("victim", "Laptop");
    const answer = await send("/revoke", { token: mallory.token, body: { id: victim.session } });
    expect(answer).toEqual({ status: 200, body: { revoked: false } });
    expect((await send("/me", { token: victim.token })).status).toBe(200);
  });

  it("logs out", async () => {
    const { token } = await logIn("leaves", "Phone");
    expect(await send("/logout", { token, body: {} })).toEqual({ status: 200, body: { revoked: true } });
    expect((await send("/me", { token })).status).toBe(401);
  });

  it("blocks a user at once and on every device, refuses log-ins with 403, and lets the user in again", async () => {
    const phone = await logIn("troll", "Phone");
    const laptop = await logIn("troll", "Laptop");
    expect(await send("/block", { body: { user: "troll" } })).toEqual({ status: 200, body: { ended: 2 } });
    for (const { token } of [phone, laptop]) expect((await send("/me", { token })).status).toBe(401);
    const refusal = await send("/login", { body: { user: "troll" } });
    expect(refusal).toEqual({ status: 403, body: { error: "The user is blocked" } });

    expect(await send("/unblock", { body: { user: "troll" } })).toEqual({ status: 200, body: { unblocked: true } });
    const { token } = await logIn("troll", "Phone");
    expect((await send("/me", { token })).status).toBe(200);
    expect((await send("/me", { token: phone.token })).status).toBe(401);
  });

  it.each([
    [401, "no token", "/me", undefined],
    [404, "a path that is not there", "/nowhere", undefined],
    [400, "a body that is not JSON", "/login", "{"],
    [400, "a log-in without a user", "/login", {}],
    [413, "a body that is too large", "/login", { user: "x".repeat(20_000) }],
  ])("answers %i to %s", async (status, _, path, body) => {
    const answer = await send(path, { body });
    expect(answer).toEqual({ status, body: { error: expect.any(String) } });
  });

  it("logs ends and refusals by id, and never a token", async () => {
    const { token, session } = await logIn("logs", "Phone");
    await send("/logout", { token, body: {} });
    await send("/me", { token });
    await expect.poll(demo.output).toContain(`session ${session} of logs ended: revoked`);
    await expect.poll(demo.output).toContain(`a token was refused: unknown (session ${session})`);
    expect(demo.output()).not.toMatch(/[\w-]{43}/);
  });

  it("ends when it is told to, and has complained of nothing", async () => {
    expect(await demo.stop()).toBe(0);
    await expect(fetch(demo.url)).rejects.toThrow();
    const complaints = demo
      .output()
      .split("\n")
      .filter((line) => !/^(coatcheck demo on|session |a token was |$)/.test(line));
    expect(complaints).toEqual([]);
  });
});
