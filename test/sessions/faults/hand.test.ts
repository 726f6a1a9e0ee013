/** A TTL that somebody has changed by hand: it never makes a session live longer, and never hides one. */
import { describe, expect, it } from "vitest";
import { CorruptRecordError, createSessionStore } from "../../../src/index.js";
import { Keys } from "../../../src/sessions/keys.js";
import { liveSubject, rejection, type Subject } from "../../fixtures/every-verb.js";
import { ageSession } from "../../harness/aging.js";
import { connect, keysUnder, uniquePrefix } from "../../harness/fixtures.js";
import { expectIndex, indexedIds } from "../../harness/indexes.js";
import { present } from "../contract/rig.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const redis = connect();
const prefix = uniquePrefix();
const keys = new Keys(prefix);
const store = createSessionStore(redis, { prefix, touchInterval: 0, timeout: 10_000 });

/** Every user is used once. */
let users = 0;
const newUser = () => `user ${++users}`;

type Verb = (subject: Subject) => Promise<unknown>;

const readers: Record<string, Verb> = {
  get: ({ token }) => store.get(token),
  touch: ({ token }) => store.touch(token),
  "touch that is not due": ({ token }) => createSessionStore(redis, { prefix }).touch(token),
  find: ({ id }) => store.find(id),
  listForUser: ({ userId }) => store.listForUser(userId),
  updateClaims: ({ token }) => store.updateClaims(token, { a: 1 }),
  "updateClaims by id": ({ id }) => store.updateClaims(id, { a: 1 }),
  "updateClaims with a function": ({ token }) => store.updateClaims(token, () => ({ a: 1 })),
  updateClaimsForUser: ({ userId }) => store.updateClaimsForUser(userId, { a: 1 }),
  rotate: ({ token }) => store.rotate(token),
  "rotate with grace": ({ token }) => store.rotate(token, { grace: 1000 }),
  "rotate for the same user": ({ token, userId }) => store.rotate(token, { userId }),
  "rotate for another user": ({ token }) => store.rotate(token, { userId: "another" }),
  "create at the session limit": ({ userId }) =>
    createSessionStore(redis, { prefix, maxSessionsPerUser: 1 }).create({ userId }),
};

const tampered: [how: string, (key: string) => Promise<unknown>][] = [
  ["PERSIST", (key) => redis.persist(key)],
  ["EXPIRE to a day", (key) => redis.expire(key, 86_400)],
  ["EXPIRE to a minute more than its idle timeout", (key) => redis.pexpire(key, 31 * MINUTE)],
];

describe.each(tampered)("a session after %s", (_, tamper) => {
  it.each(Object.entries(readers))("makes %s name its key and change nothing", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const key = keys.session(subject.id);
    await tamper(key);
    const look = async () => [await redis.hgetall(key), await redis.pexpiretime(key), await keysUnder(redis, prefix)];
    const before = await look();
    const error = await rejection(verb(subject));
    expect(error).toBeInstanceOf(CorruptRecordError);
    expect(error).toMatchObject({ key });
    expect(await look()).toEqual(before);
    expect(await store.revoke(subject.id)).toBe(true);
  });

  it("makes a touch name its key in the last idle timeout of a session with timeouts of its own", async () => {
    const lasting = { idleTimeout: 10 * MINUTE, absoluteTimeout: HOUR };
    const { token, session } = await store.create({ userId: newUser(), ...lasting });
    const key = keys.session(session.id);
    const [created, ...times] = present(await redis.hget(key, "t")).split(" ");
    await redis.hset(key, "t", [Number(created) - 57 * MINUTE, ...times].join(" "), "s", 53 * MINUTE);
    await tamper(key);
    const before = await redis.hgetall(key);
    expect(await rejection(store.touch(token))).toMatchObject({ name: "CorruptRecordError", key });
    expect(await redis.hgetall(key)).toEqual(before);
  });

  it.each<[string, Verb, unknown]>([
    ["revoke", ({ token }) => store.revoke(token), true],
    ["revoke by id", ({ id }) => store.revoke(id), true],
    ["revokeAllForUser", ({ userId }) => store.revokeAllForUser(userId), 1],
    ["blockUser", ({ userId }) => store.blockUser(userId, { until: Date.now() + HOUR }), 1],
  ])("can be ended by %s", async (_, verb, outcome) => {
    const subject = await liveSubject(store, newUser());
    await tamper(keys.session(subject.id));
    expect(await verb(subject)).toBe(outcome);
    expect(await store.get(subject.token)).toBeNull();
    expect(await redis.exists(keys.session(subject.id), keys.user(subject.userId).index)).toBe(0);
  });

  it("is not swept out of the index, however long ago its bound has passed", async () => {
    const subject = await liveSubject(store, newUser());
    await tamper(keys.session(subject.id));
    await redis.zadd(keys.user(subject.userId).index, 1, subject.id);
    const { session } = await store.create({ userId: subject.userId });
    expect((await indexedIds(redis, prefix, subject.userId)).toSorted()).toEqual([subject.id, session.id].toSorted());
    expect(await store.revokeAllForUser(subject.userId)).toBe(2);
    expect(await redis.exists(keys.session(subject.id))).toBe(0);
  });
});

describe("a session that somebody has made end sooner than one idle timeout after its creation", () => {
  it("stays readable through both tokens of a rotation with grace", async () => {
    const { token, id } = await liveSubject(store, newUser());
    await redis.pexpire(keys.session(id), 10 * MINUTE);
    const fresh = present(await store.rotate(token, { grace: MINUTE }));
    expect(await store.get(token)).toMatchObject({ id });
    expect(await store.updateClaims(fresh.token, { a: 1 })).toMatchObject({ claims: { a: 1 } });
    expect(await store.get(token)).toMatchObject({ claims: { a: 1 } });
  });
});

describe("a session that was made longer by no more than its idle timeout", () => {
  it("was last seen when its TTL says, and stays in the index that says otherwise", async () => {
    const userId = newUser();
    const { token, session } = await store.create({ userId });
    const { index } = keys.user(userId);
    // Its bound has passed, and somebody has given it half an hour more.
    await redis.zadd(index, session.createdAt - 1, session.id);
    await redis.pexpire(keys.session(session.id), 30 * MINUTE);
    const found = present(await store.get(token));
    expect(found.expiresAt).toBe(await redis.pexpiretime(keys.session(session.id)));
    expect(found.lastSeenAt).toBe(found.expiresAt - 30 * MINUTE);
    const another = await store.create({ userId });
    const ids = [session.id, another.session.id].toSorted();
    expect((await indexedIds(redis, prefix, userId)).toSorted()).toEqual(ids);
    expect((await store.listForUser(userId)).map(({ id }) => id).toSorted()).toEqual(ids);
    expect(await store.updateClaimsForUser(userId, { a: 1 })).toBe(2);
    expect(await store.revokeAllForUser(userId)).toBe(2);
    expect(await store.get(token)).toBeNull();
  });

  it("never lives beyond its absolute deadline", async () => {
    const short = createSessionStore(redis, { prefix, idleTimeout: HOUR, absoluteTimeout: HOUR, touchInterval: 0 });
    const userId = newUser();
    const { token, session } = await short.create({ userId });
    const key = keys.session(session.id);
    const [created, ...times] = present(await redis.hget(key, "t")).split(" ");
    // Half an hour later somebody gives it an hour: half of that is too much.
    await redis.hset(key, "t", [Number(created) - 30 * MINUTE, ...times].join(" "));
    await redis.pexpire(key, HOUR);
    const found = present(await short.get(token));
    expect(found.expiresAt).toBe(found.absoluteExpiresAt);
    // The touch after that takes it back.
    expect(await short.touch(token)).toMatchObject({ expiresAt: found.absoluteExpiresAt });
    expect(await redis.pexpiretime(key)).toBe(found.absoluteExpiresAt);

    // And where nobody touches it, it is refused as what it is once the deadline has passed.
    await redis.hset(key, "t", [Number(created) - HOUR - 1, ...times].join(" "));
    await redis.pexpire(key, HOUR);
    for (const call of [
      () => short.get(token),
      () => short.touch(token),
      () => short.listForUser(userId),
      () => short.updateClaims(token, { a: 1 }),
      () => short.updateClaimsForUser(userId, { a: 1 }),
      () => short.rotate(token),
    ]) {
      expect(await rejection(call())).toBeInstanceOf(CorruptRecordError);
    }
    expect(await short.revokeAllForUser(userId)).toBe(1);
  });
});

describe("a session that was made shorter", () => {
  it("ends then, was last seen an idle timeout before, and slides with the next touch as any other", async () => {
    const { token, session } = await store.create({ userId: newUser() });
    const key = keys.session(session.id);
    await redis.pexpire(key, MINUTE);
    const found = present(await store.get(token));
    expect(found.expiresAt).toBe(await redis.pexpiretime(key));
    expect(found.lastSeenAt).toBe(found.expiresAt - 30 * MINUTE);
    const touched = present(await store.touch(token));
    expect(touched.expiresAt).toBe(touched.lastSeenAt + 30 * MINUTE);
    expect(await redis.pexpiretime(key)).toBe(touched.expiresAt);
  });

  it("is gone for every verb when it has ended, and leaves the index when its bound has passed", async () => {
    const userId = newUser();
    const { token, session } = await store.create({ userId });
    await redis.pexpire(keys.session(session.id), 0);
    expect(await store.get(token)).toBeNull();
    expect(await store.listForUser(userId)).toEqual([]);
    expect(await store.updateClaimsForUser(userId, { a: 1 })).toBe(0);
    await redis.zadd(keys.user(userId).index, 1, session.id);
    const another = await store.create({ userId });
    expect(await indexedIds(redis, prefix, userId)).toEqual([another.session.id]);
  });
});

describe.each<[how: string, (index: string) => Promise<unknown>]>([
  ["PERSIST", (index) => redis.persist(index)],
  ["EXPIRE to a minute", (index) => redis.pexpire(index, MINUTE)],
  ["EXPIRE to a day", (index) => redis.pexpire(index, 24 * HOUR)],
  ["DEL, and a session that came since", (index) => redis.del(index)],
])("an index after %s", (how, tamper) => {
  const brief = { idleTimeout: 5 * MINUTE, absoluteTimeout: HOUR };

  it.each<[string, (subject: Subject) => Promise<string>]>([
    ["a log-in", async ({ userId }) => (await store.create({ userId, ...brief })).session.id],
    [
      "a touch that moves a bound",
      async ({ userId }) => {
        const { token, session } = await store.create({ userId, ...brief });
        const { index } = keys.user(userId);
        await redis.zadd(index, Date.now(), session.id);
        await tamper(index);
        // Into another quarter of its idle timeout.
        await ageSession(redis, keys.session(session.id), 2 * MINUTE);
        await store.touch(token);
        return session.id;
      },
    ],
  ])("lives as long as its latest session again after %s of a session that ends before", async (_, verb) => {
    const userId = newUser();
    const subject = await liveSubject(store, userId);
    await tamper(keys.user(userId).index);
    const id = await verb(subject);
    if (how.startsWith("DEL")) {
      await ageSession(redis, keys.session(subject.id), 8 * MINUTE);
      await store.touch(subject.token);
    }
    await expectIndex(redis, prefix, userId, [subject.id, id]);
  });
});
