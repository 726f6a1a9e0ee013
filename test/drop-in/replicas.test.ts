/**
 * Clients that are told to read from replicas, which may not have the last write yet: the store reads from the master all the
 * same. The replicas themselves say what they were asked.
 */
import { Cluster, type Redis } from "ioredis";
import { createClient, createCluster, createSentinel } from "redis";
import { createCluster as createCluster5, createSentinel as createSentinel5 } from "redis5";
import { beforeAll, describe, expect, it } from "vitest";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startSentinel } from "../harness/redis-sentinel.js";
import { startRedisServer } from "../harness/redis-server.js";

const [cluster, sentinel] = await Promise.all([startCluster({ replicas: 1 }), startSentinel()]);
afterFile(() => cluster.close());
afterFile(() => sentinel.close());
const rootNodes = cluster.urls.map((url) => ({ url }));
const { name, sentinels } = sentinel.client;
const watched = { name, sentinelRootNodes: sentinels, replicaPoolSize: 1 };

type Client = RedisStoreOptions["client"];
const cookie = (ms = 60_000) => ({ originalMaxAge: ms, expires: new Date(Date.now() + ms).toISOString(), path: "/" });
const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;

/** Everything that reads, and what it must see of what was just written. */
async function use(client: Client): Promise<void> {
  for (const options of [{}, { disableTouch: true }]) {
    const store = new RedisStore({ client, prefix: uniquePrefix(), ...options });
    for (let at = 0; at < 20; at++) {
      await store.set(`s${at}`, { cookie: cookie(), at });
      expect(await store.get(`s${at}`)).toMatchObject({ at });
    }
    expect(await store.touch("s0", (await store.get("s0")) ?? {})).toBe(true);
    expect(await store.touch("s1", { cookie: cookie() })).toBe(true);
    expect(await store.length()).toBe(20);
    await store.clear();
    expect(await store.get("s0")).toBeNull();
    expect(await store.ids()).toEqual([]);
  }
  const users = new RedisStore({ client, prefix: uniquePrefix(), userId });
  for (const sid of ["a", "b", "c"]) await users.set(sid, { cookie: cookie(), user: "ada" });
  expect(await users.listForUser("ada")).toHaveLength(3);
  expect(await users.updateForUser("ada", { role: "admin" })).toBe(3);
  expect(await users.destroyAllForUser("ada")).toBe(3);
  const koa = new KoaRedisStore({ client, prefix: uniquePrefix() });
  await koa.set("k", { user: "ada" }, 60_000, { ctx: {} });
  expect(await koa.get("k")).toEqual({ user: "ada" });
}

/** What the replicas were asked for meanwhile that reads sessions. */
async function readsOf(replicas: readonly Redis[], act: () => Promise<void>): Promise<string[]> {
  const asked = await replicas.reduce<() => Promise<Record<string, number>[]>>(
    (inner, replica) => async () => {
      let others: Record<string, number>[] = [];
      const own = await commandsDuring(replica, async () => {
        others = await inner();
      });
      return [own, ...others];
    },
    async () => {
      await act();
      return [];
    },
  )();
  const reading = ["get", "scan", "zscan", "evalsha", "eval", "pttl"];
  return asked.flatMap((commands) => reading.filter((command) => command in commands));
}

describe("a client that reads from replicas", () => {
  const clients: Record<
    string,
    Client & { connect?(): Promise<unknown>; on(event: "error", listener: () => void): unknown }
  > = {
    "a Cluster of ioredis, scaleReads slave": new Cluster(cluster.startupNodes, { scaleReads: "slave" }),
    "a Cluster of ioredis, scaleReads all": new Cluster(cluster.startupNodes, { scaleReads: "all" }),
    "a Cluster of ioredis, scaleReads a function": new Cluster(cluster.startupNodes, {
      scaleReads: (nodes: Redis[]) => nodes.at(-1) as Redis,
    }),
    "a cluster of node-redis 6, useReplicas": createCluster({ rootNodes, useReplicas: true }),
    "a cluster of node-redis 5, useReplicas": createCluster5({ rootNodes, useReplicas: true }),
    "a sentinel of node-redis 6, replicaPoolSize": createSentinel(watched),
    "a sentinel of node-redis 5, replicaPoolSize": createSentinel5(watched),
  } as never;
  const ioredis = (client: unknown): client is Cluster => client instanceof Cluster;

  beforeAll(async () => {
    for (const client of Object.values(clients)) {
      client.on("error", () => {});
      if (!ioredis(client)) await client.connect?.();
    }
  }, 60_000);
  afterFile(() => {
    for (const client of Object.values(clients)) {
      if (ioredis(client)) client.disconnect();
      else (client as unknown as { destroy(): void }).destroy();
    }
  });

  it.each(Object.entries(clients))("is asked for nothing that a replica may answer: %s", async (_, client) => {
    await Promise.all([cluster.settle(), sentinel.settle()]);
    const replicas = [
      ...cluster.replicas.map(({ admin }) => admin),
      ...sentinel.nodes.slice(1).map(({ admin }) => admin),
    ];
    expect(await readsOf(replicas, () => use(client))).toEqual([]);
  });
});

it("a client that caches what it reads is not asked for what it remembers", async () => {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const clientSideCache = { ttl: 0, maxEntries: 100, evictPolicy: "LRU" } as const;
  const client = createClient({ url: server.url, RESP: 3, clientSideCache });
  await client.connect();
  afterFile(() => client.destroy());
  const admin = connect({ port: server.port });
  for (const options of [{}, { disableTouch: true }]) {
    const store = new RedisStore({ client: client as never, prefix: uniquePrefix(), ...options });
    await store.set("a", { cookie: cookie(), user: "ada" });
    await store.get("a");
    await client.get(`${store.prefix}a`);
    expect(await commandsDuring(admin, () => store.get("a"))).toMatchObject({ evalsha: 1 });
  }
  const koa = new KoaRedisStore({ client: client as never, prefix: uniquePrefix() });
  await koa.set("k", { user: "ada" }, 60_000);
  await koa.get("k");
  expect(await commandsDuring(admin, () => koa.get("k"))).toMatchObject({ evalsha: 1 });
});
