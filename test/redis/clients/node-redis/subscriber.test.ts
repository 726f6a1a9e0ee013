/** A subscription on clients of node-redis: what its listeners are told, and what becomes of the connection. */
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
} from "redis5";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import type { RedisClient } from "../../../../src/index.js";
import { checkSubscriber, type SubscriberClient } from "../../../../src/redis/clients/subscriber.js";
import { portOf } from "../../../../src/redis/clients/supported.js";
import { Subscription } from "../../../../src/redis/subscription.js";
import { afterFile, connect, uniquePrefix } from "../../../harness/fixtures.js";
import { startCluster } from "../../../harness/redis-cluster.js";
import { startProxy } from "../../../harness/tcp-proxy.js";

const url = inject("redisUrl");
const redis = connect();
const open: Subscription[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((subscription) => subscription.close()));
});

function subscribe(data: RedisClient, given?: SubscriberClient): Subscription {
  const subscription = new Subscription(portOf("", data), given);
  open.push(subscription);
  return subscription;
}

/** A listener that keeps what it is told. */
function listener() {
  const told: string[] = [];
  const channel = uniquePrefix();
  return {
    channels: [channel],
    channel,
    told,
    message: (_: string, text: string) => void told.push(text),
    ready: () => void told.push("ready"),
    lost: () => void told.push("lost"),
  };
}

const until = (holds: () => unknown) =>
  vi.waitFor(async () => expect(await holds()).toBeTruthy(), { timeout: 10_000, interval: 5 });
const subscribers = async (channel: string) => Number(((await redis.pubsub("NUMSUB", channel)) as unknown[])[1]);

describe.each([
  ["node-redis 6", createClient, createClientPool],
  [
    "node-redis 5",
    createClient5 as unknown as typeof createClient,
    createClientPool5 as unknown as typeof createClientPool,
  ],
])("on %s", (_, newClient, newPool) => {
  async function client(options: Parameters<typeof createClient>[0] = {}) {
    const made = newClient({ url, ...options });
    made.on("error", () => {});
    await made.connect();
    afterFile(() => made.isOpen && made.destroy());
    return made;
  }

  it("hears what is published, through a duplicate with RESP2 and RESP3, and ends that", async () => {
    for (const RESP of [2, 3] as const) {
      const subscription = subscribe(await client({ RESP }));
      const ear = listener();
      subscription.add(ear);
      await subscription.whenReady(ear, 10_000);
      await redis.publish(ear.channel, "a");
      await until(() => ear.told.length === 2);
      expect(ear.told).toEqual(["ready", "a"]);
      await subscription.close();
      await until(async () => (await subscribers(ear.channel)) === 0);
    }
  });

  it("tells of a loss, hears again by itself and tells that", async () => {
    const proxy = await startProxy(Number(new URL(url).port));
    afterFile(() => proxy.close());
    const given = await client({ url: proxy.url, socket: { reconnectStrategy: 5 } });
    const subscription = subscribe(await client(), given);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    proxy.refuse();
    proxy.reset();
    await until(() => ear.told.includes("lost"));
    expect(subscription.isReady(ear)).toBe(false);
    await proxy.accept();
    await until(() => ear.told.length === 3);
    await redis.publish(ear.channel, "a");
    await until(() => ear.told.length === 4);
    expect(ear.told).toEqual(["ready", "lost", "ready", "a"]);
  });

  it("says at once that a client of the application's is not connected yet, and hears when it is", async () => {
    const given = (await client()).duplicate();
    afterFile(() => given.isOpen && given.destroy());
    const subscription = subscribe(await client(), given);
    const ear = listener();
    subscription.add(ear);
    const forever = 2 ** 31 - 1;
    await expect(subscription.whenReady(ear, forever)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: "The subscriber is not connected, so nothing is heard: call its connect(), and close it after the store",
    });
    const connected = given.connect();
    await subscription.whenReady(ear, 10_000);
    await connected;
    expect(ear.told).toEqual(["ready"]);
  });

  it("takes another connection when it is told that this one is deaf, and tells the loss at once", async () => {
    for (const given of [undefined, await client()]) {
      const subscription = subscribe(await client(), given);
      const ear = listener();
      subscription.add(ear);
      await subscription.whenReady(ear, 10_000);
      subscription.reconnect();
      expect(ear.told).toEqual(["ready", "lost"]);
      await until(() => ear.told.length === 3);
      await redis.publish(ear.channel, "a");
      await until(() => ear.told.length === 4);
      expect(ear.told).toEqual(["ready", "lost", "ready", "a"]);
    }
  });

  it("gives a client of the application's back as it was", async () => {
    const given = await client();
    const names = ["ready", "reconnecting", "end", "error"] as const;
    const count = () => names.map((name) => given.listenerCount(name));
    const before = count();
    const subscription = subscribe(await client(), given);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    await subscription.close();
    expect(await subscribers(ear.channel)).toBe(0);
    expect(count()).toEqual(before);
    expect(given.isReady).toBe(true);
  });

  it("ends with the application's client, and begins again with it", async () => {
    const data = await client();
    const subscription = subscribe(data);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    data.destroy();
    await until(async () => (await subscribers(ear.channel)) === 0);
    await data.connect();
    await until(() => ear.told.length === 3);
    expect(ear.told).toEqual(["ready", "lost", "ready"]);
  });

  it("listens beside a pool", async () => {
    const pool = newPool({ url });
    await pool.connect();
    afterFile(() => pool.destroy());
    const subscription = subscribe(pool);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    await redis.publish(ear.channel, "a");
    await until(() => ear.told.length === 2);
    expect(pool.totalClients).toBe(1);
  });

  it("ends with a pool, which has no event for it, and begins again with it", async () => {
    const pool = newPool({ url });
    await pool.connect();
    afterFile(() => pool.destroy());
    const subscription = subscribe(pool);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    await pool.close();
    await until(async () => (await subscribers(ear.channel)) === 0);
    await pool.connect();
    await until(() => ear.told.length === 3);
    expect(ear.told).toEqual(["ready", "lost", "ready"]);
  });

  it("ends with a client that has given up, and begins again when that is connected again", async () => {
    const proxy = await startProxy(Number(new URL(url).port));
    afterFile(() => proxy.close());
    const data = await client({ url: proxy.url, socket: { reconnectStrategy: false } });
    const port = portOf("", data);
    // Its subscription is on a way of its own, and stays well.
    const { duplicate } = data;
    data.duplicate = ((own: object) => duplicate.call(data, { ...own, url })) as typeof duplicate;
    const subscription = subscribe(data);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    proxy.reset();
    await until(async () => (await subscribers(ear.channel)) === 0);
    await data.connect();
    await until(() => ear.told.length === 3);
    expect(ear.told).toEqual(["ready", "lost", "ready"]);
    expect(port.tally.losses).toBe(1);
  });

  it("takes no hand-over to another server on a connection of its own, because node-redis forgets what it hears", async () => {
    const data = await client({ RESP: 3 });
    const duplicating = vi.spyOn(data, "duplicate");
    const subscription = subscribe(data);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    expect(duplicating.mock.results[0]?.value.options).toMatchObject({ maintNotifications: "disabled" });
  });

  it("refuses what has several connections for a subscriber, and the data client", async () => {
    const data = await client();
    expect(() => checkSubscriber("near.subscriber", data.duplicate(), data)).not.toThrow();
    expect(() => checkSubscriber("near.subscriber", data, data)).toThrow("this one is the store's client");
    expect(() => checkSubscriber("near.subscriber", newPool({ url }), data)).toThrow(TypeError);
  });
});

it("says that it cannot listen beside a sentinel", () => {
  const sentinel = createSentinel({ name: "main", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] });
  expect(() => subscribe(sentinel).add(listener())).toThrow(/^A sentinel of node-redis does not tell/);
});

describe("on a cluster", async () => {
  const cluster = await startCluster({ masters: 3 });
  afterFile(() => cluster.close());

  it.each([
    ["6", createCluster],
    ["5", createCluster5 as unknown as typeof createCluster],
  ])("of node-redis %s hears every node through one, and another when that one hangs up", async (_, newCluster) => {
    const data = newCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
    data.on("error", () => {});
    const subscription = subscribe(data);
    const ear = listener();
    // Before the cluster knows its nodes.
    subscription.add(ear);
    await data.connect();
    afterFile(() => data.destroy());
    await subscription.whenReady(ear, 10_000);
    for (const { admin } of cluster.nodes) await admin.publish(ear.channel, "a");
    await until(() => ear.told.length === 4);
    await Promise.all(cluster.nodes.map(({ admin }) => admin.client("KILL", "TYPE", "PUBSUB")));
    await until(() => ear.told.length === 6);
    expect(ear.told).toEqual(["ready", "a", "a", "a", "lost", "ready"]);
  });
});
