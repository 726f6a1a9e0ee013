/**
 * Scripts whose reply is lost on the way. ioredis then sends them again, so Redis runs them twice: each verb must come to
 * the same as if it had run once.
 */
import type { Redis } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { createSessionStore, type SessionStore, UserBlockedError } from "../../../src/index.js";
import { scripts } from "../../../src/sessions/scripts/scripts.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../../harness/fixtures.js";
import { gated, type ScriptName } from "../../harness/gate.js";
import { expectIndex } from "../../harness/indexes.js";
import { loseReply } from "../../harness/lost-reply.js";
import { passThrough } from "../../harness/pass-through.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
await gated(redis); // It teaches Redis every script, so that none is sent for any other reason.

const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
afterFile(() => proxy.close());
// A reconnection takes its time; the deadline is not what is tested here.
const options = { prefix, touchInterval: 0, timeout: 10_000 };
const proxied = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
const store = createSessionStore(proxied, options);
const direct = createSessionStore(redis, options);
const GRACE = 60_000;
let users = 0;

const runTwice = <T>(script: ScriptName, verb: () => Promise<T>, meanwhile?: () => Promise<void>) =>
  loseReply(proxy, scripts[script], verb, meanwhile);

/** What the store announces from now on. */
function listen() {
  const heard: [event: string, payload: { readonly id: string | null }][] = [];
  const names = ["created", "rotated", "updated", "revoked", "rejected"] as const;
  const listeners = names.map((name) => {
    const listener = (payload: { readonly id: string | null }) => heard.push([name, payload]);
    store.events.on(name, listener);
    return () => store.events.off(name, listener);
  });
  return () => {
    for (const stop of listeners) stop();
    return heard;
  };
}

async function logIn(claims: Record<string, unknown> = {}) {
  const userId = `replays ${users++}`;
  const { token, session } = await direct.create({ userId, claims });
  return { userId, token, id: session.id };
}

describe("a verb whose reply is lost and whose script runs twice", () => {
  it("creates one session", async () => {
    const userId = `replays ${users++}`;
    const { token, session } = await runTwice("create", () => store.create({ userId, claims: { a: 1 } }));
    expect(await direct.get(token)).toEqual(session);
    await expectIndex(redis, prefix, userId, [session.id]);
  });

  it.each([
    ["its id", async (id: string) => expect(await direct.revoke(id)).toBe(true)],
    ["its user", async (_: string, userId: string) => expect(await direct.revokeAllForUser(userId)).toBe(1)],
  ])("gives no session that somebody has revoked by %s between the two runs", async (_, revoke) => {
    const userId = `replays ${users++}`;
    let first = "";
    const { token, session } = await runTwice(
      "create",
      () => store.create({ userId, claims: { a: 1 } }),
      async () => {
        const listed = await direct.listForUser(userId);
        expect(listed).toHaveLength(1);
        first = listed[0]?.id ?? "";
        await revoke(first, userId);
      },
    );
    // The second run made the first session anew, and that one must not be what the caller gets.
    expect(session.id).not.toBe(first);
    expect(await direct.find(first)).toBeNull();
    expect(await direct.get(token)).toEqual(session);
    await expectIndex(redis, prefix, userId, [session.id]);
  });

  it("gives a guest no session that somebody has revoked between the two runs", async () => {
    const others = await redis.keys(`${prefix}*:s:*`);
    let first = "";
    const { token, session } = await runTwice(
      "create",
      () => store.create(),
      async () => {
        const made = (await redis.keys(`${prefix}*:s:*`)).filter((key) => !others.includes(key));
        expect(made).toHaveLength(1);
        first = made[0]?.slice(-26) ?? "";
        expect(await direct.revoke(first)).toBe(true);
      },
    );
    expect(session.id).not.toBe(first);
    expect(await direct.find(first)).toBeNull();
    expect(await direct.get(token)).toEqual(session);
  });

  it("logs a guest in to no session that somebody has revoked between the two runs", async () => {
    const userId = `replays ${users++}`;
    const guest = await direct.create({ claims: { cart: ["hat"] } });
    let first = "";
    const outcome = await runTwice(
      "create",
      () => store.rotate(guest.token, { userId }),
      async () => {
        first = (await direct.listForUser(userId))[0]?.id ?? "";
        expect(await direct.revokeAllForUser(userId)).toBe(1);
      },
    );
    expect(outcome?.session.id).not.toBe(first);
    expect(await direct.find(first)).toBeNull();
    expect(await direct.get(outcome?.token)).toMatchObject({ claims: { cart: ["hat"] } });
    await expectIndex(redis, prefix, userId, [outcome?.session.id ?? ""]);
  });

  it("refuses the log-in of a user who is blocked between the two runs", async () => {
    const userId = `replays ${users++}`;
    const outcome = runTwice(
      "create",
      () => store.create({ userId }),
      async () => expect(await direct.blockUser(userId)).toBe(1),
    );
    await expect(outcome).rejects.toThrow(UserBlockedError);
    await expectIndex(redis, prefix, userId, []);
    await direct.unblockUser(userId);
  });

  it("creates one session at the limit, and evicts one", async () => {
    const { userId, token } = await logIn();
    const kept = await direct.create({ userId });
    const limited = createSessionStore(proxied, { ...options, maxSessionsPerUser: 2 });
    const { session } = await runTwice("create", () => limited.create({ userId }));
    // Which of the first two is the oldest is open where both came in one ms.
    const left = (await Promise.all([token, kept.token].map((each) => direct.get(each)))).filter(
      (each) => each !== null,
    );
    expect(left).toHaveLength(1);
    await expectIndex(redis, prefix, userId, [left[0]?.id ?? "", session.id]);
  });

  it("gets, finds and lists the session", async () => {
    const { userId, token, id } = await logIn();
    expect(await runTwice("get", () => store.get(token))).toMatchObject({ id });
    expect(await runTwice("get", () => store.find(id))).toMatchObject({ id });
    expect(await runTwice("list", () => store.listForUser(userId))).toMatchObject([{ id }]);
  });

  it("touches it", async () => {
    const { userId, token, id } = await logIn();
    const session = await runTwice("touch", () => store.touch(token));
    expect(await direct.get(token)).toEqual(session);
    await expectIndex(redis, prefix, userId, [id]);
  });

  it("sets and removes claims", async () => {
    const { token } = await logIn({ a: 1, b: 2 });
    const session = await runTwice("update", () => store.updateClaims(token, { a: undefined, c: 3 }));
    expect(session?.claims).toEqual({ b: 2, c: 3 });
    expect(await direct.get(token)).toEqual(session);
  });

  it("counts once by a function", async () => {
    const { token } = await logIn({ visits: 0 });
    const increment = () => store.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 }));
    expect((await runTwice("update", increment))?.claims).toEqual({ visits: 1 });
    expect((await direct.get(token))?.claims).toEqual({ visits: 1 });
  });

  it("counts once by a function when others count before it runs again", async () => {
    const { token } = await logIn({ visits: 0 });
    const increment = (by: typeof store) => by.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 }));
    await runTwice(
      "update",
      () => increment(store),
      async () => {
        for (let others = 0; others < 3; others++) await increment(direct);
      },
    );
    expect((await direct.get(token))?.claims).toEqual({ visits: 4 });
  });

  it("counts once by a function, however many others count before it runs again", async () => {
    const { token } = await logIn({ visits: 0 });
    const increment = (by: typeof store) => by.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 }));
    const outcome = await runTwice(
      "update",
      () => increment(store),
      async () => {
        for (let others = 0; others < 100; others++) await increment(direct);
      },
    );
    expect(outcome?.claims).toEqual({ visits: 101 });
    expect((await direct.get(token))?.claims).toEqual({ visits: 101 });
  });

  it.each([1, 100])("undoes no change that %i others have made before a patch runs again", async (others) => {
    const { token } = await logIn({ role: "guest" });
    const outcome = await runTwice(
      "update",
      () => store.updateClaims(token, { role: "reader" }),
      async () => {
        for (let other = 0; other < others; other++) await direct.updateClaims(token, { role: `editor ${other}` });
      },
    );
    expect(outcome?.claims).toEqual({ role: `editor ${others - 1}` });
    expect((await direct.get(token))?.claims).toEqual({ role: `editor ${others - 1}` });
  });

  it("undoes no change that a second patch of the same caller has made before the first runs again", async () => {
    const { token } = await logIn({ role: "guest" });
    // The first gives up, and so its caller tries again, by another process.
    const hasty = createSessionStore(proxied, { ...options, timeout: 50 });
    await runTwice(
      "update",
      () => hasty.updateClaims(token, { role: "reader" }).catch(() => null),
      async () => {
        await direct.updateClaims(token, { role: "reader" });
        await direct.updateClaims(token, { role: "editor" });
      },
    );
    // What comes behind it on the connection comes after it.
    expect((await store.get(token))?.claims).toEqual({ role: "editor" });
  });

  it.each([
    ["rotated", (token: string) => direct.rotate(token)],
    ["revoked", (token: string) => direct.revoke(token)],
  ])("tells that it was changed where it was %s before a change runs again", async (_, meanwhile) => {
    const { userId, token, id } = await logIn();
    const heard = listen();
    const outcome = runTwice(
      "update",
      () => store.updateClaims(token, { role: "reader" }),
      async () => void (await meanwhile(token)),
    );
    await expect(outcome).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: /claims were changed/ });
    expect(heard()).toEqual([["updated", { id, userId, claims: ["role"] }]]);
    for (const { claims } of await direct.listForUser(userId)) expect(claims).toEqual({ role: "reader" });
  });

  it("finds nothing to change, twice", async () => {
    const { token } = await logIn();
    await direct.revoke(token);
    expect(await runTwice("update", () => store.updateClaims(token, { role: "reader" }))).toBeNull();
  });

  it("tells which sessions had to go for a new one", async () => {
    const { userId, token, id } = await logIn();
    await direct.create({ userId });
    const limited = createSessionStore(proxied, { ...options, maxSessionsPerUser: 1 });
    const evicted: string[] = [];
    limited.events.on("revoked", (event) => evicted.push(event.id));
    const { session } = await runTwice("create", () => limited.create({ userId }));
    expect(evicted).toHaveLength(2);
    expect(evicted).toContain(id);
    expect(await direct.get(token)).toBeNull();
    await expectIndex(redis, prefix, userId, [session.id]);
  });

  it("tells which sessions had to go, though the new one was refused in the end", async () => {
    const { userId, id } = await logIn();
    const limited = createSessionStore(proxied, { ...options, maxSessionsPerUser: 1 });
    const evicted: string[] = [];
    limited.events.on("revoked", (event) => evicted.push(event.id));
    const outcome = runTwice(
      "create",
      () => limited.create({ userId }),
      async () => expect(await direct.blockUser(userId)).toBe(1),
    );
    await expect(outcome).rejects.toThrow(UserBlockedError);
    expect(evicted).toEqual([id]);
    await direct.unblockUser(userId);
  });

  it("tells which sessions had to go where they were too many for one step", async () => {
    const userId = `replays ${users++}`;
    for (let made = 0; made < 11; made++) {
      await Promise.all(Array.from({ length: 100 }, () => direct.create({ userId })));
    }
    const limited = createSessionStore(proxied, { ...options, maxSessionsPerUser: 5 });
    const evicted = new Set<string>();
    limited.events.on("revoked", (event) => evicted.add(event.id));
    await runTwice("create", () => limited.create({ userId }));
    expect(await direct.listForUser(userId)).toHaveLength(5);
    expect(evicted.size).toBe(1096);
  });

  it("rejects a rotation whose session was revoked before it runs again, as it may have run", async () => {
    const { userId, token } = await logIn();
    const heard = listen();
    const outcome = runTwice(
      "rotate",
      () => store.rotate(token),
      async () => expect(await direct.revokeAllForUser(userId)).toBe(1),
    );
    await expect(outcome).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: /may have run/ });
    expect(heard()).toEqual([]);
    await expectIndex(redis, prefix, userId, []);
  });

  it("counts once for each of twenty functions on the connection that breaks", async () => {
    const { token } = await logIn({ visits: 0 });
    const increment = () => store.updateClaims(token, ({ visits }) => ({ visits: Number(visits) + 1 }));
    await runTwice("update", () => Promise.all(Array.from({ length: 20 }, increment)));
    expect((await direct.get(token))?.claims).toEqual({ visits: 20 });
  });

  it("changes claims of all sessions of a user", async () => {
    const { userId, token } = await logIn();
    expect(await runTwice("updateUser", () => store.updateClaimsForUser(userId, { role: "admin" }))).toBe(1);
    expect((await direct.get(token))?.claims).toEqual({ role: "admin" });
  });

  it("changes claims of all sessions of a user, and undoes no change that others make between the two runs", async () => {
    const { userId, token, id } = await logIn();
    const other = await direct.create({ userId });
    const heard = listen();
    const changed = await runTwice(
      "updateUser",
      () => store.updateClaimsForUser(userId, { role: "reader" }),
      async () => {
        await direct.updateClaims(token, { role: "editor" });
        await direct.revoke(other.token);
        await direct.create({ userId });
      },
    );
    expect(changed).toBe(2);
    expect(
      heard()
        .map(([, payload]) => payload.id)
        .sort(),
    ).toEqual([id, other.session.id].sort());
    expect((await direct.get(token))?.claims).toEqual({ role: "editor" });
  });

  it.each([0, GRACE])("rotates it once, at a grace of %d ms", async (grace) => {
    const { userId, token, id } = await logIn({ a: 1 });
    const rotated = await runTwice("rotate", () => store.rotate(token, { grace, claims: { b: 2 } }));
    expect(await direct.get(rotated?.token)).toEqual(rotated?.session);
    expect(rotated?.session.claims).toEqual({ a: 1, b: 2 });
    expect((await direct.get(token)) === null).toBe(grace === 0);
    await expectIndex(redis, prefix, userId, [rotated?.session.id ?? "", ...(grace > 0 ? [id] : [])]);
  });

  it.each(["get", "create", "logIn"] as const)("logs a guest in, when the reply to %s is lost", async (script) => {
    const userId = `replays ${users++}`;
    const guest = await direct.create({ claims: { cart: ["hat"] } });
    const outcome = await runTwice(script, () => store.rotate(guest.token, { userId }));
    expect(await direct.get(outcome?.token)).toMatchObject({ userId, claims: { cart: ["hat"] } });
    expect(await direct.get(guest.token)).toBeNull();
    await expectIndex(redis, prefix, userId, [outcome?.session.id ?? ""]);
  });

  it("revokes it, and says so", async () => {
    const { userId, token, id } = await logIn();
    const heard = listen();
    expect(await runTwice("revoke", () => store.revoke(token))).toBe(true);
    expect(heard()).toEqual([["revoked", { id, userId, reason: "revoked" }]]);
    expect(await direct.get(token)).toBeNull();
    await expectIndex(redis, prefix, userId, []);
    // A second call is another matter.
    expect(await store.revoke(token)).toBe(false);
  });

  it("revokes both sessions of a rotation with grace, and says so", async () => {
    const { userId, token, id } = await logIn();
    const rotated = await direct.rotate(token, { grace: GRACE });
    const heard = listen();
    expect(await runTwice("revoke", () => store.revoke(token))).toBe(true);
    expect(
      heard()
        .map(([, payload]) => payload.id)
        .sort(),
    ).toEqual([id, rotated?.session.id].sort());
    await expectIndex(redis, prefix, userId, []);
  });

  it("finds nothing to revoke, twice", async () => {
    const { token } = await logIn();
    await direct.revoke(token);
    const heard = listen();
    expect(await runTwice("revoke", () => store.revoke(token))).toBe(false);
    expect(heard()).toEqual([["rejected", { id: token.slice(0, 26), reason: "unknown" }]]);
  });

  it("revokes all of a user but the spared one, and says how many, and none that logs in between the two runs", async () => {
    const { userId, token, id } = await logIn();
    const other = await direct.create({ userId });
    let late = "";
    const heard = listen();
    const revoked = await runTwice(
      "revokeUser",
      () => store.revokeAllForUser(userId, { except: token }),
      async () => {
        late = (await direct.create({ userId })).session.id;
      },
    );
    expect(revoked).toBe(1);
    expect(heard()).toEqual([["revoked", { id: other.session.id, userId, reason: "user" }]]);
    await expectIndex(redis, prefix, userId, [id, late]);
  });

  it("blocks a user, for the same time and reason, and lifts the block", async () => {
    const { userId, token, id } = await logIn();
    const until = Date.now() + 3_600_000;
    const heard = listen();
    expect(await runTwice("block", () => store.blockUser(userId, { until, reason: "fraud" }))).toBe(1);
    expect(heard()).toEqual([["revoked", { id, userId, reason: "blocked" }]]);
    expect(await direct.get(token)).toBeNull();
    expect(await runTwice("getBlock", () => store.getBlock(userId))).toMatchObject({ until, reason: "fraud" });
    expect(await runTwice("unblock", () => store.unblockUser(userId))).toBe(true);
    expect(await direct.getBlock(userId)).toBeNull();
    expect(await runTwice("unblock", () => store.unblockUser(userId))).toBe(false);
  });

  it("makes no block again that somebody has lifted between the two runs", async () => {
    const { userId } = await logIn();
    const blocked = await runTwice(
      "block",
      () => store.blockUser(userId),
      async () => expect(await direct.unblockUser(userId)).toBe(true),
    );
    expect(blocked).toBe(1);
    expect(await direct.getBlock(userId)).toBeNull();
  });

  it("lifts no block that somebody has made between the two runs", async () => {
    const { userId } = await logIn();
    await direct.blockUser(userId);
    const lifted = await runTwice(
      "unblock",
      () => store.unblockUser(userId),
      async () => {
        await direct.blockUser(userId, { reason: "again" });
      },
    );
    expect(lifted).toBe(true);
    expect(await direct.getBlock(userId)).toMatchObject({ reason: "again" });
    await direct.unblockUser(userId);
  });

  it("brings nothing back of a second log-in on a user's own session that was revoked between the two runs", async () => {
    const { userId, token } = await logIn();
    const first = await direct.rotate(token, { userId });
    const second = runTwice(
      "rotate",
      () => store.rotate(token, { userId }),
      async () => expect(await direct.revokeAllForUser(userId, { except: first?.token })).toBe(1),
    );
    await expect(second).rejects.toThrow("may have run");
    await expectIndex(redis, prefix, userId, [first?.session.id ?? ""]);
  });
});

describe("revokeAll whose reply is lost and whose script runs twice", () => {
  it.each([
    ["revokeAllSession", "s", (own: SessionStore) => own.create()],
    ["revokeAllUser", "u", (own: SessionStore) => own.create({ userId: "ada" })],
    ["revokeAllGuest", "g", async (own: SessionStore) => own.rotate((await own.create()).token)],
  ] as const)("counts the session of %s once, and tells of it once", async (script, letter, make) => {
    const own = { ...options, prefix: `${prefix}all-${letter}:` };
    const made = await make(createSessionStore(redis, own));
    // Only this script gets to it.
    const client = passThrough(proxied, {
      async scan(...args: [cursor: string, match: "MATCH", pattern: string, count: "COUNT", about: number]) {
        const [cursor, keys] = await proxied.scan(...args);
        return [cursor, keys.filter((key) => key.includes(`}:${letter}:`))];
      },
    });
    const held = createSessionStore(client as unknown as Redis, own);
    const told: unknown[] = [];
    held.events.on("revoked", (event) => told.push(event));
    expect(await runTwice(script, () => held.revokeAll())).toBe(1);
    expect(told).toEqual([{ id: made?.session.id, userId: made?.session.userId, reason: "all" }]);
    expect(await held.get(made?.token)).toBeNull();
  });
});

describe("with replicas, which a WAIT only counts if its connection has written", () => {
  const careful = { ...options, replicas: { count: 1, timeout: 20 } };
  const NOT_CONFIRMED = { name: "NotReplicatedError" };

  /** A server on which nobody else writes, and nothing expires. */
  async function lonely() {
    const server = await startRedisServer();
    const own = await startProxy(server.port);
    afterFile(async () => {
      own.close();
      await server.stop();
    });
    const admin = connect({ port: server.port });
    await gated(admin);
    const behind = connect({ port: own.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
    return {
      proxy: own,
      near: createSessionStore(admin, careful),
      far: createSessionStore(behind, careful),
      /** How much the server has written, as it counts it itself. */
      written: async () => Number(/^rdb_changes_since_last_save:(\d+)/m.exec(await admin.info("persistence"))?.[1]),
    };
  }

  it("ends every session of a user with more than one page, and keeps the index of the spared one", async () => {
    const { userId, token, id } = await logIn();
    const others = await Promise.all(Array.from({ length: 300 }, () => direct.create({ userId })));
    const far = createSessionStore(proxied, careful);
    const ending = runTwice("revokeUser", () => far.revokeAllForUser(userId, { except: token }));
    await expect(ending).rejects.toMatchObject(NOT_CONFIRMED);
    const left = await Promise.all(others.map((other) => direct.get(other.token)));
    expect(left.filter((session) => session !== null)).toEqual([]);
    await expectIndex(redis, prefix, userId, [id]);
  });

  it("writes in the second run of a block", async () => {
    const { proxy: own, near, far, written } = await lonely();
    await near.create({ userId: "ada" });
    let before = 0;
    const look = async () => {
      before = await written();
    };
    const blocking = loseReply(own, scripts.block, () => far.blockUser("ada"), look);
    await expect(blocking).rejects.toMatchObject(NOT_CONFIRMED);
    expect(await written()).toBeGreaterThan(before);
  });

  it("writes if there is nothing to end but a session that is spared", async () => {
    const { near, written } = await lonely();
    const { token } = await near.create({ userId: "ada" });
    const before = await written();
    await expect(near.revokeAllForUser("ada", { except: token })).rejects.toMatchObject(NOT_CONFIRMED);
    expect(await written()).toBeGreaterThan(before);
    expect(await near.listForUser("ada")).toHaveLength(1);
  });
});
