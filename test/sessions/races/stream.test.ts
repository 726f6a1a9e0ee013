/** Verbs on a user with many sessions while log-ins go on: they end, do no work twice, and keep what they promise. */
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore, type IssuedSession, UserBlockedError } from "../../../src/index.js";
import { PAGE } from "../../../src/sessions/context.js";
import { Keys } from "../../../src/sessions/keys.js";
import { scripts } from "../../../src/sessions/scripts/scripts.js";
import { connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";
import type { ScriptName } from "../../harness/gate.js";
import { passThrough } from "../../harness/pass-through.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const keys = new Keys(prefix);
// Nothing here is about the deadline, on however busy a machine.
const options = { prefix, timeout: 30_000 };
const others = createSessionStore(redis, options);
let users = 0;

type Issued = IssuedSession<Record<string, unknown>>;

/** A user with four pages of sessions, all of one role. */
async function userOfMany(): Promise<{ userId: string; issued: Issued[] }> {
  const userId = `stream ${users++}`;
  const logIn = () => others.create({ userId, claims: { role: "user" } });
  return { userId, issued: await Promise.all(Array.from({ length: 4 * PAGE }, logIn)) };
}

/** A client of a busy user: after each of these scripts, thirty log-ins with the old role reach Redis before its reply does. */
function busyClient(userId: string, during: readonly ScriptName[], rounds = 100) {
  const shas = new Map(during.map((name) => [scripts[name].sha, name]));
  const calls: ScriptName[] = [];
  const arrived: Issued[] = [];
  const refused: unknown[] = [];
  const logIn = async () => {
    try {
      arrived.push(await others.create({ userId, claims: { role: "user" } }));
    } catch (error) {
      refused.push(error);
    }
  };
  const stream = async (sha: string, reply: unknown) => {
    const name = shas.get(sha);
    if (name === undefined) return reply;
    // A verb that never ends would hang the test.
    if (calls.push(name) > 200) throw new Error("The verb goes on and on.");
    if (calls.length <= rounds) await Promise.all(Array.from({ length: 30 }, logIn));
    return reply;
  };
  const client = passThrough(connect(), {
    async evalsha(sha: string, count: number, ...args: (string | number)[]) {
      return stream(sha, await redis.evalsha(sha, count, ...args));
    },
    async eval(source: string, count: number, ...args: (string | number)[]) {
      const reply = await redis.eval(source, count, ...args);
      return stream(Object.values(scripts).find((script) => script.source === source)?.sha ?? "", reply);
    },
  });
  return { client: client as unknown as Redis, calls, arrived, refused };
}

/** How often the claims of each of these sessions were changed. */
const versions = (issued: readonly Issued[]) =>
  Promise.all(issued.map(({ session }) => redis.hget(keys.session(session.id), "v")));

describe("while thirty log-ins come between any two of its steps", () => {
  it("updateClaimsForUser ends, and reaches all that were there or came before its last step, each once", async () => {
    const { userId, issued } = await userOfMany();
    const { client, calls, arrived } = busyClient(userId, ["updateUser", "updateArrivals"]);
    const store = createSessionStore(client, options);
    const heard: string[] = [];
    store.events.on("updated", ({ id }) => heard.push(id));
    const count = await store.updateClaimsForUser(userId, { role: "admin" });

    // The last script runs, and then the log-ins that nobody can reach any more.
    const within = arrived.slice(0, -30);
    expect(within.length).toBeGreaterThan(0);
    const sessions = await others.listForUser(userId);
    const roles = new Map(sessions.map(({ id, claims }) => [id, claims["role"]]));
    for (const { session } of [...issued, ...within]) expect(roles.get(session.id)).toBe("admin");
    expect(new Set(await versions(issued))).toEqual(new Set(["1"]));
    expect(count).toBe(issued.length + within.length);
    expect(new Set(heard).size).toBe(heard.length);
    expect(heard).toHaveLength(count);
    expect(calls.length).toBeLessThan(10);
    await others.revokeAllForUser(userId);
  });

  it("updateClaimsForUser of a store with a schema ends soon after them, and reaches all", async () => {
    const { userId, issued } = await userOfMany();
    const { client, arrived } = busyClient(userId, ["list", "arrivals"], 7);
    const validate = (value: unknown) => ({ value: value as Record<string, unknown> });
    const claims = { "~standard": { version: 1 as const, vendor: "test", validate } };
    const count = await createSessionStore(client, { ...options, claims }).updateClaimsForUser(userId, {
      role: "admin",
    });
    expect(arrived).toHaveLength(7 * 30);
    const sessions = await others.listForUser(userId);
    expect(sessions.filter((session) => session.claims["role"] !== "admin")).toEqual([]);
    expect(new Set(await versions([...issued, ...arrived]))).toEqual(new Set(["1"]));
    expect(count).toBe(issued.length + arrived.length);
    await others.revokeAllForUser(userId);
  });

  it("two updateClaimsForUser at once both reach all", async () => {
    const { userId, issued } = await userOfMany();
    const [first, second] = [busyClient(userId, ["updateUser"]), busyClient(userId, ["updateUser"])];
    await Promise.all([
      createSessionStore(first.client, options).updateClaimsForUser(userId, { role: "admin" }),
      createSessionStore(second.client, options).updateClaimsForUser(userId, { level: 2 }),
    ]);
    const sessions = await others.listForUser(userId);
    expect(sessions.length).toBe(issued.length + first.arrived.length + second.arrived.length);
    // Whoever came after the last step of one may have come before that of the other.
    const before = new Set(issued.map(({ session }) => session.id));
    for (const { id, claims } of sessions) if (before.has(id)) expect(claims).toEqual({ role: "admin", level: 2 });
    await others.revokeAllForUser(userId);
  });

  it("updateClaimsForUser begins anew where the list of arrivals is lost", async () => {
    const { userId, issued } = await userOfMany();
    const { client, calls } = busyClient(userId, ["updateUser", "updateArrivals"]);
    const losing = passThrough(client, {
      async evalsha(sha: string, count: number, ...args: (string | number)[]) {
        if (sha === scripts.updateArrivals.sha && calls.length < 10) await redis.del(keys.user(userId).arrivals);
        return client.evalsha(sha, count, ...args);
      },
    });
    await createSessionStore(losing, options).updateClaimsForUser(userId, { role: "admin" });
    expect(calls.filter((name) => name === "updateArrivals").length).toBeGreaterThan(1);
    const roles = new Map((await others.listForUser(userId)).map(({ id, claims }) => [id, claims["role"]]));
    for (const { session } of issued) expect(roles.get(session.id)).toBe("admin");
    await others.revokeAllForUser(userId);
  });

  it("revokeAllForUser ends, and leaves none that came before its last step", async () => {
    const { userId, issued } = await userOfMany();
    const { client, calls, arrived } = busyClient(userId, ["revokeUser"]);
    const count = await createSessionStore(client, options).revokeAllForUser(userId);
    const within = arrived.slice(0, -30);
    expect(count).toBe(issued.length + within.length);
    expect(calls.length).toBeLessThan(10);
    const left = new Set((await others.listForUser(userId)).map(({ id }) => id));
    for (const { session } of [...issued, ...within]) expect(left.has(session.id)).toBe(false);
    await others.revokeAllForUser(userId);
  });

  it("blockUser ends, and refuses them all from its first step on", async () => {
    const { userId, issued } = await userOfMany();
    const { client, calls, arrived, refused } = busyClient(userId, ["block", "revokeUser"]);
    expect(await createSessionStore(client, options).blockUser(userId, { until: Date.now() + 600_000 })).toBe(
      issued.length,
    );
    expect(arrived).toEqual([]);
    for (const error of refused) expect(error).toBeInstanceOf(UserBlockedError);
    expect(refused).toHaveLength(30 * calls.length);
    expect(await others.listForUser(userId)).toEqual([]);
  });

  it("listForUser ends, and lists all that were there, each once", async () => {
    const { userId, issued } = await userOfMany();
    const { client, calls } = busyClient(userId, ["list"]);
    const ids = (await createSessionStore(client, options).listForUser(userId)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { session } of issued) expect(ids).toContain(session.id);
    expect(calls.length).toBeLessThan(10);
    await others.revokeAllForUser(userId);
  });
});

describe("a page of sessions", () => {
  /** How many sessions each script of a kind has given or changed, and how long its reply was. */
  function watched(name: ScriptName) {
    const pages: { sessions: number; size: number }[] = [];
    const client = passThrough(redis, {
      async evalsha(sha: string, count: number, ...args: (string | number)[]) {
        const reply = await redis.evalsha(sha, count, ...args);
        if (sha === scripts[name].sha) {
          const texts = (reply as unknown[]).map(String);
          const ids = texts.slice(3).filter((text) => /^[0-9A-Z]{26}$/.test(text));
          pages.push({ sessions: ids.length, size: texts.join().length });
        }
        return reply;
      },
    });
    return { client, pages };
  }

  it.each([
    ["of five claims", 5, 10, PAGE],
    ["of a hundred tiny claims", 100, 1, 60],
    ["of a hundred claims and 16 KiB", 100, 155, 20],
  ])("holds as many sessions %s as are no more work than others", async (_, claims, length, most) => {
    const userId = `stream ${users++}`;
    const value = "x".repeat(length);
    const record = Object.fromEntries(Array.from({ length: claims }, (_, at) => [`c${at}`, value]));
    const issued = await Promise.all(
      Array.from({ length: 2 * PAGE }, () => others.create({ userId, claims: { ...record } })),
    );
    await redis.script("LOAD", scripts.list.source);
    await redis.script("LOAD", scripts.updateUser.source);

    const listing = watched("list");
    const listed = await createSessionStore(listing.client, options).listForUser(userId);
    expect(listed.map(({ id }) => id).sort()).toEqual(issued.map(({ session }) => session.id).sort());
    const updating = watched("updateUser");
    const updated = await createSessionStore(updating.client, options).updateClaimsForUser(userId, { c0: "changed" });
    expect(updated).toBe(2 * PAGE);
    expect(new Set(await versions(issued))).toEqual(new Set(["1"]));

    for (const { sessions, size } of [...listing.pages, ...updating.pages]) {
      expect(sessions).toBeLessThanOrEqual(most);
      expect(size).toBeLessThan(500_000);
    }
    await others.revokeAllForUser(userId);
  });
});
