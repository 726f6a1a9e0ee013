/** What a touch that slides writes: one TTL, and the index only when its bound would be passed. */
import { describe, expect, it } from "vitest";
import { createSessionStore, type Session, type SessionStoreOptions } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { ageSession } from "../harness/aging.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { expectIndex, indexedIds } from "../harness/indexes.js";
import { startRedisServer } from "../harness/redis-server.js";
import { present } from "./contract/rig.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

// A server of its own, because its commands are counted.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const keys = new Keys(prefix);

const open = (options: SessionStoreOptions<Record<string, unknown>> = {}) =>
  createSessionStore(redis, { prefix, timeout: 10_000, touchInterval: MINUTE, ...options });
const store = open();

/** Every user is used once. */
let users = 0;
const newUser = () => `user ${++users}`;

/** Lets time pass for a session: all of its instants lie so much earlier, its bound in the index too. */
async function age({ id, userId }: Pick<Session, "id" | "userId">, ms: number): Promise<void> {
  await ageSession(redis, keys.session(id), ms, userId === null ? undefined : { index: keys.user(userId).index, id });
}

const scoreOf = async ({ id, userId }: Pick<Session, "id" | "userId">) =>
  Number(await redis.zscore(keys.user(userId ?? "").index, id));

/** The commands of one touch, but for the script itself. */
async function commandsOf(token: string, of = store): Promise<Record<string, number>> {
  await of.get(token);
  const {
    evalsha,
    eval: sent,
    "script|load": loaded,
    info,
    ...commands
  } = await commandsDuring(redis, () => of.touch(token));
  return commands;
}

const READS = { hgetall: 1, pttl: 1, pexpiretime: 1 };
// So that every script is known when commands are counted.
await store.touch((await store.create()).token);

describe("a touch", () => {
  it("that does not slide only reads", async () => {
    const { token } = await store.create({ userId: newUser() });
    expect(await commandsOf(token)).toEqual(READS);
  });

  it("that slides a guest's session writes its TTL alone", async () => {
    const { token, session } = await store.create();
    await age(session, 2 * MINUTE);
    expect(await commandsOf(token)).toEqual({ ...READS, pexpireat: 1 });
  });

  it("that slides a user's session writes its TTL alone, and looks at its bound in the index once an idle timeout", async () => {
    const { token, session } = await store.create({ userId: newUser() });
    const looks: number[] = [];
    for (let minutes = 2; minutes < 90; minutes += 2) {
      await age(session, 2 * MINUTE);
      const { zscore, exists, ...commands } = await commandsOf(token);
      if (zscore === undefined) expect(commands).toEqual({ ...READS, pexpireat: 1 });
      else looks.push(minutes);
    }
    // At first, and every 29 minutes. Where the end lies less than a minute behind the border of a stretch, it is looked at once more.
    expect(looks).toEqual([2, 30, 58, 60, 88]);
  });

  it("keeps the bound at or above the end of the session, whatever its timeouts and its steps", async () => {
    for (const [idleTimeout, absoluteTimeout] of [
      [30 * MINUTE, 12 * HOUR],
      [7 * MINUTE + 1, HOUR + 3],
      [10 * MINUTE + 7, 11 * MINUTE],
      [HOUR, HOUR],
    ] as const) {
      const userId = newUser();
      let { token, session } = await store.create({ userId, idleTimeout, absoluteTimeout });
      for (let step = 0; step < 40; step++) {
        await age(session, ((step * 7919) % 97) * 4000 + 60_001);
        const touched = await store.touch(token);
        if (touched === null) break;
        expect(await scoreOf(session)).toBeGreaterThanOrEqual(touched.expiresAt);
        expect(await scoreOf(session)).toBeLessThanOrEqual(touched.expiresAt + idleTimeout);
        await expectIndex(redis, prefix, userId, [session.id]);
        if (step % 9 === 8) ({ token, session } = present(await store.rotate(token)));
      }
    }
  });

  it("moves the bound in the index once an idle timeout, however often it slides", async () => {
    const userId = newUser();
    const { token, session } = await store.create({ userId });
    let moved = 0;
    for (let minutes = 0; minutes < 88; minutes += 2) {
      await age(session, 2 * MINUTE);
      const before = await scoreOf(session);
      const touched = present(await store.touch(token));
      expect(touched.expiresAt).toBe(touched.lastSeenAt + 30 * MINUTE);
      if ((await scoreOf(session)) !== before) moved++;
      await expectIndex(redis, prefix, userId, [session.id]);
    }
    expect(moved).toBe(3);
  });

  it("that leads into another stretch compares with the bound that was written, and mends an index that has lost the session or knows an earlier one", async () => {
    const userId = newUser();
    const { token, session } = await store.create({ userId });
    await age(session, 8 * MINUTE);
    await redis.del(keys.user(userId).index);
    await store.touch(token);
    await expectIndex(redis, prefix, userId, [session.id]);

    await age(session, 29 * MINUTE);
    await redis.zadd(keys.user(userId).index, (await redis.pexpiretime(keys.session(session.id))) - 1, session.id);
    await store.touch(token);
    await expectIndex(redis, prefix, userId, [session.id]);
  });

  it("that moves the bound sweeps dead sessions out of the index whose own has passed, and never a live one", async () => {
    const userId = newUser();
    const { token, session } = await store.create({ userId });
    const dead = await store.create({ userId });
    const live = await store.create({ userId });
    const { index } = keys.user(userId);
    await age(session, 8 * MINUTE);
    await redis.del(keys.session(dead.session.id));
    const now = Date.now();
    await redis.zadd(index, now - 2, dead.session.id, now - 1, live.session.id, now, session.id);
    await store.touch(token);
    expect((await indexedIds(redis, prefix, userId)).toSorted()).toEqual([session.id, live.session.id].toSorted());
  });

  it("does not shorten the life of an index whose latest member is another", async () => {
    const userId = newUser();
    const long = await store.create({ userId, idleTimeout: 5 * HOUR });
    const { token, session } = await store.create({ userId });
    await age(session, 40 * MINUTE - 10 * MINUTE - 1000);
    await redis.pexpireat(keys.user(userId).index, (await scoreOf(long.session)) || 0);
    await store.touch(token);
    await expectIndex(redis, prefix, userId, [session.id, long.session.id]);
  });
});

describe("in the last idle timeout before the absolute deadline", () => {
  const short = open({ idleTimeout: 30 * MINUTE, absoluteTimeout: HOUR });

  it("the last sight is told by a field, a touch writes that alone, and the session ends when it must", async () => {
    const userId = newUser();
    const { token, session } = await short.create({ userId });
    await age(session, 25 * MINUTE);
    await short.touch(token);
    await age(session, 20 * MINUTE);
    // The first time the TTL moves to the deadline, too.
    expect(await commandsOf(token, short)).toEqual({ ...READS, zscore: 1, pexpireat: 1, hset: 1 });
    for (let sights = 0; sights < 3; sights++) {
      await age(session, 2 * MINUTE);
      const before = present(await short.get(token));
      expect(before.expiresAt).toBe(before.absoluteExpiresAt);
      const touched = present(await short.touch(token));
      expect(touched.lastSeenAt).toBeGreaterThanOrEqual(before.lastSeenAt + 2 * MINUTE);
      expect(touched).toEqual({ ...before, lastSeenAt: touched.lastSeenAt });
      expect(await short.get(token)).toEqual(touched);
      expect(await redis.pexpiretime(keys.session(session.id))).toBe(touched.absoluteExpiresAt);
      await expectIndex(redis, prefix, userId, [session.id]);
    }
    await age(session, 2 * MINUTE);
    expect(await commandsOf(token, short)).toEqual({ ...READS, zscore: 1, hset: 1 });
  });

  it("nothing is written before the interval has passed since the last sight", async () => {
    const { token, session } = await short.create();
    await age(session, 29 * MINUTE);
    await short.touch(token);
    await age(session, 20 * MINUTE);
    const touched = present(await short.touch(token));
    await age(session, MINUTE / 2);
    expect(await commandsOf(token, short)).toEqual(READS);
    expect((await short.touch(token))?.lastSeenAt).toBe(touched.lastSeenAt - MINUTE / 2);
  });

  it("a session whose timeouts are one is told so from the first touch on", async () => {
    const one = open({ idleTimeout: HOUR, absoluteTimeout: HOUR });
    const { token, session } = await one.create({ userId: newUser() });
    expect(session.lastSeenAt).toBe(session.createdAt);
    await age(session, 10 * MINUTE);
    const touched = present(await one.touch(token));
    expect(touched.lastSeenAt).toBeGreaterThanOrEqual(touched.createdAt + 10 * MINUTE);
    expect(touched.expiresAt).toBe(touched.absoluteExpiresAt);
    expect(await one.get(token)).toEqual(touched);
  });

  it("a rotation takes the last sight along", async () => {
    const { token, session } = await short.create({ userId: newUser() });
    await age(session, 29 * MINUTE);
    await short.touch(token);
    await age(session, 20 * MINUTE);
    const rotated = present(await short.rotate(token, { grace: MINUTE }));
    expect(rotated.session.lastSeenAt).toBeGreaterThanOrEqual(rotated.session.createdAt + 49 * MINUTE);
    expect(rotated.session.expiresAt).toBe(rotated.session.absoluteExpiresAt);
    expect(await short.get(rotated.token)).toEqual(rotated.session);
    const old = present(await short.get(token));
    expect(old.lastSeenAt).toBeGreaterThanOrEqual(old.createdAt + 29 * MINUTE);
    expect(old.lastSeenAt).toBeLessThan(old.createdAt + 30 * MINUTE);
  });

  it("a touch goes on while Redis is out of memory, and only its sight is not told", async () => {
    const { token, session } = await short.create({ userId: newUser() });
    await age(session, 29 * MINUTE);
    await short.touch(token);
    await age(session, 20 * MINUTE);
    const before = present(await short.touch(token));
    await age(session, 2 * MINUTE);
    await redis.config("SET", "maxmemory", "1");
    try {
      const touched = present(await short.touch(token));
      expect(touched.lastSeenAt).toBe(before.lastSeenAt - 2 * MINUTE);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    expect((await short.touch(token))?.lastSeenAt).toBeGreaterThanOrEqual(before.lastSeenAt - 1000);
  });
});
