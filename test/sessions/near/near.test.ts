/** The near cache of whole stores, on Redis and on ioredis-mock, as users see it. */
import type { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { describe, expect, it, vi } from "vitest";
import { createSessionStore, type SessionStore, type SessionStoreOptions } from "../../../src/index.js";
import { feedChannel } from "../../../src/sessions/feed.js";
import { Keys } from "../../../src/sessions/keys.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";

const FAST = { interval: 1 };
/** So long that nothing lapses on a busy machine. What a lapse does is tested elsewhere. */
const NEAR = { lease: 10_000 };

describe.each([
  ["Redis", (options: object) => connect(options)],
  ["ioredis-mock", (options: object) => new RedisMock(options) as unknown as Redis],
] as const)("a store with near on %s", (name, makeClient) => {
  const redis = makeClient({});
  const prefix = uniquePrefix();
  if (name === "Redis") guardKeyspace(redis, prefix);

  /** A store that serves from memory, and one in another process, as far as Redis can tell. */
  async function pair(options: SessionStoreOptions<Record<string, unknown>> = {}) {
    const store: SessionStore = createSessionStore(makeClient({}), { prefix, near: NEAR, ...options });
    const elsewhere: SessionStore = createSessionStore(makeClient({}), { prefix, ...options, near: undefined });
    afterFile(() => store.close());
    await serving(store);
    return { store, elsewhere };
  }

  async function serving(store: SessionStore) {
    store.peek("");
    await vi.waitFor(() => expect(store.near.state).toBe("serving"), FAST);
  }

  const forgotten = (store: SessionStore, token: string) =>
    vi.waitFor(() => expect(store.peek(token)).toBeUndefined(), FAST);

  it("answers from memory what a touch has brought, with one frozen session", async () => {
    const { store } = await pair();
    const { token, session } = await store.create({ userId: "ada", claims: { role: "admin" } });
    expect(store.peek(token)).toBeUndefined();
    const touched = await store.touch(token);
    expect(touched).toEqual(session);
    const { misses } = store.near.stats;
    expect(store.peek(token)).toBe(touched);
    expect(await store.touch(token)).toBe(touched);
    expect(await store.get(token)).toBe(touched);
    expect(Object.isFrozen(touched)).toBe(true);
    expect(store.near.stats).toMatchObject({ misses, hits: 3, size: 1 });
  });

  it("is filled by touch alone", async () => {
    const { store } = await pair();
    const { token, session } = await store.create();
    await store.get(token);
    await store.find(session.id);
    await store.updateClaims(token, { a: 1 });
    expect(store.peek(token)).toBeUndefined();
  });

  it("never keeps that there is no session", async () => {
    const { store, elsewhere } = await pair();
    const { token } = await elsewhere.create();
    await elsewhere.revoke(token);
    for (let n = 1; n <= 2; n++) {
      expect(await store.touch(token)).toBeNull();
      expect(store.near.stats.size).toBe(0);
    }
  });

  it("answers no token with a wrong secret, and tells of it", async () => {
    const { store } = await pair();
    const { token, session } = await store.create();
    await store.touch(token);
    const wrong = `${token.slice(0, -1)}${token.endsWith("A") ? "E" : "A"}`;
    const rejected: object[] = [];
    store.events.on("rejected", (event) => rejected.push(event));
    expect(store.peek(wrong)).toBeUndefined();
    expect(await store.touch(wrong)).toBeNull();
    expect(rejected).toEqual([{ id: session.id, reason: "secret" }]);
    // And it does not harm the one with the right secret.
    expect(store.peek(token)?.id).toBe(session.id);
  });

  it.each(["", "rubbish", 7, null, undefined, {}, [], "x".repeat(70)])("has nothing for %j", async (value) => {
    const { store } = await pair();
    expect(store.peek(value)).toBeUndefined();
    expect(await store.touch(value)).toBeNull();
  });

  it("takes nothing for a token that only has an id at its beginning", async () => {
    const { store } = await pair();
    const { token, session } = await store.create();
    await store.touch(token);
    expect(store.peek(token)).toBeDefined();
    for (const near of [`${session.id}_${token.slice(27)}`, session.id, ` ${token}`, `${token} `, token.slice(0, -1)]) {
      expect(store.peek(near)).toBeUndefined();
    }
  });

  describe("forgets, soon after another process has acknowledged it,", () => {
    const deeds: Record<string, (store: SessionStore, token: string, id: string, userId: string) => Promise<unknown>> =
      {
        revoke: (store, token) => store.revoke(token),
        "revoke by id": (store, _, id) => store.revoke(id),
        revokeAllForUser: (store, _token, _id, userId) => store.revokeAllForUser(userId),
        blockUser: (store, _token, _id, userId) => store.blockUser(userId),
        updateClaims: (store, token) => store.updateClaims(token, { a: 2 }),
        "updateClaims by a function": (store, token) => store.updateClaims(token, () => ({ a: 2 })),
        updateClaimsForUser: (store, _token, _id, userId) => store.updateClaimsForUser(userId, { a: 2 }),
        rotate: (store, token) => store.rotate(token),
        "rotate with grace": (store, token) => store.rotate(token, { grace: 10_000 }),
        "a new log-in": (store, token, _id, userId) => store.rotate(token, { userId }),
        "a log-in of another user": (store, token, _id, userId) => store.rotate(token, { userId: `not ${userId}` }),
      };
    it.each(Object.entries(deeds))("%s", async (deed, act) => {
      const { store, elsewhere } = await pair();
      const userId = `user of ${deed}`;
      const { token, session } = await elsewhere.create({ userId, claims: { a: 1 } });
      await store.touch(token);
      expect(store.peek(token)).toBeDefined();
      await act(elsewhere, token, session.id, userId);
      await forgotten(store, token);
      const now = await elsewhere.get(token);
      expect(await store.touch(token)).toEqual(now);
    });

    it("the session that makes room for another", async () => {
      const { store, elsewhere } = await pair({ maxSessionsPerUser: 1 });
      const { token } = await elsewhere.create({ userId: "limited" });
      await store.touch(token);
      expect(store.peek(token)).toBeDefined();
      await elsewhere.create({ userId: "limited" });
      await forgotten(store, token);
      expect(await store.touch(token)).toBeNull();
    });

    it("a guest's session on which somebody logs in", async () => {
      const { store, elsewhere } = await pair();
      const { token } = await elsewhere.create({ claims: { cart: [1] } });
      await store.touch(token);
      expect(store.peek(token)).toBeDefined();
      await elsewhere.rotate(token, { userId: "guest no more" });
      await forgotten(store, token);
      expect(await store.touch(token)).toBeNull();
    });

    it("both sessions of a rotation with grace, by either token", async () => {
      for (const by of ["old", "new"] as const) {
        const { store, elsewhere } = await pair();
        const { token } = await elsewhere.create({ userId: `twins by ${by}` });
        const rotated = await elsewhere.rotate(token, { grace: 60_000 });
        const tokens = { old: token, new: rotated?.token ?? "" };
        for (const each of Object.values(tokens)) expect(await store.touch(each)).not.toBeNull();
        expect(store.peek(tokens.new)).toBeDefined();
        await elsewhere.updateClaims(tokens[by], { changed: true });
        await forgotten(store, tokens.new);
        for (const each of Object.values(tokens)) {
          expect((await store.touch(each))?.claims).toEqual({ changed: true });
        }
        await elsewhere.revoke(tokens[by]);
        await forgotten(store, tokens.new);
        for (const each of Object.values(tokens)) expect(await store.touch(each)).toBeNull();
      }
    });

    const many = name === "Redis" ? 1000 : 20;
    it(`${many} sessions of one user`, async () => {
      const { store, elsewhere } = await pair();
      const made = await Promise.all(Array.from({ length: many }, () => elsewhere.create({ userId: "many" })));
      await Promise.all(made.map(({ token }) => store.touch(token)));
      expect(made.every(({ token }) => store.peek(token) !== undefined)).toBe(true);
      expect(await elsewhere.revokeAllForUser("many")).toBe(many);
      await vi.waitFor(() => expect(made.some(({ token }) => store.peek(token) !== undefined)).toBe(false), FAST);
    });
  });

  describe("forgets at once, before the promise resolves,", () => {
    const deeds: Record<string, (store: SessionStore, token: string, id: string) => Promise<unknown>> = {
      revoke: (store, token) => store.revoke(token),
      "revoke by id": (store, _, id) => store.revoke(id),
      revokeAllForUser: (store) => store.revokeAllForUser("own"),
      blockUser: (store) => store.blockUser("own").finally(() => store.unblockUser("own")),
      updateClaims: (store, token) => store.updateClaims(token, { a: 2 }),
      "updateClaims by id": (store, _, id) => store.updateClaims(id, { a: 2 }),
      updateClaimsForUser: (store) => store.updateClaimsForUser("own", { a: 2 }),
      rotate: (store, token) => store.rotate(token),
      "a log-in of another user": (store, token) => store.rotate(token, { userId: "somebody else" }),
    };
    it.each(Object.entries(deeds))("%s", async (_, act) => {
      const { store } = await pair();
      // Its own memory must not need to be told by Redis.
      const { token, session } = await store.create({ userId: "own", claims: { a: 1 } });
      await store.touch(token);
      expect(store.peek(token)).toBeDefined();
      await act(store, token, session.id);
      expect(store.peek(token)).toBeUndefined();
    });

    it("what its call evicts", async () => {
      const { store } = await pair({ maxSessionsPerUser: 1 });
      const { token } = await store.create({ userId: "evicted" });
      await store.touch(token);
      await store.create({ userId: "evicted" });
      expect(store.peek(token)).toBeUndefined();
    });
  });

  describe("forgets at once, though it hears of nothing,", () => {
    /** A store that serves from memory, and from now on hears no push; and one without near beside it. */
    async function deafPair() {
      const subscriber = makeClient({});
      afterFile(() => subscriber.disconnect());
      const client = makeClient({});
      const store: SessionStore = createSessionStore(client, { prefix, near: { ...NEAR, subscriber } });
      afterFile(() => store.close());
      await serving(store);
      const beside: SessionStore = createSessionStore(client, { prefix });
      const userId = `whose sessions end ${Math.random()}`;
      const { token, session } = await beside.create({ userId });
      await store.touch(token);
      await subscriber.unsubscribe(feedChannel("", prefix));
      expect(store.peek(token)).toBeDefined();
      return { store, beside, token, session, userId };
    }

    it("what another store on the same client ends or changes", async () => {
      const { store, beside, token, session } = await deafPair();
      await beside.updateClaims(session.id, { a: 2 });
      expect(store.peek(token)).toBeUndefined();
      expect((await store.touch(token))?.claims).toEqual({ a: 2 });
      expect(store.peek(token)).toBeDefined();
      await beside.revoke(session.id);
      expect(store.peek(token)).toBeUndefined();
    });

    const deeds: Record<string, (store: SessionStore, token: string, id: string, userId: string) => Promise<unknown>> =
      {
        revoke: (store, token) => store.revoke(token),
        "revoke by id": (store, _, id) => store.revoke(id),
        revokeAllForUser: (store, _token, _id, userId) => store.revokeAllForUser(userId),
        blockUser: (store, _token, _id, userId) => store.blockUser(userId),
        updateClaims: (store, token) => store.updateClaims(token, { a: 2 }),
        rotate: (store, token) => store.rotate(token),
      };
    it.each(Object.entries(deeds))("what another process has ended, when %s finds that", async (_, act) => {
      const { store, token, session, userId } = await deafPair();
      // As a script of another process does.
      await makeClient({}).del(new Keys(prefix).session(session.id));
      expect(store.peek(token)).toBeDefined();
      await act(store, token, session.id, userId);
      expect(store.peek(token)).toBeUndefined();
    });
  });

  it("is off after close, and asks Redis", async () => {
    const { store, elsewhere } = await pair();
    const events: object[] = [];
    store.events.on("near", (event) => events.push(event));
    const { token } = await store.create();
    await store.touch(token);
    await store.close();
    await store.close();
    expect(events).toEqual([{ state: "off", reason: "closed" }]);
    expect(store.peek(token)).toBeUndefined();
    expect(store.near.state).toBe("off");
    expect(await store.touch(token)).not.toBeNull();
    await elsewhere.revoke(token);
    expect(await store.touch(token)).toBeNull();
    expect(store.near.stats.size).toBe(0);
  });

  it("uses a subscriber that it is given, and leaves it open", async () => {
    const subscriber = redis.duplicate();
    afterFile(() => subscriber.disconnect());
    const store = createSessionStore(redis, { prefix, near: { ...NEAR, subscriber } });
    await serving(store);
    const { token } = await store.create();
    await store.touch(token);
    expect(store.peek(token)).toBeDefined();
    await store.close();
    await expect(subscriber.subscribe("elsewhere")).resolves.toBe(1);
  });

  it("hears on a subscriber that it shares with another store, also after that one has been closed", async () => {
    const subscriber = makeClient({});
    afterFile(() => subscriber.disconnect());
    const near = { ...NEAR, subscriber };
    const { store, elsewhere } = await pair({ near });
    const other = createSessionStore(makeClient({}), { prefix, near });
    await serving(other);
    await other.close();
    const { token } = await elsewhere.create();
    await store.touch(token);
    expect(store.peek(token)).toBeDefined();
    await elsewhere.revoke(token);
    await forgotten(store, token);
  });

  it("keeps no more entries than it may", async () => {
    const { store } = await pair({ near: { ...NEAR, maxEntries: 2 } });
    const made = await Promise.all([1, 2, 3].map(() => store.create()));
    for (const { token } of made) await store.touch(token);
    expect(store.near.stats.size).toBe(2);
    expect(made.map(({ token }) => store.peek(token) !== undefined)).toEqual([false, true, true]);
  });

  it("needs no lookup of its own for many that come at once", async () => {
    const { store } = await pair();
    const { token } = await store.create();
    const found = await Promise.all(Array.from({ length: 50 }, () => store.touch(token)));
    expect(new Set(found).size).toBe(1);
    expect(store.near.stats).toMatchObject({ misses: 1, fills: 1, hits: 49 });
  });
});

it("a store without near is off, and has nothing in memory", async () => {
  const store = createSessionStore(connect(), { prefix: uniquePrefix() });
  const { token } = await store.create();
  await store.touch(token);
  expect(store.peek(token)).toBeUndefined();
  expect(store.near).toEqual({
    state: "off",
    stats: { hits: 0, misses: 0, fills: 0, pushes: 0, lapses: 0, flushes: 0, beats: 0, size: 0 },
  });
  await store.close();
});
