/**
 * Users with very many sessions: every verb reaches all of them, in steps of which each is bounded, so that Redis serves others
 * in between. Judged by what Redis counts, and never by how long it takes: machines differ, and are busy.
 */
import type { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { PAGE } from "../../src/sessions/context.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, expectCleanKeyspace, lastingKeysUnder, uniquePrefix } from "../harness/fixtures.js";
import { expectIndex, indexedIds } from "../harness/indexes.js";
import { passThrough } from "../harness/pass-through.js";
import { startRedisServer } from "../harness/redis-server.js";

// A server of its own: what other test files do would be counted as well.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
afterEach(() => expectCleanKeyspace(redis, prefix));

/** The most ids in one reply since `watch` was called. */
let mostIds = 0;
const watched = passThrough(redis, {
  async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
    const reply = await redis.evalsha(sha, keys, ...args);
    const ids = Array.isArray(reply) ? reply.filter((part) => /^[0-9A-Z]{26}$/.test(String(part))) : [];
    mostIds = Math.max(mostIds, ids.length);
    return reply;
  },
});
// Time has no part in this, on however slow a machine.
const store = createSessionStore(watched as unknown as Redis, { prefix, timeout: 30_000 });

/** Creates sessions, so many at a time that the connection is never idle. Gives one of the tokens. */
async function createMany(userId: string, count: number): Promise<string> {
  let [left, token] = [count, ""];
  const worker = async () => {
    while (left-- > 0) ({ token } = await store.create({ userId, claims: { role: "user" } }));
  };
  await Promise.all(Array.from({ length: 200 }, worker));
  return token;
}

/**
 * Holds a verb on `count` sessions to its bounds: no more scripts than pages and a few, no more ids in a reply than a page
 * holds, and of all commands that the scripts run no more for a page than so many for each session of it.
 */
async function expectBounded(count: number, perSession: number, verb: () => Promise<unknown>): Promise<void> {
  mostIds = 0;
  const commands = await commandsDuring(redis, verb);
  const { evalsha = 0, eval: taught = 0, info = 0, ...others } = commands;
  const scripts = evalsha + taught;
  expect(info).toBeLessThanOrEqual(1);
  expect(scripts).toBeGreaterThanOrEqual(Math.ceil(count / PAGE));
  expect(scripts).toBeLessThanOrEqual(Math.ceil(count / PAGE) + 4);
  // The last member of a page is named twice: as one of it, and as its end.
  expect(mostIds).toBeLessThanOrEqual(PAGE + 1);
  const total = Object.values(others).reduce((sum, calls) => sum + calls, 0);
  expect(total / scripts).toBeLessThanOrEqual(perSession * PAGE + 20);
}

describe("a user with 1 000 sessions", () => {
  it("has them all in the index after as many concurrent log-ins, gets all changes, and leaves no key behind", async () => {
    const userId = "thousand";
    const issued = await Promise.all(Array.from({ length: 1000 }, () => store.create({ userId })));
    const ids = issued.map(({ session }) => session.id);
    await expectIndex(redis, prefix, userId, ids);
    expect((await store.listForUser(userId)).map(({ id }) => id).sort()).toEqual(ids.sort());

    expect(await store.updateClaimsForUser(userId, { role: "admin" })).toBe(1000);
    const changed = await Promise.all(issued.map(({ token }) => store.get(token)));
    expect(changed.filter((session) => session?.claims["role"] !== "admin")).toEqual([]);

    expect(await store.revokeAllForUser(userId)).toBe(1000);
    expect(await lastingKeysUnder(redis, "")).toEqual([]);
  });
});

describe("a user with 100 000 sessions", { timeout: 300_000 }, () => {
  const COUNT = 100_000;
  const userId = "hundred thousand";

  it("is served page by page, completely, and no page is more work than another", async () => {
    const token = await createMany(userId, COUNT);
    expect(await indexedIds(redis, prefix, userId)).toHaveLength(COUNT);

    // One more is as much work as the first was.
    const { evalsha: _, eval: __, ...commands } = await commandsDuring(redis, () => createMany(userId, 1));
    expect(Object.values(commands).reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(15);

    await expectBounded(COUNT + 1, 3, async () => {
      const sessions = await store.listForUser(userId);
      expect(new Set(sessions.map(({ id }) => id)).size).toBe(COUNT + 1);
    });
    await expectBounded(COUNT + 1, 5, async () => {
      expect(await store.updateClaimsForUser(userId, { round: 1 })).toBe(COUNT + 1);
    });
    expect(new Set((await store.listForUser(userId)).map(({ claims }) => claims["round"]))).toEqual(new Set([1]));

    const rotated = await store.rotate(token);
    expect(rotated?.session.claims["round"]).toBe(1);
    expect(await store.revoke(rotated?.token)).toBe(true);

    await expectBounded(COUNT, 2, async () => expect(await store.revokeAllForUser(userId)).toBe(COUNT));
    expect(await lastingKeysUnder(redis, "")).toEqual([]);
  });
});

describe("a user with 20 000 sessions", { timeout: 120_000 }, () => {
  const COUNT = 20_000;
  const userId = "twenty thousand";

  it("is blocked page by page, and no page is more work than another", async () => {
    await createMany(userId, COUNT);
    const until = Date.now() + 3_600_000;
    await expectBounded(COUNT, 2, async () => expect(await store.blockUser(userId, { until })).toBe(COUNT));
    await store.unblockUser(userId);
    expect(await lastingKeysUnder(redis, "")).toEqual([]);
  });

  it("comes down to a limit that is new in steps of a thousand", async () => {
    await createMany(userId, COUNT);
    const limited = createSessionStore(watched as unknown as Redis, {
      prefix,
      timeout: 30_000,
      maxSessionsPerUser: 10,
    });
    mostIds = 0;
    await limited.create({ userId });
    expect(mostIds).toBeLessThanOrEqual(1000);
    expect(await indexedIds(redis, prefix, userId)).toHaveLength(10);
    await store.revokeAllForUser(userId);
    expect(await lastingKeysUnder(redis, "")).toEqual([]);
  });
});

describe("everybody, by revokeAll", { timeout: 120_000 }, () => {
  /** Of how many scripts the replies were not there yet, at the most. */
  let mostAtOnce = 0;
  let atOnce = 0;
  const counted = passThrough(redis, {
    async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
      mostAtOnce = Math.max(mostAtOnce, ++atOnce);
      return redis.evalsha(sha, keys, ...args).finally(() => atOnce--);
    },
  });

  /** What the server runs meanwhile: the commands of the largest script, and the most arguments of one of them. */
  async function largestScript(act: () => Promise<unknown>): Promise<{ commands: number; words: number }> {
    const monitor = await redis.monitor();
    const largest = { commands: 0, words: 0 };
    let commands = 0;
    let over = () => {};
    const heardAll = new Promise<void>((resolve) => {
      over = resolve;
    });
    monitor.on("monitor", (_time: string, [name, ...words]: string[], source: string) => {
      // The server tells of a script before the commands that it runs.
      commands = source === "lua" ? commands + 1 : 0;
      largest.commands = Math.max(largest.commands, commands);
      if (source === "lua") largest.words = Math.max(largest.words, words.length);
      if (name?.toLowerCase() === "echo" && words[0] === "over") over();
    });
    try {
      await act();
      await redis.echo("over");
      await heardAll;
    } finally {
      monitor.disconnect();
    }
    return largest;
  }

  it.each([
    ["one user", 0, () => "one"],
    ["one user, with endings", 60_000, () => "one"],
    ["users with three sessions", 0, (at: number) => `three ${at % 700}`],
    ["guests", 0, () => undefined],
  ])("ends the sessions of %s in scripts of which none can hold Redis up", async (_, endings, userOf) => {
    const everybody = createSessionStore(counted as unknown as Redis, { prefix, timeout: 30_000, endings });
    await Promise.all(
      Array.from({ length: 2100 }, (_, at) => everybody.create({ userId: userOf(at), claims: { role: "user" } })),
    );
    mostAtOnce = 0;
    const { commands, words } = await largestScript(async () => expect(await everybody.revokeAll()).toBe(2100));
    expect(mostAtOnce).toBeLessThanOrEqual(8);
    // For each of fifty sessions: whether it is old, whether it lives, and with endings its hash, and its ending.
    expect(commands).toBeGreaterThan(5);
    expect(commands).toBeLessThanOrEqual(50 * (endings > 0 ? 5 : 3) + 20);
    // A command names the fifty at most, and its index; one that tells of them all has them in one text.
    expect(words).toBeLessThanOrEqual(52);
    expect((await lastingKeysUnder(redis, prefix)).filter((key) => !key.includes(":x:"))).toEqual([]);
  });
});
