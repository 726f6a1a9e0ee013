/**
 * A session whose key lives longer than it was told to. MIGRATE, with which Redis Cluster moves a slot, tells the other node how
 * long a key has yet to live, and not until when: the time of the journey is added to its life. RESTORE does here what it does
 * there, with as much added as a test wants.
 */
import { describe, expect, it } from "vitest";
import { CorruptRecordError, createSessionStore, type SessionStoreOptions } from "../../src/index.js";
import { Keys } from "../../src/sessions/keys.js";
import { liveSubject, rejection, type Subject } from "../fixtures/every-verb.js";
import { ageSession } from "../harness/aging.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { expectIndex, indexedIds } from "../harness/indexes.js";
import { startRedisServer } from "../harness/redis-server.js";
import { present } from "./contract/rig.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

// Servers of their own, because commands are counted, and keys travel from one to the other.
const [server, other] = await Promise.all([startRedisServer(), startRedisServer()]);
afterFile(() => Promise.all([server.stop(), other.stop()]).then(() => undefined));
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
const keys = new Keys(prefix);
const open = (options: SessionStoreOptions<Record<string, unknown>> = {}, client = redis) =>
  createSessionStore(client, {
    ...{ prefix, timeout: 10_000, touchInterval: 0, idleTimeout: 30 * MINUTE, absoluteTimeout: HOUR },
    ...options,
  });
const store = open();

/** Every user is used once. */
let users = 0;
const newUser = () => `user ${++users}`;

/** Carries a key as a journey of so many ms does. */
async function delay(key: string, ms: number): Promise<void> {
  const left = await redis.pttl(key);
  const dump = present(await redis.dumpBuffer(key));
  await redis.restore(key, left + ms, dump, "REPLACE");
}

/** A session whose absolute deadline was a second ago, and whose key lives for some ms more. */
async function over(left = 10_000, of = store): Promise<Subject> {
  const subject = await liveSubject(of, newUser());
  const key = keys.session(subject.id);
  const [, ...times] = present(await redis.hget(key, "t")).split(" ");
  await redis.hset(key, "t", [Date.now() - HOUR - 1000, ...times].join(" "));
  await redis.pexpire(key, left);
  return subject;
}

const readers: Record<string, readonly [verb: (subject: Subject) => Promise<unknown>, absent: unknown]> = {
  get: [({ token }) => store.get(token), null],
  touch: [({ token }) => store.touch(token), null],
  "touch of another store's session": [({ token }) => open({ idleTimeout: 20 * MINUTE }).touch(token), null],
  find: [({ id }) => store.find(id), null],
  listForUser: [({ userId }) => store.listForUser(userId), []],
  updateClaims: [({ token }) => store.updateClaims(token, { a: 1 }), null],
  "updateClaims by id": [({ id }) => store.updateClaims(id, { a: 1 }), null],
  "updateClaims with a function": [({ token }) => store.updateClaims(token, () => ({ a: 1 })), null],
  updateClaimsForUser: [({ userId }) => store.updateClaimsForUser(userId, { a: 1 }), 0],
  rotate: [({ token }) => store.rotate(token), null],
  "rotate with grace": [({ token }) => store.rotate(token, { grace: 1000 }), null],
  "rotate for the same user": [({ token, userId }) => store.rotate(token, { userId }), null],
  "rotate for another user": [({ token }) => store.rotate(token, { userId: "another" }), null],
  revoke: [({ token }) => store.revoke(token), false],
  "revoke by id": [({ id }) => store.revoke(id), false],
  revokeAllForUser: [({ userId }) => store.revokeAllForUser(userId), 0],
  blockUser: [({ userId }) => store.blockUser(userId), 0],
};

describe("a session past its absolute deadline whose key lives on for a few seconds", () => {
  it.each(Object.entries(readers))("is absent for %s", async (_, [verb, absent]) => {
    const subject = await over();
    expect(await verb(subject)).toEqual(absent);
    // It is not brought back, nor made to live longer.
    expect(await redis.pttl(keys.session(subject.id))).toBeLessThanOrEqual(10_000);
    expect(await store.get(subject.token)).toBeNull();
  });

  it.each(Object.entries(readers))(
    "is one that somebody has changed by hand for %s, if it lives on for more than a minute",
    async (name, [verb]) => {
      const subject = await over(2 * MINUTE);
      if (/^revoke|^block/.test(name)) expect([true, 1]).toContain(await verb(subject));
      else expect(await rejection(verb(subject))).toBeInstanceOf(CorruptRecordError);
    },
  );

  it("is absent for a touch that is not due", async () => {
    const brief = open({ idleTimeout: 20_000, touchInterval: 10_000 });
    const { token, id } = await over(15_000, brief);
    expect(await brief.touch(token)).toBeNull();
    expect(await redis.pttl(keys.session(id))).toBeLessThanOrEqual(15_000);
  });

  it.each(["evict-oldest", "evict-idle", "reject"] as const)("counts for no limit: %s", async (onSessionLimit) => {
    const subject = await over();
    const { session } = await store.create({ userId: subject.userId });
    const heard: unknown[] = [];
    const limited = open({ maxSessionsPerUser: 2, onSessionLimit });
    limited.events.on("revoked", (event) => heard.push(event));
    const next = await limited.create({ userId: subject.userId });
    const listed = await store.listForUser(subject.userId);
    expect(listed.map(({ id }) => id).toSorted()).toEqual([session.id, next.session.id].toSorted());
    expect(heard).toEqual([]);
  });

  it("is told of as unknown, as one whose key is gone", async () => {
    const { token, id } = await over();
    const own = open();
    const heard: unknown[] = [];
    own.events.on("rejected", (event) => heard.push(event));
    await own.get(token);
    await own.touch(token);
    await own.rotate(token);
    await own.updateClaims(token, { a: 1 });
    expect(heard).toEqual(Array.from({ length: 4 }, () => ({ id, reason: "unknown" })));
  });

  describe("that a rotation has replaced, whose grace is over", () => {
    async function replaced() {
      const { token, id, userId } = await liveSubject(store, newUser());
      const fresh = present(await store.rotate(token, { grace: MINUTE }));
      const key = keys.session(id);
      const [created = "", authenticated, idle] = present(await redis.hget(key, "t")).split(" ");
      await redis.hset(key, "t", [Number(created) - MINUTE, authenticated, idle, MINUTE - 1000].join(" "));
      await redis.pexpire(key, 5000);
      return { token, id, userId, fresh };
    }

    it("does not take its successor along when it is revoked, nor is it told of with it", async () => {
      const { token, fresh } = await replaced();
      expect(await store.revoke(token)).toBe(false);
      expect(await store.updateClaims(token, { a: 1 })).toBeNull();
      expect(await store.get(fresh.token)).toEqual(fresh.session);
      const heard: string[] = [];
      const own = open();
      own.events.on("revoked", ({ id }) => heard.push(id));
      expect(await own.revoke(fresh.token)).toBe(true);
      expect(heard).toEqual([fresh.session.id]);
    });

    it("does not spare its successor when it is the exception", async () => {
      const { token, userId, fresh } = await replaced();
      expect(await store.revokeAllForUser(userId, { except: token })).toBe(1);
      expect(await store.get(fresh.token)).toBeNull();
    });
  });
});

describe("a session that a journey makes longer", () => {
  it.each([1, 40, 1000, 30_000])(
    "by %i ms ends at its absolute deadline all the same, and the next touch says so to Redis",
    async (ms) => {
      const { token, id, userId } = await liveSubject(store, newUser());
      const key = keys.session(id);
      const member = { index: keys.user(userId).index, id };
      await ageSession(redis, key, 20 * MINUTE, member);
      await store.touch(token);
      await ageSession(redis, key, 20 * MINUTE, member);
      const before = present(await store.touch(token));
      expect(before.expiresAt).toBe(before.absoluteExpiresAt);
      await delay(key, ms);
      expect(await redis.pexpiretime(key)).toBeGreaterThan(before.absoluteExpiresAt);
      for (const found of [await store.get(token), await store.find(id), ...(await store.listForUser(userId))]) {
        expect(found).toEqual(before);
      }
      expect(await store.updateClaims(token, { a: 1 })).toEqual({ ...before, claims: { ...before.claims, a: 1 } });
      expect(present(await store.touch(token)).expiresAt).toBe(before.absoluteExpiresAt);
      expect(await redis.pexpiretime(key)).toBe(before.absoluteExpiresAt);
      await expectIndex(redis, prefix, userId, [id]);
    },
  );

  it("does not live beyond its absolute deadline in the grace of a rotation", async () => {
    const { token, id, userId } = await liveSubject(store, newUser());
    const key = keys.session(id);
    const member = { index: keys.user(userId).index, id };
    await ageSession(redis, key, 20 * MINUTE, member);
    await store.touch(token);
    await ageSession(redis, key, 20 * MINUTE, member);
    await store.touch(token);
    await ageSession(redis, key, 15 * MINUTE, member);
    const { absoluteExpiresAt } = present(await store.get(token));
    await delay(key, 30_000);
    expect(await store.rotate(token, { grace: 10 * MINUTE })).not.toBeNull();
    expect(await redis.pexpiretime(key)).toBe(absoluteExpiresAt);
    expect(present(await store.get(token)).absoluteExpiresAt).toBe(absoluteExpiresAt);
  });

  it("was not seen later than it was, so a touch is due when it would have been, but for the journey", async () => {
    const own = open({ touchInterval: MINUTE });
    const { token, id, userId } = await liveSubject(own, newUser());
    const key = keys.session(id);
    await ageSession(redis, key, 2 * MINUTE, { index: keys.user(userId).index, id });
    const before = present(await own.get(token));
    await delay(key, 1000);
    const found = present(await own.get(token));
    expect(found.lastSeenAt - before.lastSeenAt).toBeGreaterThanOrEqual(1000);
    expect(found.lastSeenAt).toBeLessThan(Date.now());
    expect(found.expiresAt).toBe(found.lastSeenAt + 30 * MINUTE);
    const touched = present(await own.touch(token));
    expect(touched.lastSeenAt).toBeGreaterThanOrEqual(before.lastSeenAt + 2 * MINUTE);
    expect(await redis.pexpiretime(key)).toBe(touched.expiresAt);
    // And not once more within the interval.
    await delay(key, 1000);
    const again = present(await own.touch(token));
    expect(again.expiresAt).toBe(await redis.pexpiretime(key));
    expect(again.expiresAt - touched.expiresAt).toBeGreaterThanOrEqual(1000);
    expect(again.lastSeenAt).toBeLessThanOrEqual(Date.now());
  });

  it("is in the index for as long as it lives, whenever it was touched last", async () => {
    const { token, id, userId } = await liveSubject(store, newUser());
    const [key, { index }] = [keys.session(id), keys.user(userId)];
    // Past the bound that its creation has written, and up to its absolute deadline.
    for (let step = 0; step < 70; step++) {
      await ageSession(redis, key, 50_000, { index, id });
      await store.touch(token);
      const [end, bound] = [await redis.pexpiretime(key), Number(await redis.zscore(index, id))];
      const last = Number((present(await redis.hget(key, "t")) as string).split(" ")[0]) + HOUR;
      expect(bound).toBeGreaterThanOrEqual(Math.min(end + MINUTE, last));
      expect(await redis.pexpiretime(index)).toBe(bound);
      expect(bound).toBeLessThanOrEqual(end + 30 * MINUTE);
    }
  });

  it("of a short idle timeout has an eighth of it in hand", async () => {
    const short = open({ idleTimeout: 8 * 1000 * 10, absoluteTimeout: HOUR });
    const { token, id, userId } = await liveSubject(short, newUser());
    const [key, { index }] = [keys.session(id), keys.user(userId)];
    for (let step = 0; step < 40; step++) {
      await ageSession(redis, key, 3000, { index, id });
      await short.touch(token);
      const slack = Number(await redis.zscore(index, id)) - (await redis.pexpiretime(key));
      expect(slack).toBeGreaterThanOrEqual(10_000);
      expect(slack).toBeLessThanOrEqual(80_000);
    }
  });

  it("and outlives its bound is named by the index until then, and revoked with the others", async () => {
    const { token, id, userId } = await liveSubject(store, newUser());
    const [key, { index }] = [keys.session(id), keys.user(userId)];
    await redis.zadd(index, Date.now() - 1, id);
    await delay(key, 1);
    const { session } = await store.create({ userId });
    expect((await indexedIds(redis, prefix, userId)).toSorted()).toEqual([id, session.id].toSorted());
    expect(await store.revokeAllForUser(userId)).toBe(2);
    expect(await store.get(token)).toBeNull();
  });

  it("costs get and touch no command", async () => {
    const { token, id } = await liveSubject(store, newUser());
    await delay(keys.session(id), 1000);
    const quiet = open({ touchInterval: MINUTE });
    for (const verb of ["get", "touch"] as const) {
      await quiet[verb](token);
      const { hgetall, pttl, pexpiretime, evalsha, ...rest } = await commandsDuring(redis, () => quiet[verb](token));
      expect([hgetall, pttl, pexpiretime, evalsha]).toEqual([1, 1, 1, 1]);
      expect(Object.keys(rest).filter((name) => name !== "info")).toEqual([]);
    }
  });
});

describe("a session that travels to another server", () => {
  const there = connect({ port: other.port });
  const elsewhere = open({}, there);

  /** Moves the keys of a user, with the other server standing still for so many ms meanwhile. */
  async function migrate(subject: Subject, pause: number): Promise<void> {
    await there.client("PAUSE", pause, "ALL");
    const { index } = keys.user(subject.userId);
    for (const key of [index, keys.session(subject.id)]) {
      await redis.call("MIGRATE", "127.0.0.1", String(other.port), "", "0", "30000", "KEYS", key);
    }
  }

  it("arrives with the same absolute deadline, not seen in the future, and in the index", async () => {
    const subject = await liveSubject(store, newUser());
    const before = present(await store.get(subject.token));
    await migrate(subject, 300);
    const found = present(await elsewhere.get(subject.token));
    expect(found.absoluteExpiresAt).toBe(before.absoluteExpiresAt);
    expect(found.createdAt).toBe(before.createdAt);
    expect(found.lastSeenAt).toBeGreaterThanOrEqual(before.lastSeenAt);
    expect(found.lastSeenAt).toBeLessThanOrEqual(Date.now());
    expect(await elsewhere.listForUser(subject.userId)).toEqual([found]);
    const [end, bound] = [
      await there.pexpiretime(keys.session(subject.id)),
      await there.pexpiretime(keys.user(subject.userId).index),
    ];
    expect(bound).toBeGreaterThanOrEqual(end);
    const touched = present(await elsewhere.touch(subject.token));
    expect(touched.expiresAt).toBe(touched.lastSeenAt + 30 * MINUTE);
    expect(await elsewhere.revokeAllForUser(subject.userId)).toBe(1);
  });
});
