/**
 * The documented contract of a store of express-session (its README, "Session Store Implementation") and the options of
 * connect-redis, on every kind of client.
 */
import { EventEmitter, once } from "node:events";
import { RedisStore as ConnectRedis9 } from "connect-redis";
import ConnectRedis7 from "connect-redis7";
import { RedisStore as ConnectRedis8 } from "connect-redis8";
import { RedisStore as ConnectRedis10 } from "connect-redis10";
import { Cluster } from "ioredis";
import Valkey from "iovalkey";
import { createClient, createCluster } from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import type { NodeRedisClient } from "../../src/redis/clients/node-redis/client.js";
import { portOf } from "../../src/redis/clients/supported.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";

const redis = connect();
const nodeRedis = createClient({ url: inject("redisUrl") });
const nodeRedis5 = createClient5({ url: inject("redisUrl") });
const valkey = new Valkey(inject("redisUrl"));
const cluster = await startCluster();
const ioredisCluster = new Cluster(cluster.startupNodes, { keyPrefix: "app:" });
const rootNodes = cluster.urls.map((url) => ({ url }));
const nodeRedisCluster = createCluster({ rootNodes });
const nodeRedisCluster5 = createCluster5({ rootNodes });
afterFile(() => cluster.close());
afterFile(() => {
  valkey.disconnect();
  ioredisCluster.disconnect();
  for (const client of [nodeRedis, nodeRedis5, nodeRedisCluster, nodeRedisCluster5]) client.destroy();
});
beforeAll(async () => {
  await Promise.all([nodeRedis, nodeRedis5, nodeRedisCluster, nodeRedisCluster5].map((client) => client.connect()));
});

const CLIENTS = {
  ioredis: redis,
  "ioredis with a keyPrefix of its own": connect({ url: inject("redisUrl"), keyPrefix: "app[1]:" }),
  iovalkey: valkey,
  "node-redis": nodeRedis,
  "node-redis 5": nodeRedis5,
  "a Cluster of ioredis with a keyPrefix": ioredisCluster,
  "a cluster of node-redis": nodeRedisCluster,
  "a cluster of node-redis 5": nodeRedisCluster5,
} satisfies Record<string, RedisStoreOptions["client"]>;

/** Longer than this file may take: all of these sessions end at the same instant. */
const HOUR = 3_600_000;
const cookie = {
  originalMaxAge: HOUR,
  expires: new Date(Date.now() + HOUR).toISOString(),
  httpOnly: true,
  path: "/",
};

/** A method with its callback, as a promise of what the callback got. */
function called(method: (callback: (...results: unknown[]) => void) => unknown): Promise<unknown[]> {
  return new Promise((resolve) => {
    expect(method((...results) => resolve(results))).toBeUndefined();
  });
}

describe.each(Object.entries(CLIENTS))("a store on %s", (_, client) => {
  const newStore = (options: Partial<RedisStoreOptions> = {}) =>
    new RedisStore({ client, prefix: uniquePrefix(), ...options });

  it("is an EventEmitter", () => {
    expect(newStore()).toBeInstanceOf(EventEmitter);
  });

  it("calls back with what it holds, by callback", async () => {
    const store = newStore();
    expect(await called((done) => store.get("none", done))).toEqual([null, null]);
    expect((await called((done) => store.set("one", { cookie, name: "ada" }, done)))[0]).toBeNull();
    expect(await called((done) => store.get("one", done))).toEqual([null, { cookie, name: "ada" }]);
    expect((await called((done) => store.set("two", { cookie }, done)))[0]).toBeNull();
    const [, ids] = await called((done) => store.ids(done));
    expect((ids as string[]).sort()).toEqual(["one", "two"]);
    expect(await called((done) => store.length(done))).toEqual([null, 2]);
    const [, all] = await called((done) => store.all(done));
    expect(all).toEqual(
      expect.arrayContaining([
        { cookie, name: "ada", id: "one" },
        { cookie, id: "two" },
      ]),
    );
    expect((await called((done) => store.touch("one", { cookie }, done)))[0]).toBeNull();
    expect((await called((done) => store.destroy("one", done)))[0]).toBeNull();
    expect(await called((done) => store.get("one", done))).toEqual([null, null]);
    expect((await called((done) => store.clear(done)))[0]).toBeNull();
    expect(await called((done) => store.length(done))).toEqual([null, 0]);
  });

  it("does the same by promise", async () => {
    const store = newStore();
    expect(await store.get("none")).toBeNull();
    expect(await store.set("one", { cookie, name: "ada" })).toBe(true);
    expect(await store.get("one")).toEqual({ cookie, name: "ada" });
    expect(await store.set("two", { cookie })).toBe(true);
    expect((await store.ids()).sort()).toEqual(["one", "two"]);
    expect(await store.length()).toBe(2);
    expect(await store.all()).toEqual(expect.arrayContaining([{ cookie, name: "ada", id: "one" }]));
    expect(await store.touch("one", { cookie })).toBe(true);
    expect(await store.touch("none", { cookie })).toBe(false);
    expect(await store.destroy("one")).toBe(true);
    expect(await store.destroy("one")).toBe(false);
    await store.clear();
    expect(await store.all()).toEqual([]);
  });

  it("lists and clears what spans many steps and all masters, and nothing else", async () => {
    const prefix = `${uniquePrefix()}a*[x]?\\`;
    const [store, neighbour] = [newStore({ prefix, scanCount: 7 }), newStore()];
    await neighbour.set("kept", { cookie });
    const ids = Array.from({ length: 60 }, (_, at) => `s${at}`);
    await Promise.all(ids.map((id) => store.set(id, { cookie })));
    expect((await store.ids()).sort()).toEqual(ids.sort());
    expect(await store.length()).toBe(60);
    expect(await store.all()).toHaveLength(60);
    await store.clear();
    expect(await store.length()).toBe(0);
    expect(await neighbour.length()).toBe(1);
  });

  it("keeps the index of users apart from the sessions", async () => {
    const store = newStore({ userId: (session) => session["user"] });
    await Promise.all(["a", "b", "c"].map((id) => store.set(id, { cookie, user: "ada", n: id })));
    await store.set("d", { cookie, user: "bob" });
    expect(await store.length()).toBe(4);
    expect((await store.listForUser("ada")).map(({ id }) => id).sort()).toEqual(["a", "b", "c"]);
    expect(await store.updateForUser("ada", { role: "admin", n: undefined })).toBe(3);
    expect(await store.get("a")).toEqual({ cookie, user: "ada", role: "admin" });
    expect(await store.destroyAllForUser("ada", { except: "b" })).toBe(2);
    expect((await store.ids()).sort()).toEqual(["b", "d"]);
  });
});

describe("the options", () => {
  const newStore = (options: Partial<RedisStoreOptions> = {}) => {
    const prefix = uniquePrefix();
    return { prefix, store: new RedisStore({ client: redis, prefix, ...options }) };
  };
  const ttlOf = (key: string) => redis.pttl(key);

  it("have the defaults of connect-redis", async () => {
    const store = new RedisStore({ client: redis });
    expect(store.prefix).toBe("sess:");
    const sid = uniquePrefix();
    await store.set(sid, { cookie: {} });
    expect(Math.round((await ttlOf(`sess:${sid}`)) / 1000)).toBeGreaterThan(86_390);
    await store.destroy(sid);
  });

  it("take the time to live from the cookie, to the ms, and else from ttl", async () => {
    const { store, prefix } = newStore({ ttl: 100 });
    const expires = new Date(Date.now() + 12_345);
    const begun = performance.now();
    await store.set("dated", { cookie: { expires } });
    const took = performance.now() - begun;
    // Redis is told for how long, so what was sent late ends late; a ms is what the two clocks may be apart.
    const late = (await redis.pexpiretime(`${prefix}dated`)) - expires.getTime();
    expect(late).toBeGreaterThanOrEqual(-2);
    expect(late).toBeLessThanOrEqual(took + 2);
    await store.set("undated", { cookie: {} });
    expect(await ttlOf(`${prefix}undated`)).toBeGreaterThan(90_000);
    expect(await ttlOf(`${prefix}undated`)).toBeLessThanOrEqual(100_000);
  });

  it("let a function say the time to live of every session", async () => {
    const { store, prefix } = newStore({ ttl: (session) => (session["role"] === "admin" ? 10 : 100) });
    await store.set("a", { cookie, role: "admin" });
    await store.set("b", { cookie });
    expect(await ttlOf(`${prefix}a`)).toBeLessThanOrEqual(10_000);
    expect(await ttlOf(`${prefix}b`)).toBeGreaterThan(60_000);
    expect(await ttlOf(`${prefix}b`)).toBeLessThanOrEqual(100_000);
    const broken = newStore({ ttl: () => "1h" as never }).store;
    await expect(broken.set("a", { cookie })).rejects.toThrow('ttl must be a number of seconds, got "1h"');
  });

  it("destroy what has expired when it is saved or touched", async () => {
    const { store } = newStore();
    const past = { cookie: { expires: new Date(Date.now() - 1000) } };
    await store.set("a", { cookie });
    expect(await store.set("a", past)).toBe(false);
    expect(await store.get("a")).toBeNull();
    await store.set("b", { cookie });
    expect(await store.touch("b", past)).toBe(false);
    expect(await store.get("b")).toBeNull();
  });

  it("move the expiry with a touch, in the record too, and nothing else", async () => {
    const { store, prefix } = newStore();
    const soon = new Date(Date.now() + 5000);
    await store.set("a", { cookie: { ...cookie, expires: soon, originalMaxAge: 5000 }, name: "ada" });
    const later = new Date(Date.now() + 50_000);
    await store.touch("a", { cookie: { ...cookie, expires: later, originalMaxAge: 5000 }, name: "not saved" });
    expect(await ttlOf(`${prefix}a`)).toBeGreaterThan(40_000);
    expect(JSON.parse((await redis.get(`${prefix}a`)) ?? "")).toEqual({
      cookie: { ...cookie, expires: later.toISOString(), originalMaxAge: 5000 },
      name: "ada",
    });
  });

  it.each([
    ["a brace in a string", { note: "/a},b{" }],
    ["a quote in a string", { note: '/a"},"b' }],
    ["a backslash in a string", { note: "/a\\" }],
    ["what is not ASCII", { note: "/é/😀" }],
    ["an object", { note: { a: { b: 1 } } }],
    ["a longer time than before", {}, { originalMaxAge: 1_000_000 }],
    ["a shorter time than before", {}, { originalMaxAge: 5 }],
    ["nothing else", {}],
  ])("move it whatever is in the cookie: %s", async (_, extra, later: object = {}) => {
    const { store, prefix } = newStore();
    const at = (ms: number) => ({
      ...extra,
      ...cookie,
      expires: new Date(Date.now() + ms).toISOString(),
      originalMaxAge: 5000,
    });
    const session = { cookie: at(5000), "}": '{"cookie":{}', name: "ada" };
    await store.set("a", session);
    const [loaded, other] = [await store.get("a"), await store.get("a")];
    const moved = { ...at(50_000), ...later };
    await store.set("a", Object.assign(other ?? {}, { page: 2 }));
    expect(await store.touch("a", Object.assign(loaded ?? {}, { cookie: moved, name: "not saved" }))).toBe(true);
    expect(await ttlOf(`${prefix}a`)).toBeGreaterThan(40_000);
    expect(JSON.parse((await redis.get(`${prefix}a`)) ?? "")).toEqual({ ...session, cookie: moved, page: 2 });
    // The request that has touched it can still save, and what the other has changed stays.
    expect(await store.set("a", Object.assign(loaded ?? {}, { last: 1 }))).toBe(true);
    expect(await store.get("a")).toMatchObject({ page: 2, last: 1, name: "not saved" });
  });

  it("take what another store has loaded for no session of their own", async () => {
    const [one, two] = [newStore().store, newStore().store];
    await one.set("a", { cookie, name: "ada" });
    // Stored anew there, and not discarded for having ended.
    expect(await two.set("a", (await one.get("a")) ?? {})).toBe(true);
    expect(await two.get("a")).toMatchObject({ name: "ada" });
  });

  it("switch touches off", async () => {
    for (const options of [{ disableTouch: true }, { disableTTL: true }]) {
      const { store, prefix } = newStore(options);
      await store.set("a", { cookie });
      const before = await redis.pexpiretime(`${prefix}a`);
      expect(await store.touch("a", { cookie: { ...cookie, expires: new Date(Date.now() + 2 * HOUR) } })).toBe(true);
      expect(await redis.pexpiretime(`${prefix}a`)).toBe(before);
    }
  });

  it("store without a time to live, the index too", async () => {
    const { store, prefix } = newStore({ disableTTL: true, userId: (session) => session["user"] });
    await store.set("a", { cookie, user: "ada" });
    expect(await ttlOf(`${prefix}a`)).toBe(-1);
    expect(await store.listForUser("ada")).toHaveLength(1);
    const [index = ""] = await redis.keys(`*users:${encodeURIComponent(prefix)}*`);
    expect(await ttlOf(index)).toBe(-1);
    await store.clear();
    expect(await redis.exists(index)).toBe(0);
  });

  it("let a serializer of the application's, also one that reads asynchronously, do the work", async () => {
    const serializer = {
      stringify: (session: object) => Buffer.from(JSON.stringify(session)).toString("base64"),
      parse: async (text: string) => JSON.parse(Buffer.from(text, "base64").toString()),
    };
    const { store, prefix } = newStore({ serializer, userId: (session) => session["user"] });
    await store.set("a", { cookie, user: "ada" });
    expect(await redis.get(`${prefix}a`)).toMatch(/^[\w+/=]+$/);
    const [first, second] = [await store.get("a"), await store.get("a")];
    await store.set("a", { ...first, x: 1 });
    Object.assign(second ?? {}, { y: 2 });
    await store.set("a", second ?? {});
    expect(await store.get("a")).toMatchObject({ user: "ada", x: 1, y: 2 });
    expect(await store.listForUser("ada")).toHaveLength(1);
  });

  it("let a serializer read by promises of a library's own", async () => {
    // biome-ignore lint/suspicious/noThenProperty: what `await` takes for a promise, though it is none.
    const later = (value: unknown) => ({ then: (resolve: (value: unknown) => void) => setImmediate(resolve, value) });
    const serializer = { stringify: JSON.stringify, parse: (text: string) => later(JSON.parse(text)) };
    const { store } = newStore({ serializer, userId: (session) => session["user"] });
    await store.set("a", { cookie, user: "ada" });
    let loaded: unknown;
    await new Promise<void>((done) => {
      store.get("a", (_, session) => {
        loaded = { ...session };
        done();
      });
    });
    expect(loaded).toMatchObject({ cookie, user: "ada" });
    expect(await store.listForUser("ada")).toHaveLength(1);
  });

  it.each([
    ["writes by promises", async () => "{}", "an object"],
    ["writes nothing", () => undefined, "undefined"],
    ["writes bytes", () => Buffer.from("{}"), "an object"],
  ])("refuse a serializer that %s, and store nothing", async (_, stringify, got) => {
    const { store, prefix } = newStore({ serializer: { stringify: stringify as never, parse: JSON.parse } });
    await expect(store.set("a", { cookie })).rejects.toThrow(`serializer.stringify must return a string, got ${got}`);
    expect(await redis.exists(`${prefix}a`)).toBe(0);
  });

  it("save touches by touchInterval, but never more than half of a session's life", async () => {
    const { store } = newStore({ touchInterval: 3_600_000 });
    const start = Date.now();
    const until = (ms: number) => ({ cookie: { originalMaxAge: 100_000, expires: new Date(start + ms) } });
    const stored = async () => {
      const session = (await store.get("a")) as { cookie: { expires: string } };
      return { session, expires: new Date(session.cookie.expires).getTime() - start };
    };
    await store.set("a", until(100_000));
    expect(await store.touch("a", Object.assign((await stored()).session, until(120_000)))).toBe(true);
    expect((await stored()).expires).toBe(100_000);
    expect(await store.touch("a", Object.assign((await stored()).session, until(400_000)))).toBe(true);
    expect((await stored()).expires).toBe(400_000);
    // Nearer is not saved up.
    expect(await store.touch("a", Object.assign((await stored()).session, until(350_000)))).toBe(true);
    expect((await stored()).expires).toBe(350_000);
  });

  it.each([
    [{ evalsha() {} }, "RedisStore takes its client as an option: { client }"],
    [{ evalSha() {} }, "RedisStore takes its client as an option: { client }"],
    [
      { client: undefined },
      "client of RedisStore must be a client of ioredis, iovalkey or node-redis 5 or 6, got undefined",
    ],
    [{ client: {} }, "client of RedisStore must be a client of ioredis, iovalkey or node-redis 5 or 6, got an object"],
    [{ prefix: 1 }, "prefix must be a string, got 1"],
    [{ ttl: "1h" }, 'ttl must be a number of seconds, got "1h"'],
    [{ ttl: -1 }, "ttl must be more than 0 seconds, got -1"],
    [{ disableTouch: 1 }, "disableTouch must be a boolean, got 1"],
    [{ disableTTL: "no" }, 'disableTTL must be a boolean, got "no"'],
    [{ scanCount: 0 }, "scanCount must be an integer from 1"],
    [{ timeout: 0 }, "timeout (ms) must be an integer from 1"],
    [{ touchInterval: -1 }, "touchInterval (ms) must be an integer from 0"],
    [{ serializer: { parse() {} } }, "serializer must have the methods parse and stringify, got an object"],
    [{ userId: "id" }, 'userId must be a function of the session, got "id"'],
    [{ url: "redis://" }, 'RedisStore: there is no option "url"; the options are client, prefix, serializer'],
    [{ logErrors: true }, 'RedisStore: there is no option "logErrors"'],
  ])("are refused at once where they are wrong: %j", (wrong, message) => {
    expect(() => new RedisStore({ client: redis, ...wrong } as never)).toThrow(message);
    if (!("disableTouch" in wrong || "disableTTL" in wrong || "scanCount" in wrong || "touchInterval" in wrong)) {
      expect(() => new KoaRedisStore({ client: redis, ...wrong } as never)).toThrow(message);
    }
  });

  it("are those of connect-redis 7, 8, 9 and 10, every one, and mean the same", async () => {
    const serializer = {
      parse: (text: string) => JSON.parse(text),
      stringify: (session: object) => JSON.stringify(session),
    };
    const options = {
      prefix: uniquePrefix(),
      ttl: 100,
      disableTouch: false,
      disableTTL: false,
      serializer,
      scanCount: 10,
    };
    for (const [ConnectRedis, client] of [
      [ConnectRedis7, redis],
      [ConnectRedis8, redis],
      [ConnectRedis9, nodeRedis],
      [ConnectRedis10, nodeRedis],
    ] as const) {
      const theirs = new ConnectRedis({ ...options, client });
      // Whatever options they have, they keep under the same name; and nothing else but the methods of an EventEmitter.
      const known = Object.keys(theirs).filter((name) => !name.startsWith("_"));
      expect(known.sort()).toEqual(["client", ...Object.keys(options)].sort());
      const ours = new RedisStore({ ...options, client });
      await ours.set("a", { cookie: {}, name: "ada" });
      expect(await redis.pttl(`${options.prefix}a`)).toBeGreaterThan(90_000);
      const session = await new Promise((resolve) => theirs.get("a", (_: unknown, found?: unknown) => resolve(found)));
      expect(session).toEqual({ cookie: {}, name: "ada" });
    }
  });

  it("are the defaults where they are null, as with connect-redis", () => {
    const options = { client: redis, prefix: null, ttl: null, serializer: null, scanCount: null } as never;
    expect(new RedisStore(options).prefix).toBe("sess:");
  });

  it("are one object, without which there is no store", () => {
    expect(() => new RedisStore(undefined as never)).toThrow(TypeError);
    // As connect-redis before 4 was made: the middleware was given to it first.
    expect(() => new RedisStore((() => {}) as never)).toThrow(TypeError);
  });

  it("must name the user before a store can look for a user's sessions", async () => {
    const { store } = newStore();
    await expect(store.listForUser("ada")).rejects.toThrow("What concerns a user needs the store's option userId");
    const users = newStore({ userId: (session) => session["user"] }).store;
    await expect(users.listForUser("")).rejects.toThrow(RangeError);
    await expect(users.updateForUser("ada", { cookie: {} })).rejects.toThrow("patch must not contain cookie");
    await expect(users.destroyAllForUser("ada", { exept: "a" } as never)).rejects.toThrow('no option "exept"');
  });
});

describe("what a store finds that it did not write", () => {
  const prefix = uniquePrefix();
  const store = new RedisStore({ client: redis, prefix, userId: (session) => session["user"] });

  it.each([
    ["no JSON", '{"cookie":', "no-json-"],
    ["a value that is no object", "42", "a-number"],
  ])("is an error where it is %s, which names neither the session nor the value", async (_, text, beginning) => {
    const sid = `${beginning}0123456789`;
    const key = prefix + sid;
    await redis.set(key, text, "PX", 60_000);
    const error = await store.get(sid).catch((error: Error) => error);
    expect(error).toMatchObject({ name: "CorruptRecordError", key: `${prefix}${beginning}…` });
    expect(JSON.stringify(error) + String(error)).not.toContain("0123456789");
    // It can be ended all the same.
    expect(await store.destroy(sid)).toBe(true);
  });

  it("is an error where it is no string", async () => {
    const sid = "no-text-0123456789";
    await redis.rpush(prefix + sid, "x");
    await redis.pexpire(prefix + sid, 60_000);
    const failure = { name: "CorruptRecordError", key: `${prefix}no-text-…` };
    await expect(store.get(sid)).rejects.toMatchObject(failure);
    await expect(store.set(sid, { cookie })).rejects.toMatchObject(failure);
    await expect(store.destroy(sid)).rejects.toMatchObject(failure);
  });

  it("is an error where it is no text, and not a conflict for ever", async () => {
    await redis.set(`${prefix}bytes`, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "PX", 60_000);
    const session = await store.get("bytes");
    await expect(store.set("bytes", session ?? {})).rejects.toMatchObject({ name: "CorruptRecordError" });
  });
});

describe("a client of node-redis", () => {
  /** How many timers node-redis starts for the commands of one load and touch. */
  async function timersOf(options: Parameters<typeof createClient>[0]): Promise<number> {
    const client = createClient({ url: inject("redisUrl"), ...options });
    await client.connect();
    const store = new RedisStore({ client, prefix: uniquePrefix() });
    await store.set("a", { cookie });
    const timeout = vi.spyOn(AbortSignal, "timeout");
    try {
      await store.touch("a", (await store.get("a")) ?? {});
      return timeout.mock.calls.length;
    } finally {
      timeout.mockRestore();
      client.destroy();
    }
  }

  it("watches the store's commands only where the application has said for how long", async () => {
    expect(await timersOf({})).toBe(0);
    expect(await timersOf({ commandOptions: { timeout: 10_000 } })).toBe(2);
  });
});

it.each([
  ["6", nodeRedisCluster],
  ["5", nodeRedisCluster5],
])(
  "a cluster of node-redis %s says who serves a key, so that one frozen master does not stop the others",
  async (_, client) => {
    const adapted = portOf("", client as NodeRedisClient);
    for (const key of ["a", "b", "c"]) {
      const slot = await cluster.slotOf(key);
      expect(adapted.masterOf(slot)).toBe(`127.0.0.1:${(await cluster.ownerOf(slot)).port}`);
    }
    expect(new Set(Array.from({ length: 16_384 }, (_, slot) => adapted.masterOf(slot))).size).toBe(3);
  },
);

describe("the events of express-session", () => {
  it("tell that a client of ioredis has been closed, and is there again, but not that it reconnects", async () => {
    const client = connect();
    const store = new RedisStore({ client, prefix: uniquePrefix() });
    const events: string[] = [];
    store.on("connect", () => events.push("connect"));
    store.on("disconnect", () => events.push("disconnect"));
    await client.ping();
    events.length = 0;
    client.disconnect(true);
    await once(client, "ready");
    expect(events).toEqual(["connect"]);
    client.disconnect();
    await once(client, "end");
    expect(events).toEqual(["connect", "disconnect"]);
    await client.connect();
    expect(events).toEqual(["connect", "disconnect", "connect"]);
  });

  it.each([
    ["node-redis", () => createClient({ url: inject("redisUrl") })],
    ["node-redis 5", () => createClient5({ url: inject("redisUrl") })],
  ])("do the same for %s", async (_, newClient) => {
    const client = newClient();
    const store = new RedisStore({ client, prefix: uniquePrefix() });
    const events: string[] = [];
    store.on("connect", () => events.push("connect"));
    store.on("disconnect", () => events.push("disconnect"));
    await client.connect();
    await client.close();
    expect(events).toEqual(["connect", "disconnect"]);
    await expect(store.get("a")).rejects.toMatchObject({ name: "StoreUnavailableError" });
  });

  it("add one listener to a client, however many stores are on it", () => {
    const client = connect();
    for (let i = 0; i < 20; i++) new RedisStore({ client, prefix: uniquePrefix() });
    expect(client.listenerCount("ready")).toBeLessThan(5);
    expect(client.listenerCount("end")).toBeLessThan(5);
  });
});
