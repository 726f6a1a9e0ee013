/** Users with very many sessions: every verb reaches all of them, and Redis serves others meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { afterFile, connect, expectCleanKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { expectIndex, indexedIds } from "../harness/indexes.js";
import { startPingProbe } from "../harness/ping-probe.js";
import { startRedisServer } from "../harness/redis-server.js";

// A server of its own: what other test files do would be measured as well.
const server = await startRedisServer({ args: ["--slowlog-log-slower-than", "500", "--slowlog-max-len", "10000"] });
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
afterEach(() => expectCleanKeyspace(redis, prefix));

// Time has no part in this, on however slow a machine.
const store = createSessionStore(redis, { prefix, timeout: 30_000 });

/** Creates sessions, so many at a time that the connection is never idle. Gives one of the tokens. */
async function createMany(userId: string, count: number): Promise<string> {
  let [left, token] = [count, ""];
  const worker = async () => {
    while (left-- > 0) ({ token } = await store.create({ userId, claims: { role: "user" } }));
  };
  await Promise.all(Array.from({ length: 200 }, worker));
  return token;
}

/** How much CPU the server has used, ms. */
async function cpuTime(): Promise<number> {
  const info = await redis.info("cpu");
  const used = (kind: string) => Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)?.[1] ?? Number.NaN);
  return 1000 * (used("user") + used("sys"));
}

/** From now on until the returned function is called: what the scripts took, in words. */
async function watchScripts(): Promise<() => Promise<string>> {
  const look = async () => {
    const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"));
    return { calls: Number(calls?.[1] ?? 0), cpu: await cpuTime() };
  };
  await redis.slowlog("RESET");
  const before = await look();
  return async () => {
    const after = await look();
    const log = (await redis.slowlog("GET", -1)) as [id: number, at: number, micros: number, command: string[]][];
    const longest = Math.max(0, ...log.map(([, , micros]) => Number(micros))) / 1000;
    const calls = after.calls - before.calls;
    return (
      `${calls} scripts, the longest ${longest.toFixed(2)} ms by the clock, ` +
      `on average ${((after.cpu - before.cpu) / calls).toFixed(2)} ms of CPU`
    );
  };
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
    expect(await redis.keys("*")).toEqual([]);
  });
});

describe("a user with 100 000 sessions", { timeout: 300_000 }, () => {
  const COUNT = 100_000;
  const userId = "hundred thousand";

  /**
   * What another client may wait longer than on an idle server, ms: 10 where this was written, and on a slower machine what
   * the same work takes there.
   */
  async function patience(): Promise<number> {
    let least = Number.POSITIVE_INFINITY;
    for (let time = 0; time < 5; time++) {
      const before = await cpuTime();
      await redis.eval("local n = 0 for i = 1, 1000000 do n = n + i % 7 end return n", 0);
      least = Math.min(least, (await cpuTime()) - before);
    }
    return Math.max(10, least);
  }

  /**
   * Holds a verb to the patience of others, and prints what was measured. A virtual machine may stand still for reasons that
   * nobody on it can see; such a wait seldom strikes thrice, whereas a script that takes too long does.
   */
  async function expectPatience(name: string, verb: () => Promise<unknown>, restore: () => Promise<unknown>) {
    const allowed = await patience();
    const probe = await startPingProbe(server);
    try {
      for (let attempt = 1; ; attempt++) {
        if (attempt > 1) await restore();
        const scripts = await watchScripts();
        const began = performance.now();
        const busy = await probe.during(verb);
        const length = performance.now() - began;
        const figures = await scripts();
        // An idle server for just as long, because the longer one looks, the longer is the longest wait.
        const idle = await probe.during(() => sleep(length));
        console.log(
          `${name}: ${length.toFixed(0)} ms, ${figures}; the longest of ${busy.count} PINGs took ` +
            `${busy.worst.toFixed(2)} ms, on an idle server ${idle.worst.toFixed(2)} ms (of ${idle.count})`,
        );
        // A probe that did not get to ask has seen nothing.
        expect(busy.count).toBeGreaterThan(20);
        if (attempt === 3) expect(busy.worst).toBeLessThanOrEqual(idle.worst + allowed);
        if (busy.worst <= idle.worst + allowed) return;
      }
    } finally {
      probe.close();
    }
  }

  it("is served page by page, completely, and nobody else waits for it", async () => {
    const began = performance.now();
    const token = await createMany(userId, COUNT);
    console.log(`create: ${COUNT} in ${(performance.now() - began).toFixed(0)} ms`);
    expect(await indexedIds(redis, prefix, userId)).toHaveLength(COUNT);

    const listing = async () => {
      const sessions = await store.listForUser(userId);
      expect(new Set(sessions.map(({ id }) => id)).size).toBe(COUNT);
    };
    await expectPatience("listForUser", listing, async () => {});

    let round = 0;
    const change = async () => expect(await store.updateClaimsForUser(userId, { round: ++round })).toBe(COUNT);
    await expectPatience("updateClaimsForUser", change, async () => {});
    const rounds = (await store.listForUser(userId)).map(({ claims }) => claims["round"]);
    expect(new Set(rounds)).toEqual(new Set([round]));

    const rotated = await store.rotate(token);
    expect(rotated?.session.claims["round"]).toBe(round);
    expect(await store.revoke(rotated?.token)).toBe(true);
    await createMany(userId, 1);

    const revocation = async () => expect(await store.revokeAllForUser(userId)).toBe(COUNT);
    await expectPatience("revokeAllForUser", revocation, () => createMany(userId, COUNT));
    expect(await redis.keys("*")).toEqual([]);
  });

  it("is blocked page by page, and nobody else waits for it", async () => {
    await createMany(userId, COUNT);
    const until = Date.now() + 3_600_000;
    const block = async () => expect(await store.blockUser(userId, { until })).toBe(COUNT);
    const restore = async () => {
      await store.unblockUser(userId);
      await createMany(userId, COUNT);
    };
    await expectPatience("blockUser", block, restore);
    await store.unblockUser(userId);
    expect(await redis.keys("*")).toEqual([]);
  });
});
