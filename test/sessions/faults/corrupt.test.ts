/** A key of ours that holds something else: the error names that key, and nothing is left half done. */
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { CorruptRecordError, createSessionStore, type SessionEvents } from "../../../src/index.js";
import { Keys } from "../../../src/sessions/keys.js";
import { liveSubject, rejection, type Subject } from "../../fixtures/every-verb.js";
import { connect, guardKeyspace, keysUnder, uniquePrefix } from "../../harness/fixtures.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const keys = new Keys(prefix);
const store = createSessionStore(redis, { prefix, touchInterval: 0, maxSessionsPerUser: 5 });

/** Every user is used once, so that no test sees the damage that another has done. */
let users = 0;
const newUser = () => `user "${++users}" with {braces}, a space and ü`;

/** Puts a string where a session, an index or a block should be. */
async function damage(key: string, client: Redis = redis): Promise<void> {
  await client.set(key, "what is this", "EX", 60);
}

/**
 * Everything under the prefix that belongs to the user, with what it holds and when it expires, but not the marks by which a call
 * that runs twice knows itself.
 */
async function dumpOf(user: string): Promise<Record<string, unknown>> {
  const slot = keys.user(user).index.replace(/:u:.*$/s, "");
  const found = (await keysUnder(redis, slot)).filter((key) => !key.startsWith(`${slot}:m:`));
  const dumps = await Promise.all(found.map(async (key) => [await redis.dump(key), await redis.pexpiretime(key)]));
  return Object.fromEntries(found.map((key, at) => [key, dumps[at]]));
}

async function expectCorrupt(call: Promise<unknown>, key: string): Promise<void> {
  const error = await rejection(call);
  expect(error).toBeInstanceOf(CorruptRecordError);
  expect(error).toMatchObject({ code: "CORRUPT_RECORD", key });
  expect(error.message).toContain(JSON.stringify(key));
  expect(error.message).not.toContain("what is this");
}

type Verb = (subject: Subject) => Promise<unknown>;

const onToken: Record<string, Verb> = {
  get: ({ token }) => store.get(token),
  touch: ({ token }) => store.touch(token),
  find: ({ id }) => store.find(id),
  updateClaims: ({ token }) => store.updateClaims(token, { a: 1 }),
  "updateClaims with a function": ({ token }) => store.updateClaims(token, () => ({ a: 1 })),
  rotate: ({ token }) => store.rotate(token),
  "rotate with grace": ({ token }) => store.rotate(token, { grace: 1000 }),
  "rotate for another user": ({ token }) => store.rotate(token, { userId: "another" }),
  revoke: ({ token }) => store.revoke(token),
  "revoke by id": ({ id }) => store.revoke(id),
};

describe("a record without its hash or its times", () => {
  it.each(["h", "t"])("makes get and touch name its key where %s is missing", async (field) => {
    const { id, token } = await liveSubject(store, newUser());
    const key = keys.session(id);
    await redis.hdel(key, field);
    await expectCorrupt(store.get(token), key);
    await expectCorrupt(store.touch(token), key);
  });
});

describe.each([
  ["v", "soon"],
  ["v", ""],
  ["s", "soon"],
  ["s", ""],
])("a record whose field %s is no number but %j", (field, value) => {
  const { revoke: _, "revoke by id": __, ...readers } = onToken;

  it.each<[string, Verb]>([
    ...Object.entries(readers),
    ["rotate for the same user", ({ token, userId }) => store.rotate(token, { userId })],
    ["rotate with claims", ({ token }) => store.rotate(token, { claims: { a: 1 } })],
    ["listForUser", ({ userId }) => store.listForUser(userId)],
    ["updateClaimsForUser", ({ userId }) => store.updateClaimsForUser(userId, { a: 1 })],
  ])("makes %s name its key", async (name, verb) => {
    // Before the other one in the index, so that a change of all comes to it last.
    const other = await store.create({ userId: newUser(), claims: { a: 0 } });
    const { userId } = other.session;
    const subject = await liveSubject(store, String(userId));
    const key = keys.session(subject.id);
    // At its absolute deadline, where its TTL does not tell when it was seen last.
    const [created, authenticated, idle] = ((await redis.hget(key, "t")) ?? "").split(" ");
    const times = [Number(created) - 5, authenticated, idle, Number(idle) + 5];
    await redis.hset(key, field, value, "t", times.join(" "));
    const before = await dumpOf(subject.userId);
    await expectCorrupt(verb(subject), key);
    // A touch does not look at the version, and slides.
    if (name !== "touch") expect(await dumpOf(subject.userId)).toEqual(before);
  });
});

describe("a session key of another kind", () => {
  it.each(Object.entries(onToken))("makes %s name it and change nothing", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const key = keys.session(subject.id);
    await damage(key);
    const before = await dumpOf(subject.userId);

    await expectCorrupt(verb(subject), key);
    expect(await dumpOf(subject.userId)).toEqual(before);
  });

  it.each<[string, Verb]>([
    ["listForUser", ({ userId }) => store.listForUser(userId)],
    ["updateClaimsForUser", ({ userId }) => store.updateClaimsForUser(userId, { role: "x" })],
    [
      "create at the session limit",
      ({ userId }) => createSessionStore(redis, { prefix, maxSessionsPerUser: 1 }).create({ userId }),
    ],
  ])("makes %s, which reads all of a user's, name it and change nothing", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const other = await liveSubject(store, subject.userId);
    await damage(keys.session(other.id));
    const before = await dumpOf(subject.userId);

    await expectCorrupt(verb(subject), keys.session(other.id));
    expect(await dumpOf(subject.userId)).toEqual(before);
  });

  it("with times that nobody can read makes create at the session limit name it and change nothing", async () => {
    const subject = await liveSubject(store, newUser());
    const key = keys.session(subject.id);
    await redis.hset(key, "t", "soon");
    const before = await dumpOf(subject.userId);
    const limited = createSessionStore(redis, { prefix, maxSessionsPerUser: 1 });
    await expectCorrupt(limited.create({ userId: subject.userId }), key);
    expect(await dumpOf(subject.userId)).toEqual(before);
  });

  it("does not keep the user from being logged out", async () => {
    const subject = await liveSubject(store, newUser());
    const other = await liveSubject(store, subject.userId);
    await damage(keys.session(other.id));

    expect(await store.revokeAllForUser(subject.userId)).toBe(2);
    expect(await dumpOf(subject.userId)).toEqual({});
  });
});

describe("a record that coatcheck did not write", () => {
  it.each([
    ["has no hash", { t: "1700000000000 0 0 1000 2000", u: "x" }],
    ["has no times", { h: "HASH", u: "x" }],
    ["has other times", { h: "HASH", t: "soon", u: "x" }],
    ["holds a claim that is not JSON", { h: "HASH", t: "1700000000000 0 0 1000 2000", ":role": "{what is this" }],
  ])("which %s makes get reject, and not return null", async (_, fields: Record<string, string>) => {
    const subject = await liveSubject(store, newUser());
    const key = keys.session(subject.id);
    const hash = (await redis.hget(key, "h")) as string;
    await redis.del(key);
    await redis.hset(key, { ...fields, ...(fields["h"] === undefined ? {} : { h: hash }) });
    await redis.expire(key, 60);

    await expectCorrupt(store.get(subject.token), key);
    // An end must always be possible: what cannot be read cannot be trusted to be harmless either.
    if (fields["h"] !== undefined) expect(await store.revoke(subject.token)).toBe(true);
    else expect(await store.revoke(subject.id)).toBe(true);
    expect(await redis.exists(key)).toBe(0);
  });
});

describe("an index of another kind", () => {
  it.each<[string, Verb]>([
    ["create", ({ userId }) => store.create({ userId, claims: { a: 1 } })],
    ["create without a limit", ({ userId }) => createSessionStore(redis, { prefix }).create({ userId })],
    ["touch", ({ token }) => store.touch(token)],
    ["rotate", ({ token }) => store.rotate(token)],
    ["rotate with grace", ({ token }) => store.rotate(token, { grace: 1000 })],
    ["updateClaimsForUser", ({ userId }) => store.updateClaimsForUser(userId, { role: "x" })],
    ["listForUser", ({ userId }) => store.listForUser(userId)],
    ["revokeAllForUser", ({ userId }) => store.revokeAllForUser(userId)],
    ["blockUser", ({ userId }) => store.blockUser(userId)],
  ])("makes %s name it and change nothing", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const { index } = keys.user(subject.userId);
    await damage(index);
    const before = await dumpOf(subject.userId);

    await expectCorrupt(verb(subject), index);
    expect(await dumpOf(subject.userId)).toEqual(before);
  });

  it.each<[string, Verb]>([
    ["token", ({ token }) => store.revoke(token)],
    ["id", ({ id }) => store.revoke(id)],
  ])("does not keep revoke by %s from ending the session before it names the index", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const { index } = keys.user(subject.userId);
    await damage(index);

    await expectCorrupt(verb(subject), index);
    expect(await redis.exists(keys.session(subject.id))).toBe(0);
    expect(await store.get(subject.token)).toBeNull();
    expect(await redis.get(index)).toBe("what is this");
  });

  it("makes the log-in of a guest name it, and leaves the guest a guest", async () => {
    const userId = newUser();
    const { index } = keys.user(userId);
    await damage(index);
    const before = await dumpOf(userId);
    const guest = await store.create({ claims: { cart: [1] } });

    await expectCorrupt(store.rotate(guest.token, { userId }), index);
    expect(await dumpOf(userId)).toEqual(before);
    expect(await store.get(guest.token)).toEqual(guest.session);
  });

  it("does not concern the verbs that need no index", async () => {
    const subject = await liveSubject(store, newUser());
    await damage(keys.user(subject.userId).index);
    expect(await store.get(subject.token)).toMatchObject({ id: subject.id });
    expect(await store.updateClaims(subject.token, { a: 1 })).toMatchObject({ claims: { a: 1 } });
    expect(await store.getBlock(subject.userId)).toBeNull();
  });

  it("is mended by deleting it: the next touch lists the session again", async () => {
    const subject = await liveSubject(store, newUser());
    const { index } = keys.user(subject.userId);
    await damage(index);
    await expectCorrupt(store.touch(subject.token), index);

    await redis.del(index);
    expect(await store.touch(subject.token)).toMatchObject({ id: subject.id });
    expect(await store.listForUser(subject.userId)).toHaveLength(1);
  });
});

describe("a list of arrivals of another kind", () => {
  it.each<[string, Verb]>([
    ["create", ({ userId }) => store.create({ userId })],
    ["rotate", ({ token }) => store.rotate(token)],
    ["rotate with grace", ({ token }) => store.rotate(token, { grace: 1000 })],
  ])("makes %s name it and change nothing", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const { arrivals } = keys.user(subject.userId);
    await damage(arrivals);
    const before = await dumpOf(subject.userId);

    await expectCorrupt(verb(subject), arrivals);
    expect(await dumpOf(subject.userId)).toEqual(before);
  });
});

describe("a block of another kind", () => {
  it.each<[string, Verb]>([
    ["create", ({ userId }) => store.create({ userId })],
    ["getBlock", ({ userId }) => store.getBlock(userId)],
  ])("makes %s name it and change nothing", async (_, verb) => {
    const subject = await liveSubject(store, newUser());
    const { block } = keys.user(subject.userId);
    await damage(block);
    const before = await dumpOf(subject.userId);

    await expectCorrupt(verb(subject), block);
    expect(await dumpOf(subject.userId)).toEqual(before);
  });

  it("makes the log-in of a guest name it, and leaves the guest a guest", async () => {
    const userId = newUser();
    const { block } = keys.user(userId);
    await damage(block);
    const guest = await store.create({});

    await expectCorrupt(store.rotate(guest.token, { userId }), block);
    expect(await store.listForUser(userId)).toEqual([]);
    expect(await store.get(guest.token)).toEqual(guest.session);
  });

  it("is replaced by blockUser and removed by unblockUser", async () => {
    const subject = await liveSubject(store, newUser());
    await damage(keys.user(subject.userId).block);
    expect(await store.blockUser(subject.userId, { until: Date.now() + 60_000, reason: "spam" })).toBe(1);
    expect(await store.getBlock(subject.userId)).toMatchObject({ reason: "spam" });

    await damage(keys.user(subject.userId).block);
    expect(await store.unblockUser(subject.userId)).toBe(true);
    expect(await store.getBlock(subject.userId)).toBeNull();
  });
});

describe("CorruptRecordError under the client's keyPrefix", () => {
  it("names the key without it, as the store knows it", async () => {
    // The key prefix contains the store's own, which must not confuse the two.
    const client = connect({ keyPrefix: `${prefix}app:${prefix}` });
    const prefixed = createSessionStore(client, { prefix, touchInterval: 0 });
    const subject = await liveSubject(prefixed, newUser());
    const { index } = keys.user(subject.userId);
    await damage(index, client);
    await expectCorrupt(prefixed.touch(subject.token), index);
    await expectCorrupt(prefixed.create({ userId: subject.userId }), index);

    await damage(keys.session(subject.id), client);
    await expectCorrupt(prefixed.get(subject.token), keys.session(subject.id));
  });
});

describe("a failed call", () => {
  it("announces nothing", async () => {
    const subject = await liveSubject(store, newUser());
    const heard: Array<keyof SessionEvents> = [];
    for (const name of ["created", "rotated", "updated", "rejected"] as const) {
      store.events.on(name, () => heard.push(name));
    }
    await damage(keys.user(subject.userId).index);
    await rejection(store.create({ userId: subject.userId }));
    await rejection(store.rotate(subject.token));
    await rejection(store.touch(subject.token));
    await rejection(store.updateClaimsForUser(subject.userId, { a: 1 }));
    expect(heard).toEqual([]);
  });
});
