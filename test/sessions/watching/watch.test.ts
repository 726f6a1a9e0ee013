/** `watch` of a store on every client: what ends it, with which reason, what it tells, and that it leaves nothing behind. */
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { Redis as Redis6 } from "ioredis6";
import Valkey from "iovalkey";
import { describe, expect, inject, it, vi } from "vitest";
import { createSessionStore, type Session, type Watch, WatchEndedError } from "../../../src/index.js";
import { sendDuplicatesTo } from "../../harness/duplicates.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { gated, interrupt } from "../../harness/gate.js";
import { steadyMockClock } from "../../harness/mock-clock.js";
import { startRedisServer } from "../../harness/redis-server.js";
import { startProxy } from "../../harness/tcp-proxy.js";
import { present } from "../contract/rig.js";

steadyMockClock();
const server = { host: "127.0.0.1", port: Number(new URL(inject("redisUrl")).port) };
const redis = connect();

/** Resolves to the reason of a watch's end. */
function end(watch: Watch): Promise<string> {
  return vi.waitFor(
    () => {
      expect(watch.signal.aborted).toBe(true);
      return reasonOf(watch);
    },
    { timeout: 10_000, interval: 2 },
  );
}

function reasonOf({ signal: { aborted, reason } }: Watch): string {
  if (!aborted) return "live";
  expect(reason).toBeInstanceOf(WatchEndedError);
  expect(reason).toMatchObject({ name: "WatchEndedError", code: "WATCH_ENDED" });
  return reason.reason;
}

/** What a watch tells of changes. */
function updatesOf(watch: Watch): object[] {
  const updates: object[] = [];
  watch.on("updated", (session) => updates.push(session.claims));
  return updates;
}

const CLIENTS: Record<string, () => Redis> = {
  "ioredis 5": () => new Redis({ ...server }),
  "ioredis 5 with a keyPrefix": () => new Redis({ ...server, keyPrefix: "app:" }),
  "ioredis 6": () => new Redis6({ ...server }) as unknown as Redis,
  iovalkey: () => new Valkey({ ...server }) as unknown as Redis,
  "ioredis-mock": () => new RedisMock({ port: 2 }) as unknown as Redis,
};

describe.each(Object.entries(CLIENTS))("on %s", (_name, make) => {
  const client = make();
  const prefix = uniquePrefix();
  const options = { prefix, timeout: 10_000 };
  const store = createSessionStore(client, options);
  // Another process, as it were.
  const other = createSessionStore(client.duplicate(), options);
  afterFile(async () => {
    await store.close();
    client.disconnect();
  });
  const login = (userId = "42") => other.create({ userId, claims: { role: "reader" } });

  const ENDS: [reason: string, act: (token: string, session: Session) => Promise<unknown>][] = [
    ["revoked", (token) => other.revoke(token)],
    ["revoked", (_, { id }) => other.revoke(id)],
    ["user", (_, { userId }) => other.revokeAllForUser(present(userId))],
    ["blocked", (_, { userId }) => other.blockUser(present(userId))],
    ["rotated", (token) => other.rotate(token)],
    ["rotated", (token) => other.rotate(token, { grace: 60_000 })],
    ["rotated", (token, { userId }) => other.rotate(token, { userId: `${userId}'s friend` })],
  ];
  it.each(ENDS)("ends as %s, by token and by id", async (reason, act) => {
    const { token, session } = await login(`user of ${reason} ${Math.random()}`);
    const watches = [await store.watch(token), await store.watch(session.id)];
    expect(watches.map(reasonOf)).toEqual(["live", "live"]);
    expect(watches.map((watch) => watch.session)).toEqual([session, session]);
    await act(token, session);
    expect(await Promise.all(watches.map(end))).toEqual([reason, reason]);
    expect(watches[0]?.session).toEqual(session);
  });

  it("ends as rotated when a guest logs in, and as limit when a log-in makes room", async () => {
    const guest = await other.create({});
    const watch = await store.watch(guest.token);
    const userId = `guest ${Math.random()}`;
    const first = present(await other.rotate(guest.token, { userId }));
    expect(await end(watch)).toBe("rotated");
    const limited = createSessionStore(client, { ...options, maxSessionsPerUser: 1 });
    const evicted = await store.watch(first.token);
    await limited.create({ userId });
    expect(await end(evicted)).toBe("limit");
  });

  it("stays when another session of the user ends", async () => {
    const [mine, others] = [await login("stays"), await login("stays")];
    const watch = await store.watch(mine.token);
    await other.revokeAllForUser("stays", { except: mine.token });
    const fence = await store.watch(mine.token);
    expect(await store.get(others.token)).toBeNull();
    expect([reasonOf(watch), reasonOf(fence)]).toEqual(["live", "live"]);
  });

  it("tells of changed claims, and has them", async () => {
    const { token, session } = await login(`claims ${Math.random()}`);
    const watch = await store.watch(token);
    const updates = updatesOf(watch);
    await other.updateClaims(token, { role: "writer" });
    await vi.waitFor(() => expect(updates).toEqual([{ role: "writer" }]));
    expect(watch.session).toEqual({ ...session, claims: { role: "writer" }, expiresAt: watch.session?.expiresAt });
    await other.updateClaimsForUser(present(session.userId), { role: "admin" });
    await vi.waitFor(() => expect(updates).toEqual([{ role: "writer" }, { role: "admin" }]));
    watch.close();
    await other.updateClaims(token, { role: "none" });
    const fence = await store.watch(token);
    expect(fence.session?.claims).toEqual({ role: "none" });
    expect(updates).toHaveLength(2);
    expect(watch.session?.claims).toEqual({ role: "admin" });
  });

  it("has ended from the start for a token of no live session, and takes no news from a wrong secret", async () => {
    const { token, session } = await login();
    const watch = await store.watch(token);
    const forged = await store.watch(`${session.id}.${"A".repeat(43)}`);
    expect([reasonOf(forged), forged.session, reasonOf(watch)]).toEqual(["unknown", null, "live"]);
    await other.revoke(token);
    expect(await end(watch)).toBe("revoked");
    for (const dead of [token, session.id, "rubbish", "", null, undefined]) {
      const watched = await store.watch(dead);
      expect([reasonOf(watched), watched.session]).toEqual(["unknown", null]);
      watched.close();
    }
  });

  it("ends as expired", async () => {
    const brief = createSessionStore(client, { ...options, idleTimeout: 1000, touchInterval: 0 });
    const { token } = await brief.create({ userId: "brief" });
    const watch = await store.watch(token);
    expect(await end(watch)).toBe("expired");
    expect(await store.get(token)).toBeNull();
  });
});

describe("a watch", () => {
  const prefix = uniquePrefix();
  const options = { prefix, timeout: 10_000 };
  const store = createSessionStore(redis, options);
  const other = createSessionStore(connect(), options);
  afterFile(() => store.close());
  const login = (userId = `user ${Math.random()}`) => other.create({ userId, claims: { role: "reader" } });

  describe.each(["before", "after"] as const)("whose look-up is held %s Redis has run it", (moment) => {
    it.each([
      ["revoked", (token: string) => other.revoke(token)],
      ["rotated", (token: string) => other.rotate(token, { grace: 60_000 })],
    ] as const)("has ended as %s if that happens meanwhile", async (reason, act) => {
      const gate = await gated(connect());
      const held = createSessionStore(gate, options);
      afterFile(() => held.close());
      const { token } = await login();
      const [watch] = await interrupt(
        gate,
        "get",
        moment,
        () => held.watch(token),
        async () => {
          await act(token);
          // What comes after it on the same connection has been heard.
          const fence = await held.watch((await login()).token);
          fence.close();
        },
      );
      expect(reasonOf(watch)).toBe(reason);
    });

    it("has the claims that are changed meanwhile", async () => {
      const gate = await gated(connect());
      const held = createSessionStore(gate, options);
      afterFile(() => held.close());
      const { token } = await login();
      const [watch] = await interrupt(
        gate,
        "get",
        moment,
        () => held.watch(token),
        () => other.updateClaims(token, { role: "writer" }),
      );
      await vi.waitFor(() => expect(watch.session?.claims).toEqual({ role: "writer" }));
    });
  });

  it("finds out what has ended or changed while the connection was lost", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const far = createSessionStore(sendDuplicatesTo(proxy.port, connect()), options);
    afterFile(() => far.close());
    const sessions = await Promise.all(Array.from({ length: 100 }, () => login()));
    const watches = await Promise.all(sessions.map(({ token }) => far.watch(token)));
    const changed = updatesOf(watches[99] as Watch);
    proxy.refuse();
    proxy.reset();
    await Promise.all(sessions.slice(0, 50).map(({ token }) => other.revoke(token)));
    await other.updateClaims((sessions[99] as (typeof sessions)[0]).token, { role: "writer" });
    await proxy.accept();
    expect(await Promise.all(watches.slice(0, 50).map(end))).toEqual(Array(50).fill("unknown"));
    await vi.waitFor(() => expect(changed).toEqual([{ role: "writer" }]));
    expect(watches.slice(50).map(reasonOf)).toEqual(Array(50).fill("live"));
  });

  it("does so when Redis kills the subscriber", async () => {
    const own = await startRedisServer();
    afterFile(() => own.stop());
    const client = connect({ port: own.port });
    const killed = createSessionStore(client, options);
    afterFile(() => killed.close());
    const { token } = await killed.create({ userId: "42" });
    const watch = await killed.watch(token);
    // One step of Redis: nothing can be heard between the two.
    await client
      .multi()
      .client("KILL", "TYPE", "PUBSUB")
      .del(`${prefix}{${token.slice(10, 13)}}:s:${token.slice(0, 26)}`)
      .exec();
    expect(await end(watch)).toBe("unknown");
  });

  it("looks the session up at intervals if it is told to, for what nobody tells of", async () => {
    const { token, session } = await login();
    const [told, untold] = [await store.watch(token, { lookUpEvery: 1000 }), await store.watch((await login()).token)];
    await redis.del(`${prefix}{${session.id.slice(10, 13)}}:s:${session.id}`);
    expect(await end(told)).toBe("unknown");
    expect(reasonOf(untold)).toBe("live");
    untold.close();
  });

  it("tells the others of a listener's error, which reaches the process", async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", (error) => uncaught.push(error));
    try {
      const { token } = await login();
      const [bad, good] = [await store.watch(token), await store.watch(token)];
      bad.on("updated", () => {
        throw new Error("of updated");
      });
      bad.signal.addEventListener("abort", () => {
        throw new Error("of abort");
      });
      const updates = updatesOf(good);
      await other.updateClaims(token, { role: "writer" });
      await vi.waitFor(() => expect(updates).toHaveLength(1));
      await other.revoke(token);
      expect(await end(good)).toBe("revoked");
      await vi.waitFor(() => expect(uncaught.map(String)).toEqual(["Error: of updated", "Error: of abort"]));
    } finally {
      process.removeAllListeners("uncaughtException");
      for (const listener of listeners) process.on("uncaughtException", listener);
    }
  });

  it("is closed by its owner, a signal or the end of a block, and then tells nothing", async () => {
    const { token } = await login();
    const controller = new AbortController();
    const [closed, signalled] = [await store.watch(token), await store.watch(token, { signal: controller.signal })];
    closed.close();
    closed.close();
    controller.abort();
    const used = await store.watch(token);
    used[Symbol.dispose]();
    const fence = await store.watch(token);
    await other.revoke(token);
    expect(await end(fence)).toBe("revoked");
    expect([closed, signalled, used].map(reasonOf)).toEqual(["live", "live", "live"]);
  });

  it("rejects with the reason of a signal that has fired, or fires while it begins", async () => {
    const { token } = await login();
    await expect(store.watch(token, { signal: AbortSignal.abort("no") })).rejects.toBe("no");
    const controller = new AbortController();
    const watching = store.watch(token, { signal: controller.signal });
    controller.abort("later");
    await expect(watching).rejects.toBe("later");
  });

  it("refuses bad arguments before it asks Redis", async () => {
    const nowhere = createSessionStore(new Redis({ lazyConnect: true, port: 1 }));
    const bad: [unknown, unknown, string][] = [
      [{ id: "x" }, undefined, "watch needs a token or a session id"],
      [Promise.resolve("x"), undefined, "await it"],
      [null, 5, "The options of watch must be an object"],
      [null, { every: 1 }, 'watch: there is no option "every"'],
      [null, { signal: {} }, "signal must be an AbortSignal, got an object"],
      [null, { unsureAfter: "1" }, "unsureAfter (ms) must be a number"],
      [null, { unsureAfter: 4999 }, "unsureAfter (ms) must be an integer from 5000"],
      [null, { lookUpEvery: 30 }, "lookUpEvery (ms) must be an integer from 1000"],
    ];
    for (const [target, given, message] of bad) {
      const refused = nowhere.watch(target as string, given as object);
      await expect(refused, message).rejects.toThrow(message);
      await expect(refused).rejects.not.toHaveProperty("code", "STORE_UNAVAILABLE");
    }
  });

  it("rejects while Redis cannot be asked, and leaves nothing behind", async () => {
    const gone = connect({ port: 1, retryStrategy: () => 20, maxRetriesPerRequest: null });
    const lost = createSessionStore(gone, { prefix, timeout: 100 });
    const { token } = await login();
    await expect(lost.watch(token)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", status: 503 });
    await lost.close();
  });
});

describe("close", () => {
  const prefix = uniquePrefix();
  const pubsubClients = async (at: Redis) => String(await at.client("LIST", "TYPE", "PUBSUB")).split("\n").length - 1;

  it("ends watches as unsure, also those that begin, and the connection of the store, but not the client", async () => {
    const own = await startRedisServer();
    afterFile(() => own.stop());
    const client = connect({ port: own.port });
    const listeners = () => client.eventNames().reduce((sum, name) => sum + client.listenerCount(name), 0);
    const store = createSessionStore(client, { prefix });
    const before = listeners();
    const { token } = await store.create({ userId: "42" });
    expect(await pubsubClients(client)).toBe(0);
    const watch = await store.watch(token);
    expect(await pubsubClients(client)).toBe(1);
    // It may reject before the store has closed.
    const beginning = store.watch(token).then(
      (begun) => expect(reasonOf(begun)).toBe("unsure"),
      (error) => expect(error).toMatchObject({ code: "STORE_UNAVAILABLE" }),
    );
    await Promise.all([store.close(), store.close()]);
    expect(reasonOf(watch)).toBe("unsure");
    await beginning;
    await vi.waitFor(async () => expect(await pubsubClients(client)).toBe(0));
    expect([await client.ping(), listeners()]).toEqual(["PONG", before]);
    await expect(store.watch(token)).rejects.toThrow("The store is closed");
    expect(await store.get(token)).not.toBeNull();
    await store[Symbol.asyncDispose]();
  });

  it("rejects a watch whose subscription is under way", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const store = createSessionStore(connect({ port: proxy.port }), { prefix, timeout: 10_000 });
    proxy.hold("down");
    const watching = store.watch((await createSessionStore(redis, { prefix }).create({})).token);
    const refused = expect(watching).rejects.toThrow("The store is closed");
    await proxy.seen(1);
    await store.close();
    await refused;
    await expect(store.watch(null)).rejects.toThrow("The store is closed");
  });
});
