/**
 * The micro-blog as `npm start` runs it, and what only a Redis of its own can show: an outage, and log-ins during which
 * the account changes.
 */
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt } from "../harness/dist.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { gated, interrupt, type Moment } from "../harness/gate.js";
import { startRedisServer } from "../harness/redis-server.js";
import { openRedis, PASSWORD, startBlog } from "./micro-blog-rig.js";
import { Visitor } from "./micro-blog-visitor.js";
import { startExample } from "./program.js";

function passwordOf(name: string, output: string): string {
  return new RegExp(`^Log in as ${name} \\(\\w+\\) with the password (\\S+)$`, "m").exec(output)?.[1] ?? "";
}

describe("npm start", () => {
  // Else a build would count as the time of the first test that needs it.
  beforeAll(ensureBuilt, 120_000);

  it("builds the package and starts the micro-blog", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(scripts.start).toBe("npm run build && tsx --tsconfig examples/tsconfig.json examples/micro-blog/server.ts");
  });

  it("starts with two accounts in memory, and a block fails the other's very next request", async () => {
    const server = await startExample("micro-blog");
    const logIn = (name: string) => new Visitor(server.url).logIn(name, passwordOf(name, server.output()));
    const [mia, max] = [await logIn("mia"), await logIn("max")];
    expect((await max.get("/devices")).status).toBe(200);
    expect((await mia.post("/moderation/max/block", { reason: "Demo" })).status).toBe(303);
    expect((await max.get("/devices")).status).toBe(401);
    await expect.poll(server.output).toContain(`session ${max.sessionId} of max ended: blocked`);
    expect(server.output()).not.toMatch(/[\w-]{43}/);

    expect(await server.stop()).toBe(0);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it("keeps accounts and sessions in Redis, with passwords that are in no documentation", async () => {
    const { url: REDIS_URL } = await privateRedis();
    const first = await startExample("micro-blog", { REDIS_URL });
    const password = passwordOf("max", first.output());
    expect(password).toMatch(/^[\w-]{16}$/);
    const max = await new Visitor(first.url).logIn("max", password);
    await max.post("/posts", { text: "I will be back" });
    expect(await first.stop()).toBe(0);

    const second = await startExample("micro-blog", { REDIS_URL });
    expect(second.output()).not.toContain("password");
    const again = new Visitor(second.url);
    again.cookie = max.cookie;
    expect((await again.get("/devices")).status).toBe(200);
    expect((await again.get("/")).text).toContain("I will be back");
    expect(await second.stop()).toBe(0);
  });

  it("sends a cookie for HTTPS alone in production", async () => {
    const server = await startExample("micro-blog", { NODE_ENV: "production" });
    const form = { name: "max", password: passwordOf("max", server.output()) };
    const { headers } = await new Visitor(server.url).post("/login", form);
    expect(headers.get("set-cookie")).toMatch(/^__Host-session=.*; HttpOnly; Secure; SameSite=Lax$/);
    expect(headers.get("strict-transport-security")).toContain("max-age=");
    await server.stop();
  });
});

describe("without Redis", () => {
  it("says that it is away, within the deadline, and logs nobody out", async () => {
    const server = await privateRedis();
    const errors: unknown[] = [];
    const running = await startBlog(connect({ port: server.port }), { log: (error) => errors.push(error) });
    const reader = await running.as("fan");
    server.freeze();
    for (const [visitor, path] of [
      [reader, "/devices"],
      [running.guest(), "/"],
    ] as const) {
      const start = performance.now();
      const { status, headers, text } = await visitor.get(path);
      expect(status).toBe(503);
      expect(performance.now() - start).toBeLessThan(5000);
      expect(headers.get("retry-after")).toBe("1");
      expect(headers.get("set-cookie")).toBeNull();
      expect(text).toContain("Back in a moment");
    }
    expect(errors).toHaveLength(2);
    server.thaw();
    expect((await reader.get("/devices")).status).toBe(200);
  });
});

describe("an account that changes during a log-in", () => {
  const MOMENTS: Moment[] = ["before", "after"];

  it.each(MOMENTS)("leaves no session with the old role: changed %s the session is made", async (moment) => {
    const { gate, running } = await startGated();
    await running.account("deputy", "moderator");
    const mia = await running.as("mia", "moderator");
    const demote = () => mia.post("/moderation/deputy/role", { role: "member" });
    const [deputy] = await interrupt(gate, "create", moment, () => running.logIn("deputy"), demote);
    expect((await deputy.get("/account")).status).toBe(200);
    expect((await deputy.get("/moderation")).status).toBe(403);
  });

  it.each(MOMENTS)("leaves no session with the old password: changed %s the session is made", async (moment) => {
    const { gate, running } = await startGated();
    await running.accounts("careful");
    const owner = await running.as("careful");
    const thief = running.guest();
    const [answer] = await interrupt(
      gate,
      "create",
      moment,
      () => thief.post("/login", { name: "careful", password: PASSWORD }),
      () => owner.post("/account/password", { current: PASSWORD, password: "another good one" }),
    );
    expect(answer.status).toBe(401);
    expect((await thief.get("/account")).status).toBe(401);
    expect(await running.blog.store.listForUser("careful")).toHaveLength(1);
    expect((await owner.get("/account")).status).toBe(200);
  });
});

describe("two moderators who change a role at the same moment", () => {
  it("leave the sessions with the role that the account has", async () => {
    const { gate, running } = await startGated();
    await running.accounts("contested");
    const [mia, ben] = [await running.as("mia", "moderator"), await running.as("ben", "moderator")];
    const contested = await running.as("contested");
    const change = (moderator: Visitor, role: string) => moderator.post("/moderation/contested/role", { role });
    // The first has written "moderator" to the account and not yet to the session when the second demotes.
    await interrupt(
      gate,
      "updateUser",
      "before",
      () => change(mia, "moderator"),
      () => change(ben, "member"),
    );
    expect((await running.blog.users.get("contested"))?.role).toBe("member");
    expect((await contested.get("/moderation")).status).toBe(403);
  });
});

async function privateRedis() {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  return server;
}

/** The application on a client whose scripts can be stopped, with time to wait there. Its own commands go past the gate. */
async function startGated() {
  const redis = await openRedis();
  const gate = await gated(redis);
  const client = new Proxy(redis, {
    get: (target, name) => {
      const own = Object.hasOwn(gate, name) && name === "evalsha";
      const value: unknown = Reflect.get(own ? gate : target, name);
      return typeof value === "function" ? value.bind(own ? gate : target) : value;
    },
  }) as Redis;
  return { gate, running: await startBlog(client, { timeout: 10_000 }) };
}
