/** The feed: every script that ends or changes sessions tells which, in the same step, and no other script says anything. */
import RedisMock from "ioredis-mock";
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore, type SessionStoreOptions } from "../../src/index.js";
import { mintToken } from "../../src/leaves/token.js";
import {
  ENDING_LETTERS,
  type EndingReason,
  type FeedMessage,
  feedChannel,
  parseFeed,
  reasonOf,
} from "../../src/sessions/feed.js";
import { everyVerb, liveSubject, type Subject } from "../fixtures/every-verb.js";
import { documentedUser, grant } from "../harness/access.js";
import { listenToFeed } from "../harness/feed.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";
import { startRedisServer } from "../harness/redis-server.js";

const changed = (...ids: string[]) => ({ kind: "changed", ids: ids.sort() });
const ended = (reason: EndingReason, ...ids: string[]) => ({ kind: "ended", reason, ids: ids.sort() });

/** All but `check`, which tries whether it may publish: what it says is about sessions that never were. */
const { check, ...verbs } = everyVerb;

describe.each([
  ["Redis", () => connect()],
  ["ioredis-mock", () => new RedisMock()],
])("the feed on %s", (_, makeClient) => {
  const redis = makeClient();
  const subscriber = makeClient().setMaxListeners(0);

  /** A store, and what its feed says while a deed is done; the ids of each message are sorted. */
  async function open(options: SessionStoreOptions<Record<string, unknown>> = {}) {
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { timeout: 10_000, ...options, prefix });
    const ear = await listenToFeed(subscriber, [redis], prefix);
    const saidDuring = async (act: () => Promise<unknown>) => {
      const said = await ear.during(act);
      return said.map((message) => ({ ...message, ids: message.ids.toSorted() }));
    };
    return { prefix, store, saidDuring };
  }

  /** What each verb says of its subject, a user's only session. */
  const says: Record<keyof typeof verbs, (subject: Subject) => unknown[]> = {
    "create for a user": () => [],
    "create for a guest": () => [],
    get: () => [],
    touch: () => [],
    find: () => [],
    explain: () => [],
    listForUser: () => [],
    getBlock: () => [],
    unblockUser: () => [],
    "updateClaims with a patch": ({ id }) => [changed(id)],
    "updateClaims by id": ({ id }) => [changed(id)],
    "updateClaims with a function": ({ id }) => [changed(id)],
    updateClaimsForUser: ({ id }) => [changed(id)],
    rotate: ({ id }) => [ended("rotated", id)],
    "rotate with grace": ({ id }) => [ended("rotated", id)],
    "rotate for the same user": ({ id }) => [ended("rotated", id)],
    "rotate for another user": ({ id }) => [ended("rotated", id)],
    revoke: ({ id }) => [ended("revoked", id)],
    "revoke by id": ({ id }) => [ended("revoked", id)],
    revokeAllForUser: ({ id }) => [ended("user", id)],
    "revokeAllForUser but one": () => [],
    revokeAll: ({ id }) => [ended("all", id)],
    blockUser: ({ id }) => [ended("blocked", id)],
  };

  it("is decided for every verb", () => {
    expect(Object.keys(says).sort()).toEqual(Object.keys(verbs).sort());
  });

  it.each(Object.entries(verbs))("says what %s did", async (name, call) => {
    const { store, saidDuring } = await open();
    const subject = await liveSubject(store, "ada");
    const said = await saidDuring(() => call(store, subject));
    expect(said).toEqual(says[name]?.(subject));
  });

  it.each(Object.entries(verbs))("says nothing when %s finds nothing to do", async (_name, call) => {
    const { store, saidDuring } = await open();
    const { id, token } = mintToken("0AD");
    const said = await saidDuring(() => call(store, { id, token, userId: "ada" }));
    expect(said).toEqual([]);
  });

  it("says nothing of a touch that slides, of a wrong secret, and of a patch that changes nothing", async () => {
    const { store, saidDuring } = await open({ touchInterval: 0 });
    const { token, id } = await liveSubject(store, "ada");
    const wrong = `${id}.${"A".repeat(43)}`;
    const said = await saidDuring(async () => {
      for (let i = 0; i < 3; i++) await store.touch(token);
      await store.revoke(wrong);
      await store.updateClaims(wrong, { role: "root" });
      await store.rotate(wrong);
      await store.updateClaims(token, {});
    });
    expect(said).toEqual([]);
  });

  it.each(["evict-oldest", "evict-idle"] as const)("says whom a log-in has evicted by %s", async (onSessionLimit) => {
    const { store, saidDuring } = await open({ maxSessionsPerUser: 2, onSessionLimit });
    const issued = [await store.create({ userId: "ada" }), await store.create({ userId: "ada" })];
    const said = await saidDuring(() => store.create({ userId: "ada" }));
    const left = await Promise.all(issued.map(({ token }) => store.get(token)));
    expect(said).toEqual([ended("limit", ...issued.flatMap(({ session }, at) => (left[at] ? [] : [session.id])))]);
    expect(left.filter((session) => session === null)).toHaveLength(1);
  });

  it("names an evicted session together with the one that it has replaced", async () => {
    const { store, saidDuring } = await open({ maxSessionsPerUser: 1 });
    const old = await liveSubject(store, "ada");
    const successor = await replaced(store, old.token);
    expect(await saidDuring(() => store.create({ userId: "ada" }))).toEqual([ended("limit", old.id, successor.id)]);
  });

  it("says nothing of a log-in that is refused at the limit", async () => {
    const { store, saidDuring } = await open({ maxSessionsPerUser: 1, onSessionLimit: "reject" });
    await liveSubject(store, "ada");
    const refused = () => expect(store.create({ userId: "ada" })).rejects.toThrow("already has 1");
    expect(await saidDuring(refused)).toEqual([]);
  });

  it("says that a guest's session ends when its user logs in", async () => {
    const { store, saidDuring } = await open();
    const { token, session } = await store.create({ claims: { cart: [1] } });
    expect(await saidDuring(() => store.rotate(token, { userId: "ada" }))).toEqual([ended("rotated", session.id)]);
  });

  it.each([
    ["revoke", (store, { token }) => store.revoke(token), "revoked"],
    ["revoke of the other one", (store, _, other) => store.revoke(other), "revoked"],
    ["revokeAllForUser", (store) => store.revokeAllForUser("ada"), "user"],
    ["blockUser", (store) => store.blockUser("ada"), "blocked"],
  ] as [string, (store: SessionStore, old: Subject, other: string) => Promise<unknown>, EndingReason][])(
    "names both sessions of a rotation with grace in a %s",
    async (_name, end, reason) => {
      const { store, saidDuring } = await open();
      const old = await liveSubject(store, "ada");
      const successor = await replaced(store, old.token);
      expect(await saidDuring(() => end(store, old, successor.id))).toEqual([ended(reason, old.id, successor.id)]);
    },
  );

  it("names both sessions of a rotation with grace when their claims change", async () => {
    const { store, saidDuring } = await open();
    const old = await liveSubject(store, "ada");
    const successor = await replaced(store, old.token);
    const both = [changed(old.id, successor.id)];
    expect(await saidDuring(() => store.updateClaims(old.token, { n: 1 }))).toEqual(both);
    expect(await saidDuring(() => store.updateClaims(successor.id, { n: 2 }))).toEqual(both);
    expect(await saidDuring(() => store.updateClaimsForUser("ada", { n: 3 }))).toEqual(both);
  });

  it("says that the older of two predecessors ends with the second rotation", async () => {
    const { store, saidDuring } = await open();
    const old = await liveSubject(store, "ada");
    const successor = await replaced(store, old.token);
    const said = await saidDuring(() => store.rotate(successor.token, { grace: 10_000 }));
    expect(said).toEqual([ended("rotated", old.id, successor.id)]);
  });

  it("spares what revokeAllForUser spares", async () => {
    const { store, saidDuring } = await open();
    const old = await liveSubject(store, "ada");
    const successor = await replaced(store, old.token);
    const other = await liveSubject(store, "ada");
    const said = await saidDuring(() => store.revokeAllForUser("ada", { except: successor.token }));
    expect(said).toEqual([ended("user", other.id)]);
  });
});

/** Rotates a session with grace. */
async function replaced(store: SessionStore, token: string): Promise<{ readonly token: string; readonly id: string }> {
  const rotated = await store.rotate(token, { grace: 60_000 });
  if (rotated === null) throw new Error("There is nothing to rotate.");
  return { token: rotated.token, id: rotated.session.id };
}

describe("the feed on Redis alone", () => {
  const redis = connect();

  it("is tried by check with sessions that never were", async () => {
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { prefix, timeout: 10_000 });
    const subject = await liveSubject(store, "ada");
    const ear = await listenToFeed(connect(), [redis], prefix);
    const said = await ear.during(() => check?.(store, subject) ?? Promise.reject(new Error("There is no check.")));
    expect(said.length).toBeGreaterThan(0);
    for (const { ids } of said) expect(await Promise.all(ids.map((id) => store.find(id)))).toEqual([null]);
  });

  it.each([
    ["revokeAllForUser", "user", (store: SessionStore) => store.revokeAllForUser("ada")],
    ["blockUser", "blocked", (store: SessionStore) => store.blockUser("ada")],
    ["updateClaimsForUser", undefined, (store: SessionStore) => store.updateClaimsForUser("ada", { n: 1 })],
    [
      "a log-in at a limit that is new",
      "limit",
      async (store: SessionStore, again: (options: SessionStoreOptions<Record<string, unknown>>) => SessionStore) => {
        expect(await store.listForUser("ada")).toHaveLength(1000);
        await again({ maxSessionsPerUser: 1 }).create({ userId: "ada" });
      },
    ],
  ])("%s names each of them once, a page at a time", async (_, reason, act) => {
    const prefix = uniquePrefix();
    const again = (options: SessionStoreOptions<Record<string, unknown>> = {}) =>
      createSessionStore(redis, { timeout: 10_000, ...options, prefix });
    const store = again();
    const issued = await Promise.all(Array.from({ length: 1000 }, () => store.create({ userId: "ada" })));
    const ear = await listenToFeed(connect(), [redis], prefix);
    const said = await ear.during(() => act(store, again));
    const ids = said.flatMap((message) => message.ids);
    expect(ids.toSorted()).toEqual(issued.map(({ session }) => session.id).toSorted());
    for (const message of said) expect("reason" in message ? message.reason : undefined).toBe(reason);
    expect(said.length).toBeLessThanOrEqual(reason === "limit" ? 1 : 5);
  });
});

describe("a script that runs a second time, because its reply was lost", () => {
  it.each(Object.entries(verbs))("says of %s no more than the first run did", async (_, call) => {
    const redis = connect();
    const prefix = uniquePrefix();
    const twice = passThrough(redis, {
      async evalsha(sha: string, keys: number, ...args: (string | number)[]) {
        await redis.evalsha(sha, keys, ...args);
        return redis.evalsha(sha, keys, ...args);
      },
    });
    const ear = await listenToFeed(connect(), [redis], prefix);
    const options = { prefix, timeout: 10_000 };
    const once = createSessionStore(redis, options);
    const named = (said: readonly FeedMessage[]) => said.map((message) => ({ ...message, ids: message.ids.length }));
    const subject = await liveSubject(once, "ada");
    const expected = named(await ear.during(() => call(once, subject)));
    // Only now, because the first call may have been revokeAll.
    const repeated = await liveSubject(once, "bob");
    const said = await ear.during(() => call(createSessionStore(twice, options), repeated));
    expect(named(said)).toEqual(expected);
  });
});

describe("the channel", () => {
  it("has the keyPrefix of the client in front, even one with braces", async () => {
    for (const keyPrefix of ["app:", "{app}:"]) {
      const prefix = uniquePrefix();
      const store = createSessionStore(connect({ keyPrefix }), { prefix });
      const redis = connect();
      const ear = await listenToFeed(connect(), [redis], prefix, keyPrefix);
      const subject = await liveSubject(store, "a:{da}\n😀");
      expect(await ear.during(() => store.updateClaims(subject.token, { n: 1 }))).toEqual([changed(subject.id)]);
      expect(await ear.during(() => store.revoke(subject.token))).toEqual([ended("revoked", subject.id)]);
      expect(await ear.during(() => store.blockUser(subject.userId))).toEqual([]);
    }
    expect(feedChannel("app:", "coatcheck:")).toBe("app:coatcheck:near");
  });

  it("carries ids, and no secret, claim, user or token", async () => {
    const prefix = uniquePrefix();
    const redis = connect();
    const store = createSessionStore(redis, { prefix });
    const ear = await listenToFeed(connect(), [redis], prefix);
    const { token, session } = await store.create({ userId: "ada" });
    expect(await ear.rawDuring(() => store.updateClaims(token, { role: "spy" }))).toEqual([`~ ${session.id}`]);
    expect(await ear.rawDuring(() => store.revoke(token))).toEqual([`r ${session.id}`]);
  });
});

describe("a user of Redis who may not publish", () => {
  it("ends and changes sessions all the same", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const admin = connect({ port: server.port });
    const user = documentedUser();
    const mute = { ...user, rules: user.rules.filter((rule) => rule !== "+publish" && !rule.startsWith("&")) };
    await grant(admin, mute);
    const { username, password } = mute;
    const prefix = uniquePrefix();
    const store = createSessionStore(connect({ port: server.port, username, password }), { prefix });
    const ear = await listenToFeed(connect({ port: server.port }), [admin], prefix);
    const said = await ear.during(async () => {
      const first = await liveSubject(store, "ada");
      expect(await store.updateClaims(first.token, { role: "writer" })).toMatchObject({ claims: { role: "writer" } });
      expect(await store.updateClaimsForUser("ada", { role: "root" })).toBe(1);
      const rotated = await replaced(store, first.token);
      expect(await store.revoke(rotated.token)).toBe(true);
      expect(await store.get(first.token)).toBeNull();
      await liveSubject(store, "ada");
      expect(await store.revokeAllForUser("ada")).toBe(1);
      const last = await liveSubject(store, "ada");
      expect(await store.blockUser("ada")).toBe(1);
      expect(await store.get(last.token)).toBeNull();
    });
    expect(said).toEqual([]);
    await grant(admin, user);
    await store.unblockUser("ada");
    const last = await liveSubject(store, "ada");
    expect(await ear.during(() => store.revoke(last.token))).toEqual([ended("revoked", last.id)]);
  });
});

describe("a full Redis", () => {
  it("is told of what ends, because the publication comes after the first write", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const redis = connect({ port: server.port });
    const prefix = uniquePrefix();
    const store = createSessionStore(redis, { prefix });
    const [first, second, third] = [
      await liveSubject(store, "ada"),
      await liveSubject(store, "ada"),
      await liveSubject(store, "bob"),
    ];
    const ear = await listenToFeed(connect({ port: server.port }), [redis], prefix);
    await redis.config("SET", "maxmemory", "1");
    const said = await ear.during(async () => {
      expect(await store.revoke(first.token)).toBe(true);
      expect(await store.revokeAllForUser("ada")).toBe(1);
      expect(await store.blockUser("bob")).toBe(1);
    });
    expect(said).toEqual([ended("revoked", first.id), ended("user", second.id), ended("blocked", third.id)]);
  });
});

describe("parseFeed", () => {
  const [one, two] = ["01M813ANQEZQQF0E0QPV2PHR92", "01M813APN9WQX171PV599DJVG4"];

  it("reads every reason, and a change", () => {
    for (const [reason, letter] of Object.entries(ENDING_LETTERS)) {
      expect(parseFeed(`${letter} ${one} ${two}`)).toEqual({ kind: "ended", reason, ids: [one, two] });
      expect(reasonOf(letter)).toBe(reason);
    }
    expect(parseFeed(`~ ${one}`)).toEqual({ kind: "changed", ids: [one] });
    expect(new Set(Object.values(ENDING_LETTERS)).size).toBe(Object.keys(ENDING_LETTERS).length);
  });

  it.each([
    "",
    " ",
    "r",
    "~",
    "r ",
    `r${one}`,
    `x ${one}`,
    `rr ${one}`,
    `r  ${one}`,
    `r ${one} `,
    `r ${one},${two}`,
    `r ${one}\n`,
    `r ${one.slice(1)}`,
    `r ${one.toLowerCase()}`,
    one,
    `__proto__ ${one}`,
    "r ".repeat(10_000),
  ])("does not know %j", (message) => {
    expect(parseFeed(message)).toBeUndefined();
  });
});
