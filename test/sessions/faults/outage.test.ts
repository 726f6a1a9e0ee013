/** A Redis that is gone, frozen or out of reach: every call settles, and the store works again when Redis does. */
import type { Redis, RedisOptions } from "ioredis";
import { describe, expect, it } from "vitest";
import { createSessionStore, type SessionStore, StoreUnavailableError } from "../../../src/index.js";
import { callEveryVerb, everyVerb, liveSubject, rejection, type Subject, settled } from "../../fixtures/every-verb.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { type RedisServer, startRedisServer } from "../../harness/redis-server.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";

const TIMEOUT = 200;

async function startServer(args: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedisServer({ args });
  afterFile(() => server.stop());
  return server;
}

/** A server behind a proxy, and a store behind both, with a live session. */
async function start(options: RedisOptions = {}, timeout = TIMEOUT) {
  const server = await startServer();
  const proxy = await startProxy(server.port);
  afterFile(() => proxy.close());
  const redis = connect({ port: proxy.port, ...options });
  const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout });
  await ready(redis);
  return { server, proxy, redis, store, subject: await working(() => liveSubject(store, "42")) };
}

async function expectAllUnavailable(store: SessionStore, subject: Subject): Promise<void> {
  for (const [name, outcome] of await callEveryVerb(store, subject)) {
    expect(outcome, name).toMatchObject({ status: "rejected" });
    expect((outcome as PromiseRejectedResult).reason, name).toBeInstanceOf(StoreUnavailableError);
  }
}

/** Every verb works, each for a user of its own. */
async function expectAllWork(store: SessionStore): Promise<void> {
  for (const [name, call] of Object.entries(everyVerb)) {
    await working(async () => call(store, await liveSubject(store, `user ${++users} of ${name}`)));
  }
}
let users = 0;

/** The result of a call that must succeed soon. On a busy machine even a healthy Redis may take longer than the deadline. */
async function working<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await settled(call());
    } catch (error) {
      if (attempt === 20 || !(error instanceof StoreUnavailableError)) throw error;
    }
  }
}

/** Resolves when the client has a working connection. */
async function ready(redis: Redis): Promise<void> {
  if (redis.status !== "ready") await next(redis, "ready");
}

/** The next event of this name. Unlike `once` of node:events it does not mind the errors before it. */
function next(redis: Redis, name: "ready" | "close"): Promise<void> {
  return new Promise((resolve) => redis.once(name, () => resolve()));
}

function cutOff(proxy: TcpProxy): void {
  proxy.refuse();
  proxy.reset();
}

describe("a frozen Redis", () => {
  it("makes every verb reject at the deadline, and answers again when it thaws", async () => {
    const { server, redis, store, subject } = await start();
    server.freeze();
    await expectAllUnavailable(store, subject);
    server.thaw();
    // What was sent meanwhile is carried out late; the PING behind it says that all of it is done.
    await redis.ping();
    await expectAllWork(store);
  });

  it("says in the error that the command may still run, and a revocation indeed does", async () => {
    const { server, redis, store, subject } = await start();
    server.freeze();
    const error = await rejection(store.revoke(subject.token));
    expect(error.message).toBe(`Redis did not answer within ${TIMEOUT} ms; the command may still run, or have run`);
    server.thaw();
    await redis.ping();
    expect(await working(() => store.get(subject.token))).toBeNull();
    expect(await working(() => store.revoke(subject.token))).toBe(false);
  });

  it("makes a thousand pending calls reject, and leaves no timer behind", async () => {
    const { server, store, subject } = await start();
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    server.freeze();
    const before = timers();
    const calls = Promise.allSettled(Array.from({ length: 1000 }, () => store.touch(subject.token)));
    expect(timers() - before).toBeGreaterThanOrEqual(1);

    for (const outcome of await settled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "StoreUnavailableError" } });
    }
    expect(timers() - before).toBeLessThan(10);
    server.thaw();
    expect(await working(() => store.get(subject.token))).not.toBeNull();
  });

  it("does not make a call wait for the deadline that its connection does not live to see", async () => {
    const { server, proxy, store, subject } = await start({ maxRetriesPerRequest: 0 }, 3_600_000);
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    server.freeze();
    const before = timers();
    const calls = Promise.allSettled(Array.from({ length: 1000 }, () => store.get(subject.token)));
    cutOff(proxy);

    for (const outcome of await settled(calls)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "StoreUnavailableError" } });
    }
    // The timers of an hour are gone too; a handful may be the client's, which tries to connect.
    expect(timers() - before).toBeLessThan(10);
    server.thaw();
  });

  it("leaves no timer behind calls that it answered in time", async () => {
    const { store, subject } = await start({}, 3_600_000);
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    await Promise.all(Array.from({ length: 1000 }, () => store.get(subject.token)));
    expect(timers() - before).toBeLessThan(10);
  });
});

describe("a network that swallows everything", () => {
  it("makes every verb reject at the deadline, and is forgotten when it is mended", async () => {
    const { proxy, redis, store, subject } = await start();
    proxy.blackhole();
    await expectAllUnavailable(store, subject);
    const again = next(redis, "ready");
    proxy.restore();
    await again;
    await expectAllWork(store);
  });
});

describe("a Redis that refuses connections", () => {
  it("makes every verb reject at the deadline, and works again when it accepts them", async () => {
    const { proxy, redis, store, subject } = await start();
    cutOff(proxy);
    await expectAllUnavailable(store, subject);
    await proxy.accept();
    await ready(redis);
    await expectAllWork(store);
  });

  it("can come up after the store was made", async () => {
    const server = await startServer();
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    proxy.refuse();
    const redis = connect({ port: proxy.port });
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: TIMEOUT });
    expect(await rejection(store.create({ userId: "42" }))).toBeInstanceOf(StoreUnavailableError);
    await proxy.accept();
    await ready(redis);
    await expectAllWork(store);
  });
});

describe("a killed Redis", () => {
  it("makes every verb reject, and the same store works after the restart", async () => {
    const { server, redis, store, subject } = await start();
    await server.kill();
    await expectAllUnavailable(store, subject);
    await server.restart();
    await ready(redis);
    // Without persistence it has forgotten all sessions, which is an answer, and all scripts, which nobody notices.
    expect(await working(() => store.get(subject.token))).toBeNull();
    await expectAllWork(store);
  });

  it("still knows the sessions, and that one was revoked, when it keeps an append-only file", async () => {
    const server = await startServer(["--appendonly", "yes", "--appendfsync", "always"]);
    const redis = connect({ port: server.port });
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: TIMEOUT });
    const revoked = await working(() => liveSubject(store, "revoked"));
    const kept = await working(() => liveSubject(store, "kept"));
    await working(() => store.revoke(revoked.token));
    const before = await working(() => store.get(kept.token));
    await server.kill();
    await rejection(store.get(kept.token));
    await server.restart();
    await ready(redis);

    expect(before).not.toBeNull();
    expect(await working(() => store.get(kept.token))).toEqual(before);
    expect(await working(() => store.get(revoked.token))).toBeNull();
    expect(await working(() => store.listForUser("revoked"))).toEqual([]);
  });
});

describe("a client with options of its own", () => {
  it("commandTimeout rejects before the store's deadline does", async () => {
    const { server, store, subject } = await start({ commandTimeout: 50 }, 3_600_000);
    server.freeze();
    const error = await rejection(store.get(subject.token));
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(error.cause).toMatchObject({ message: "Command timed out" });
    server.thaw();
    expect(await store.get(subject.token)).not.toBeNull();
  });

  it.each<[string, RedisOptions]>([
    ["enableOfflineQueue: false", { enableOfflineQueue: false }],
    ["maxRetriesPerRequest: 0", { maxRetriesPerRequest: 0 }],
  ])("%s rejects while there is no connection, without waiting for the store's deadline", async (_, options) => {
    const { proxy, redis, store, subject } = await start(options, 3_600_000);
    cutOff(proxy);
    await next(redis, "close");
    await expectAllUnavailable(store, subject);
    await proxy.accept();
    await next(redis, "ready");
    await expectAllWork(store);
  });

  it("enableAutoPipelining changes neither answers nor errors", async () => {
    const { server, redis, store } = await start({ enableAutoPipelining: true });
    await redis.script("FLUSH");
    await expectAllWork(store);
    const subject = await liveSubject(store, "after revokeAll");
    await redis.script("FLUSH");
    const found = await Promise.all(Array.from({ length: 50 }, () => working(() => store.get(subject.token))));
    expect(new Set(found.map((session) => session?.id))).toEqual(new Set([subject.id]));

    server.freeze();
    await expectAllUnavailable(store, subject);
    server.thaw();
  });

  it("keyPrefix applies to every key that a verb touches, also those that scripts complete", async () => {
    const { redis, store } = await start({ keyPrefix: "app:" }, 20_000);
    await expectAllWork(store);
    const all = connect({ port: Number(redis.options.port) });
    const keys = await all.keys("*");
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith("app:coatcheck-test:"))).toEqual([]);
    // One round over the whole life of a session, so that what is written under the prefix is also found there.
    const { token } = await liveSubject(store, "prefixed");
    expect(await store.listForUser("prefixed")).toHaveLength(1);
    expect(await store.blockUser("prefixed")).toBe(1);
    expect(await store.get(token)).toBeNull();
    expect(await store.unblockUser("prefixed")).toBe(true);
    expect(await all.keys("*prefixed*")).toEqual([]);
  });

  it("a closed client makes every verb reject at once", async () => {
    const { redis, store, subject } = await start({}, 3_600_000);
    await redis.quit();
    await expectAllUnavailable(store, subject);
  });
});
