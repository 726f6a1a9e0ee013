/**
 * A touch moves the time to live alone where nothing but `cookie.expires` has changed, and the time to live tells the cookie
 * at the next load. Whatever others do meanwhile, the times that win are those of whoever has changed how long it lives.
 */
import { randomUUID } from "node:crypto";
import { Cluster } from "ioredis";
import { createClient } from "redis";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { loseReply } from "../harness/lost-reply.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startRedisServer } from "../harness/redis-server.js";
import { startProxy } from "../harness/tcp-proxy.js";
import { startApp } from "./rig.js";
import { startSubjects } from "./subjects.js";

const HOUR = 3_600_000;
const redis = connect();
const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;
type Client = RedisStoreOptions["client"];

/** A cookie that lives for so long, and was moved so many ms ago. */
const cookie = (ms = HOUR, ago = 0) => ({
  originalMaxAge: ms,
  expires: new Date(Date.now() + ms - ago).toISOString(),
  httpOnly: true,
  path: "/",
});

interface Loaded {
  cookie: { expires: string; originalMaxAge: number };
  [name: string]: unknown;
}

/** A store with one session, whose record was written so many ms ago; and a look at its key. */
async function stored(ago: number, options: Partial<RedisStoreOptions> = {}) {
  const prefix = uniquePrefix();
  const store = new RedisStore({ client: redis, prefix, ...options });
  const sid = randomUUID();
  await store.set(sid, { cookie: cookie(HOUR, ago), user: "ada" });
  return {
    store,
    sid,
    load: async (from = store) => (await from.get(sid)) as Loaded,
    text: () => redis.get(prefix + sid),
    ttl: () => redis.pttl(prefix + sid),
  };
}

/** As express-session does it before it touches. */
const used = (session: Loaded) =>
  Object.assign(session, { cookie: { ...session.cookie, expires: new Date(Date.now() + HOUR).toISOString() } });

describe("a touch that moves nothing but the expiry", () => {
  it.each([
    ["", {}],
    [" with an index of users", { userId }],
    [
      " of a session that a serializer of the application's wrote",
      { serializer: { parse: JSON.parse, stringify: (session: object) => JSON.stringify(session) } },
    ],
  ])("moves the time to live, leaves the record, and is told to whoever loads the session%s", async (_, options) => {
    const { store, sid, load, text, ttl } = await stored(600_000, options);
    const before = await text();
    expect(await ttl()).toBeLessThanOrEqual(HOUR - 600_000);
    expect(await store.touch(sid, used(await load()))).toBe(true);
    expect(await text()).toBe(before);
    expect(await ttl()).toBeGreaterThan(HOUR - 60_000);
    for (const session of [await load(), (await store.all())[0] as unknown as Loaded]) {
      const told = new Date(session.cookie.expires).getTime() - Date.now();
      expect(Math.abs(told - (await ttl()))).toBeLessThan(5000);
      expect(session).toMatchObject({ user: "ada", cookie: { originalMaxAge: HOUR, path: "/" } });
    }
  });

  it("sends one command, and none of them writes the record", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const client = connect({ port: server.port });
    const store = new RedisStore({ client, prefix: "" });
    await store.set("a", { cookie: cookie(HOUR, 60_000) });
    const session = (await store.get("a")) as Loaded;
    expect(await commandsDuring(client, () => store.get("a"))).toEqual({ evalsha: 1, get: 1, pttl: 1 });
    expect(await commandsDuring(client, () => store.touch("a", used(session)))).toEqual({ getex: 1 });
  });

  it("says the stored expiry where nobody has touched, to the ms", async () => {
    const { store, sid } = await stored(0);
    const exact = cookie();
    await store.set(sid, { cookie: exact });
    expect(await store.get(sid)).toEqual({ cookie: exact });
  });

  it("leaves a session that has ended where it is, and says so", async () => {
    const { store, sid, load, ttl } = await stored(0);
    const session = await load();
    await store.destroy(sid);
    expect(await store.touch(sid, used(session))).toBe(false);
    expect(await ttl()).toBe(-2);
  });
});

describe("a touch writes the record", () => {
  it("where it would be a quarter of the session's life behind, because other stores know the record alone", async () => {
    const { store, sid, load, text } = await stored(HOUR / 4 + 1000);
    const session = used(await load());
    expect(await store.touch(sid, session)).toBe(true);
    expect(JSON.parse((await text()) ?? "")).toEqual({ cookie: session.cookie, user: "ada" });
  });

  it.each([
    ["anything else in the cookie has changed", { path: "/app" }],
    ["it has a property more", { secure: true }],
    ["it has a property less", { httpOnly: undefined }],
    ["the session lives for another time", { originalMaxAge: 2 * HOUR }],
    ["an object in it has changed", { data: { a: 1 } }],
    ["the expiry comes nearer", { expires: new Date(Date.now() + 60_000).toISOString() }],
  ])("where %s", async (_, change) => {
    const { store, sid, load, text } = await stored(0);
    const session = used(await load());
    Object.assign(session.cookie, change);
    expect(await store.touch(sid, session)).toBe(true);
    expect(JSON.parse((await text()) ?? "").cookie).toEqual(JSON.parse(JSON.stringify(session.cookie)));
  });

  it.each([
    ["", {}],
    [", also where it is asked for", { touchInterval: 1 }],
  ])("where a function says the time to live, which tells nothing of the cookie then%s", async (_, options) => {
    let seconds = 7000;
    const { store, sid, load, text, ttl } = await stored(60_000, { ttl: () => seconds, ...options });
    const session = used(await load());
    seconds = 7200;
    // Two hours to live do not tell the cookie that it expires in two hours.
    expect(await store.touch(sid, session)).toBe(true);
    expect(JSON.parse((await text()) ?? "").cookie).toEqual(session.cookie);
    expect(await ttl()).toBeGreaterThan(2 * HOUR - 60_000);
    expect((await load()).cookie.expires).toBe(session.cookie.expires);
  });
});

describe("the times of whoever has changed how long a session lives", () => {
  it.each([
    ["shorter", 60_000],
    ["longer", 10 * HOUR],
  ])("win over a touch that comes after: %s", async (_, ms) => {
    for (const options of [{}, { userId }]) {
      const { store, sid, load, text, ttl } = await stored(0, options);
      const touching = used(await load());
      await store.set(sid, { ...(await load()), cookie: cookie(ms) } as never);
      const changed = JSON.parse((await text()) ?? "").cookie;
      expect(await store.touch(sid, touching)).toBe(true);
      expect(JSON.parse((await text()) ?? "").cookie).toEqual(changed);
      expect(await ttl()).toBeLessThanOrEqual(ms);
      expect(await ttl()).toBeGreaterThan(ms / 2);
    }
  });

  it("win also over one that is sent again after a lost reply", async () => {
    const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
    afterFile(() => proxy.close());
    const client = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
    await Promise.all(Object.values(dropInScripts).map(({ source }) => client.script("LOAD", source)));
    const { store, sid, load, ttl, text } = await stored(0);
    const prefixed = new RedisStore({ client, prefix: store.prefix, timeout: 15_000 });
    const touching = used(await load(prefixed));
    const underWay = loseReply(
      proxy,
      // What the proxy looks for is a part of the command.
      { ...dropInScripts.touch, sha: "getex" },
      () => prefixed.touch(sid, touching),
      async () => void (await store.set(sid, Object.assign(await load(), { cookie: cookie(60_000) }))),
    );
    expect(await underWay).toBe(true);
    expect(JSON.parse((await text()) ?? "").cookie.originalMaxAge).toBe(60_000);
    expect(await ttl()).toBeLessThanOrEqual(60_000);
  });

  it("are not changed a second time by a touch that is sent again", async () => {
    const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
    afterFile(() => proxy.close());
    const client = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
    await Promise.all(Object.values(dropInScripts).map(({ source }) => client.script("LOAD", source)));
    const { store, sid, load, text } = await stored(0);
    const behind = new RedisStore({ client, prefix: store.prefix, timeout: 15_000 });
    const touching = await load(behind);
    touching.cookie = cookie(9_000_000);
    const underWay = loseReply(
      proxy,
      dropInScripts.touch,
      () => behind.touch(sid, touching),
      async () => void (await store.set(sid, Object.assign(await load(), { cookie: cookie(60_000) }))),
    );
    await expect(underWay).rejects.toMatchObject({
      name: "StoreUnavailableError",
      message: expect.stringContaining("may have been made"),
    });
    expect(JSON.parse((await text()) ?? "").cookie.originalMaxAge).toBe(60_000);
  });
});

describe("beside other stores", async () => {
  const subjects = await startSubjects();

  it("@fastify/session keeps a session that express-session has touched, though its record has expired", async () => {
    const { client, theirs } = subjects.predecessors("@fastify/session")[0] ?? expect.fail("There is no old store.");
    const store = new RedisStore({ client, prefix: theirs.prefix });
    const browser = (await startApp("@fastify/session", store, { maxAge: HOUR })).browser();
    const { body } = await browser.request("set=user:ada");
    const key = `${theirs.prefix}${body?.sid}`;
    const record = JSON.parse((await subjects.redis.get(key)) ?? "");
    record.cookie.expires = new Date(Date.now() - 1000).toISOString();
    await subjects.redis.set(key, JSON.stringify(record), "PX", HOUR / 2);
    expect((await browser.request()).body).toMatchObject({ sid: body?.sid, session: { user: "ada" } });
  });

  it("a session that ours has touched lives on under the old store after a rollback", async () => {
    const { client, theirs } = subjects.predecessors("express-session")[0] ?? expect.fail("There is no old store.");
    const store = new RedisStore({ client, prefix: theirs.prefix });
    const ours = await startApp("express-session", store, { maxAge: HOUR });
    const browser = ours.browser();
    const { body } = await browser.request("set=user:ada");
    const key = `${theirs.prefix}${body?.sid}`;
    // The record as it was written almost a quarter of its life ago.
    const record = JSON.parse((await subjects.redis.get(key)) ?? "");
    record.cookie.expires = new Date(Date.now() + HOUR - 800_000).toISOString();
    await subjects.redis.set(key, JSON.stringify(record), "PX", HOUR - 800_000);
    await browser.request();
    expect(JSON.parse((await subjects.redis.get(key)) ?? "")).toEqual(record);
    expect(await subjects.redis.pttl(key)).toBeGreaterThan(HOUR - 60_000);
    const old = await startApp("express-session", theirs.store(), { maxAge: HOUR });
    expect((await browser.copy(old).request()).body?.session).toMatchObject({ user: "ada" });
  });
});

describe("every client extends in one round trip", async () => {
  const cluster = await startCluster();
  afterFile(() => cluster.close());
  const clients = {
    "node-redis": createClient({ url: inject("redisUrl") }),
    "a Cluster of ioredis": new Cluster(cluster.startupNodes),
    "a Cluster of ioredis that reads from replicas": new Cluster(cluster.startupNodes, { scaleReads: "all" }),
  };
  beforeAll(async () => void (await clients["node-redis"].connect()));
  afterFile(() => {
    clients["node-redis"].destroy();
    clients["a Cluster of ioredis"].disconnect();
    clients["a Cluster of ioredis that reads from replicas"].disconnect();
  });

  it.each(Object.entries(clients) as [string, Client][])("%s", async (_, client) => {
    const store = new RedisStore({ client, prefix: uniquePrefix() });
    await store.set("a", { cookie: cookie(HOUR, 600_000) });
    expect(await store.touch("a", used((await store.get("a")) as Loaded))).toBe(true);
    const { expires } = ((await store.get("a")) as Loaded).cookie;
    expect(new Date(expires).getTime() - Date.now()).toBeGreaterThan(HOUR - 60_000);
  });
});
