/** One subscription for all who listen: what they are told, when a connection is lost, refused, deaf or closed. */
import { EventEmitter } from "node:events";
import { Cluster, Redis } from "ioredis";
import RedisMock from "ioredis-mock";
import { Redis as Redis6 } from "ioredis6";
import Valkey from "iovalkey";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { IoredisClient } from "../../src/index.js";
import { checkSubscriber } from "../../src/redis/clients/subscriber.js";
import { portOf } from "../../src/redis/clients/supported.js";
import { type Listener, Subscription } from "../../src/redis/subscription.js";
import { afterFile, connect, connectCluster, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startRedisServer } from "../harness/redis-server.js";
import { startProxy } from "../harness/tcp-proxy.js";

// Of its own, because it kills connections of all subscribers.
const own = await startRedisServer();
afterFile(() => own.stop());
const server = { host: "127.0.0.1", port: own.port };
const redis = connect({ port: own.port });
const open: Subscription[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((subscription) => subscription.close()));
});

function subscribe(data: IoredisClient, given?: Redis): Subscription {
  const subscription = new Subscription(portOf("", data), given);
  open.push(subscription);
  return subscription;
}

/** A listener that keeps what it is told, and the name of a channel that no other test has. */
function listener(...channels: string[]): Listener & { readonly told: string[]; readonly channel: string } {
  const told: string[] = [];
  const [channel = uniquePrefix()] = channels;
  return {
    channels: channels.length === 0 ? [channel] : channels,
    channel,
    told,
    message: (name, text) => void told.push(`${name === channel ? "" : name} ${text}`.trim()),
    ready: () => void told.push("ready"),
    lost: () => void told.push("lost"),
  };
}

const until = (holds: () => unknown) =>
  vi.waitFor(async () => expect(await holds()).toBeTruthy(), { timeout: 10_000, interval: 5 });
const subscribers = async (channel: string) => Number(((await redis.pubsub("NUMSUB", channel)) as unknown[])[1]);

const CLIENTS: Record<string, (options: object) => Redis> = {
  "ioredis 5": (options) => new Redis({ ...server, ...options }),
  "ioredis 6": (options) => new Redis6({ ...server, ...options }) as unknown as Redis,
  iovalkey: (options) => new Valkey({ ...server, ...options }) as unknown as Redis,
};

describe.each(Object.entries(CLIENTS))("on %s", (_name, make) => {
  function client(options: object = {}): Redis {
    const made = make(options);
    made.on("error", () => {});
    afterFile(() => made.disconnect());
    return made;
  }

  it("hears what a script publishes on a channel of its keys, with and without a keyPrefix", async () => {
    for (const options of [{}, { keyPrefix: "app:" }]) {
      const data = client(options);
      const subscription = subscribe(data);
      const ear = listener();
      subscription.add(ear);
      await subscription.whenReady(ear, 5000);
      await data.eval("return redis.call('PUBLISH', KEYS[1], ARGV[1])", 1, ear.channel, "é\n1");
      await until(() => ear.told.length === 2);
      expect(ear.told).toEqual(["ready", "é\n1"]);
    }
  });

  it("tells of a loss, subscribes again by itself and tells that", async () => {
    const given = client({ autoResubscribe: false });
    const data = client();
    for (const subscription of [subscribe(data), subscribe(data, given)]) {
      const ear = listener();
      subscription.add(ear);
      await subscription.whenReady(ear, 5000);
      await redis.client("KILL", "TYPE", "PUBSUB");
      await until(() => ear.told.length === 3);
      await redis.publish(ear.channel, "after");
      await until(() => ear.told.length === 4);
      expect(ear.told).toEqual(["ready", "lost", "ready", "after"]);
    }
  });

  it("takes another connection when it is told that this one is deaf", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const data = client({ port: proxy.port });
    const subscription = subscribe(data);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 5000);
    proxy.abandon();
    await redis.publish(ear.channel, "unheard");
    expect(subscription.isReady(ear)).toBe(true);
    subscription.reconnect();
    expect(ear.told).toEqual(["ready", "lost"]);
    expect(subscription.isReady(ear)).toBe(false);
    subscription.reconnect();
    await until(() => ear.told.length === 3);
    await redis.publish(ear.channel, "heard");
    await until(() => ear.told.length === 4);
    expect(ear.told).toEqual(["ready", "lost", "ready", "heard"]);
  });

  it("takes another connection when this one does not even confirm a channel", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const given = client({ port: proxy.port });
    await given.ping();
    proxy.abandon();
    const ear = listener();
    subscribe(redis, given).add(ear);
    await vi.waitFor(() => expect(ear.told).toEqual(["ready"]), { timeout: 60_000 });
  }, 90_000);

  it("keeps no process alive when the application has closed its client, and connects again with it", async () => {
    const data = client();
    const subscription = subscribe(data);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 5000);
    await data.quit();
    await until(() => ear.told.includes("lost"));
    await expect(subscription.whenReady(ear, 5000)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("closed"),
    });
    await until(async () => (await subscribers(ear.channel)) === 0);
    await data.connect();
    await subscription.whenReady(ear, 5000);
    expect(ear.told).toEqual(["ready", "lost", "ready"]);
  });

  it("refuses to wait for a subscriber that the application has closed", async () => {
    const given = client();
    const subscription = subscribe(client(), given);
    const ear = listener();
    await given.quit();
    subscription.add(ear);
    await expect(subscription.whenReady(ear, 5000)).rejects.toThrow("The subscriber is not connected");
    const waiting = subscribe(client(), client({ lazyConnect: true, port: 1, retryStrategy: () => null }));
    waiting.add(ear);
    await expect(waiting.whenReady(ear, 5000)).rejects.toThrow("The subscriber is not connected");
  });
});

describe("a subscription", () => {
  it("connects with its first listener, and not before", async () => {
    const data = connect({ port: own.port });
    const duplicate = vi.spyOn(data, "duplicate");
    const subscription = subscribe(data);
    expect(duplicate).not.toHaveBeenCalled();
    subscription.add(listener());
    subscription.add(listener());
    expect(duplicate).toHaveBeenCalledTimes(1);
  });

  it("waits for all channels of a listener, and shares a channel between listeners", async () => {
    const subscription = subscribe(redis);
    const [one, other] = [uniquePrefix(), uniquePrefix()];
    const [first, both] = [listener(one), listener(one, other)];
    subscription.add(first);
    await subscription.whenReady(first, 5000);
    subscription.add(both);
    subscription.add(both);
    expect(subscription.isReady(both)).toBe(false);
    await subscription.whenReady(both, 5000);
    await redis.publish(one, "1");
    await redis.publish(other, "2");
    await until(() => both.told.length === 3);
    expect(both.told).toEqual(["ready", "1", `${other} 2`]);
    expect(first.told).toEqual(["ready", "1"]);
    const third = listener(one);
    subscription.add(third);
    expect(third.told).toEqual([]);
    await until(() => third.told.length === 1);
    subscription.remove(first);
    subscription.remove(first);
    subscription.remove(third);
    subscription.remove(both);
    await until(async () => (await subscribers(one)) + (await subscribers(other)) === 0);
  });

  it("counts only the last of many subscriptions and removals that overtake each other", async () => {
    const subscription = subscribe(redis);
    const channel = uniquePrefix();
    for (let i = 0; i < 50; i++) {
      const passing = listener(channel);
      subscription.add(passing);
      if (i % 3 === 0) await Promise.resolve();
      subscription.remove(passing);
      if (i % 7 === 0) await subscription.whenReady(passing, 10).catch(() => {});
    }
    const ear = listener(channel);
    subscription.add(ear);
    await subscription.whenReady(ear, 5000);
    await redis.publish(channel, "x");
    await until(() => ear.told.length === 2);
    expect(ear.told).toEqual(["ready", "x"]);
  });

  it("takes no confirmation for one that came before the connection was lost", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const given = connect({ port: proxy.port, retryStrategy: () => 20, autoResubscribe: false });
    await given.ping();
    const subscription = subscribe(redis, given);
    const ear = listener();
    proxy.hold("down");
    subscription.add(ear);
    await proxy.seen(ear.channel);
    proxy.refuse();
    proxy.reset();
    proxy.release("down");
    await new Promise((resolve) => given.once("reconnecting", resolve));
    expect([ear.told, subscription.isReady(ear)]).toEqual([[], false]);
    await proxy.accept();
    await subscription.whenReady(ear, 5000);
    expect(ear.told).toEqual(["ready"]);
  });

  it("takes none that comes from a connection that was given up", async () => {
    const confirm: Array<() => void> = [];
    const fake = Object.assign(new EventEmitter(), {
      status: "ready",
      subscribe: () => new Promise<void>((resolve) => confirm.push(resolve)),
      unsubscribe: async () => {},
      disconnect: () => {},
    });
    const subscription = subscribe(redis, fake as unknown as Redis);
    const ear = listener();
    subscription.add(ear);
    subscription.reconnect();
    confirm[0]?.();
    await new Promise(setImmediate);
    expect([ear.told, subscription.isReady(ear)]).toEqual([[], false]);
    fake.emit("close");
    fake.emit("ready");
    expect(confirm).toHaveLength(2);
    confirm[1]?.();
    await new Promise(setImmediate);
    expect(ear.told).toEqual(["ready"]);
  });

  it("says in time that Redis does not confirm, and is ready all the same when it does", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const subscription = subscribe(connect({ port: proxy.port }));
    const ear = listener();
    proxy.hold("down");
    subscription.add(ear);
    await expect(subscription.whenReady(ear, 50)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: "Redis did not confirm a subscription within 50 ms",
    });
    proxy.release("down");
    await until(() => ear.told.length === 1);
  });

  it("tells that Redis refuses a channel, and tries again until it may", async () => {
    const user = `deaf${uniquePrefix().replace(/\W/g, "")}`;
    const channel = uniquePrefix();
    await redis.acl("SETUSER", user, "on", ">secret", "+@all", "~*", "resetchannels");
    afterFile(() => redis.acl("DELUSER", user));
    const subscription = subscribe(connect({ username: user, password: "secret", port: own.port }));
    const ear = listener(channel);
    subscription.add(ear);
    await expect(subscription.whenReady(ear, 5000)).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: "Redis cannot serve (NOPERM)",
    });
    await redis.acl("SETUSER", user, `&${channel}`);
    await subscription.whenReady(ear, 5000);
    expect(ear.told).toEqual(["ready"]);
  });

  it("asks at once again for a refused channel if somebody waits for it", async () => {
    const answers = [() => Promise.reject(new Error("NOPERM no such right")), () => Promise.resolve()];
    const fake = Object.assign(new EventEmitter(), {
      status: "ready",
      subscribe: () => answers.shift()?.(),
      unsubscribe: async () => {},
      disconnect: () => {},
    });
    const subscription = subscribe(redis, fake as unknown as Redis);
    const ear = listener();
    // No timer runs: neither that of the next attempt, nor that of the wait.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      subscription.add(ear);
      await expect(subscription.whenReady(ear, 5000)).rejects.toThrow("NOPERM");
      const waiting = subscription.whenReady(ear, 5000);
      await new Promise(setImmediate);
      expect([ear.told, answers]).toEqual([["ready"], []]);
      await waiting;
    } finally {
      vi.useRealTimers();
    }
  });

  it("leaves nothing behind when it is closed while it connects, or before, or twice", async () => {
    const data = connect({ port: own.port });
    await data.ping();
    const listeners = () => data.eventNames().reduce((sum, name) => sum + data.listenerCount(name), 0);
    const port = portOf("", data);
    const before = listeners();
    const subscription = new Subscription(port);
    const ear = listener();
    subscription.add(ear);
    const waiting = subscription.whenReady(ear, 5000);
    const closed = Promise.all([subscription.close(), subscription.close()]);
    await expect(waiting).rejects.toThrow("closed");
    await closed;
    subscription.add(ear);
    await expect(subscription.whenReady(ear, 5000)).rejects.toThrow("The store is closed");
    expect(listeners()).toBe(before);
    await new Subscription(portOf("", data)).close();
    expect([ear.told, await subscribers(ear.channel)]).toEqual([[], 0]);
  });

  it("gives a client of the application's back as it was", async () => {
    const given = connect({ port: own.port });
    await given.ping();
    const listeners = () => given.eventNames().reduce((sum, name) => sum + given.listenerCount(name), 0);
    const before = listeners();
    const subscription = new Subscription(portOf("", redis), given);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 5000);
    await subscription.close();
    expect([given.status, given.mode, listeners()]).toEqual(["ready", "normal", before]);
    expect(await given.ping()).toBe("PONG");
  });

  it("makes another duplicate when the last has given up, but not for an application that has closed its client", async () => {
    const proxy = await startProxy(server.port);
    afterFile(() => proxy.close());
    const data = connect({ port: own.port });
    const make = data.duplicate.bind(data);
    const duplicate = vi.spyOn(data, "duplicate");
    duplicate.mockImplementation((overrides) => make({ ...overrides, port: proxy.port, retryStrategy: () => null }));
    const subscription = subscribe(data);
    const ear = listener();
    subscription.add(ear);
    await subscription.whenReady(ear, 5000);
    proxy.reset();
    await until(() => ear.told.length === 3);
    expect(ear.told).toEqual(["ready", "lost", "ready"]);
    data.disconnect();
    await until(() => ear.told.length === 4);
    await until(() => proxy.connections === 0);
    const made = duplicate.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(duplicate).toHaveBeenCalledTimes(made);
  });

  it("works on ioredis-mock, with a keyPrefix too, which its scripts do not see", async () => {
    for (const options of [{}, { keyPrefix: "app:" }]) {
      const data = new RedisMock({ ...options, port: 1 }) as unknown as Redis;
      const subscription = subscribe(data);
      const ear = listener();
      subscription.add(ear);
      await subscription.whenReady(ear, 1000);
      await data.eval("return redis.call('PUBLISH', KEYS[1], ARGV[1])", 1, ear.channel, "x");
      await until(() => ear.told.length === 2);
      expect(ear.told).toEqual(["ready", "x"]);
      await subscription.close();
    }
  });

  it("refuses a subscriber that is none, or that is the data client", () => {
    for (const wrong of [undefined, null, {}, "redis://", Redis]) {
      expect(() => checkSubscriber("near.subscriber", wrong, redis)).toThrow(TypeError);
    }
    expect(() => checkSubscriber("near.subscriber", redis, redis)).toThrow("this one is the store's client");
    expect(() =>
      new Subscription(portOf("", { on() {}, evalsha() {}, eval() {} } as unknown as IoredisClient)).add(listener()),
    ).toThrow("duplicate()");
  });
});

describe("on a Cluster", async () => {
  const cluster = await startCluster({ masters: 3 });
  afterFile(() => cluster.close());

  it("hears every node through one, and another when that one hangs up", async () => {
    const data = connectCluster(cluster, { keyPrefix: "app:" });
    const subscription = subscribe(data);
    const ear = listener();
    // Before the Cluster knows its nodes.
    subscription.add(ear);
    await subscription.whenReady(ear, 10_000);
    for (const key of ["{a}", "{b}", "{c}"]) {
      await data.eval("return redis.call('PUBLISH', ARGV[1], ARGV[2])", 1, key, `app:${ear.channel}`, key);
    }
    await until(() => ear.told.length === 4);
    expect(ear.told.slice(1).sort()).toEqual(["{a}", "{b}", "{c}"]);
    await Promise.all(cluster.nodes.map(({ admin }) => admin.client("KILL", "TYPE", "PUBSUB")));
    await until(() => ear.told.length === 6);
    expect(ear.told.slice(4)).toEqual(["lost", "ready"]);
    expect(data).toBeInstanceOf(Cluster);
    await subscription.close();
    await until(async () => {
      const lists = await Promise.all(cluster.nodes.map(({ admin }) => admin.client("LIST", "TYPE", "PUBSUB")));
      return lists.every((list) => list === "");
    });
  });
});
