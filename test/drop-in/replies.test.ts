/**
 * Replies that no command of a drop-in store gives: an error, and never "no session" or "done". The easiest way to them is a
 * client that gives replies other types than text, which must not reach the store.
 */
import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from "redis";
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { inReplyTo } from "../fixtures/in-reply-to.js";
import { rubbish } from "../fixtures/rubbish.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startSentinel } from "../harness/redis-sentinel.js";

const redis = connect();
redis.setMaxListeners(0);
const url = inject("redisUrl");
const [cluster, sentinel] = await Promise.all([startCluster(), startSentinel()]);
afterFile(() => cluster.close());
afterFile(() => sentinel.close());

const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;
const cookie = (ms = 60_000) => ({ originalMaxAge: ms, expires: new Date(Date.now() + ms).toISOString(), path: "/" });
type Client = RedisStoreOptions["client"];

describe("a client of node-redis that maps types", () => {
  const commandOptions = {
    typeMapping: {
      [RESP_TYPES.BLOB_STRING]: Buffer,
      [RESP_TYPES.SIMPLE_STRING]: Buffer,
      [RESP_TYPES.NUMBER]: String,
      [RESP_TYPES.DOUBLE]: String,
    },
  };
  const rootNodes = cluster.urls.map((one) => ({ url: one }));
  const { name, sentinels } = sentinel.client;
  const made = ([2, 3] as const).flatMap((RESP) => {
    const all = { RESP, commandOptions };
    const watched = { name, sentinelRootNodes: sentinels, ...all };
    const reading = { ...watched, replicaPoolSize: 1 };
    return [
      [`client 6, RESP${RESP}`, createClient({ url, ...all })],
      [`client 5, RESP${RESP}`, createClient5({ url, ...all } as never)],
      [`pool 6, RESP${RESP}`, createClientPool({ url, ...all })],
      [`pool 5, RESP${RESP}`, createClientPool5({ url, ...all } as never)],
      [`cluster 6, RESP${RESP}`, createCluster({ rootNodes, defaults: all as object, ...all })],
      [`cluster 5, RESP${RESP}`, createCluster5({ rootNodes, defaults: all, ...all } as never)],
      [`sentinel 6, RESP${RESP}`, createSentinel({ nodeClientOptions: all as object, ...watched })],
      [`sentinel 5, RESP${RESP}`, createSentinel5({ nodeClientOptions: all as object, ...watched } as never)],
      [
        `sentinel 6 that reads from replicas, RESP${RESP}`,
        createSentinel({ nodeClientOptions: all as object, ...reading }),
      ],
    ] as const;
  });
  const clients = made.map(([what, client]) => [what, client as unknown as Client & Connected] as const);
  interface Connected {
    on(event: "error", listener: () => void): unknown;
    connect(): Promise<unknown>;
    destroy(): unknown;
  }

  beforeAll(async () => {
    for (const [, client] of clients) {
      client.on("error", () => {});
      await client.connect();
    }
  }, 60_000);
  afterFile(() => Promise.all(clients.map(([, client]) => client.destroy())));

  it.each(clients)("is asked for text alone: %s", async (_, client) => {
    const prefix = uniquePrefix();
    const plain = new RedisStore({ client, prefix });
    await plain.set("a", { cookie: cookie() });
    const [mine, other] = [(await plain.get("a")) ?? {}, (await plain.get("a")) ?? {}];
    expect(await plain.set("a", Object.assign(other, { b: 1 }))).toBe(true);
    expect(await plain.set("a", Object.assign(mine, { a: 1 }))).toBe(true);
    expect(await plain.get("a")).toMatchObject({ a: 1, b: 1 });
    expect(await plain.touch("a", (await plain.get("a")) ?? {})).toBe(true);
    expect(await plain.touch("a", Object.assign((await plain.get("a")) ?? {}, { cookie: cookie(90_000) }))).toBe(true);
    expect(await plain.ids()).toEqual(["a"]);
    expect(await plain.all()).toMatchObject([{ id: "a", a: 1, b: 1 }]);
    expect(await plain.destroy("a")).toBe(true);
    expect(await plain.destroy("a")).toBe(false);

    const users = new RedisStore({ client, prefix: uniquePrefix(), userId });
    await Promise.all(["a", "b", "c"].map((sid) => users.set(sid, { cookie: cookie(), user: "ada" })));
    expect((await users.listForUser("ada")).map(({ id }) => id).sort()).toEqual(["a", "b", "c"]);
    expect(await users.updateForUser("ada", { role: "admin" })).toBe(3);
    expect(await users.destroyAllForUser("ada", { except: "b" })).toBe(2);
    await users.clear();
    expect(await users.length()).toBe(0);

    const koa = new KoaRedisStore({ client, prefix: uniquePrefix() });
    await koa.set("k", { user: "ada" }, 60_000, { ctx: {} });
    expect(await koa.get("k")).toEqual({ user: "ada" });
  });

  it("is left as it is", async () => {
    const [[, client] = expect.fail("There is no client.")] = clients;
    await redis.set(uniquePrefix(), "x");
    expect(await client.get(uniquePrefix())).toBeNull();
    const key = uniquePrefix();
    await redis.set(key, "x");
    expect(await client.get(key)).toEqual(Buffer.from("x"));
  });
});

/** What the store is told that are the replies of some commands, while others are the server's. */
function answering(commands: readonly string[], reply: unknown, scripts: readonly string[] = []): Client {
  const shas = scripts.map((name) => dropInScripts[name as keyof typeof dropInScripts].sha);
  const own = Object.fromEntries(
    commands.map((name) => [
      name,
      (...args: unknown[]) =>
        shas.length > 0 && !shas.includes(String(args[0]))
          ? (redis as unknown as Record<string, (...all: unknown[]) => unknown>)[name]?.(...args)
          : Promise.resolve(shas.length > 0 ? inReplyTo(args, reply) : reply),
    ]),
  );
  return passThrough(redis, own) as unknown as Client;
}

// An empty text is no session, as with connect-redis; and no value is none.
const notNone = rubbish.filter(([, reply]) => reply !== null && reply !== "");

describe.each(rubbish)("%s", (_, reply) => {
  const prefix = uniquePrefix();
  const direct = new RedisStore({ client: redis, prefix, userId });
  const fresh = async (sid: string) => void (await direct.set(sid, { cookie: cookie(), user: "ada" }));
  const storeOn = (client: Client, more: object = {}) => new RedisStore({ client, prefix, ...more });
  const unknown = { name: "StoreUnavailableError", status: 503 };

  it("is an error as the reply of any script", async () => {
    await fresh("a");
    const scripted = (...names: string[]) => answering(["evalsha", "eval"], reply, names);
    const store = storeOn(scripted("read"));
    await expect(store.get("a")).rejects.toMatchObject(unknown);
    await expect(
      new Promise((resolve, reject) => store.get("a", (error) => (error ? reject(error) : resolve(0)))),
    ).rejects.toMatchObject(unknown);
    await expect(store.all()).rejects.toMatchObject(unknown);
    await expect(storeOn(scripted("create")).set("new", { cookie: cookie() })).rejects.toMatchObject(unknown);
    await expect(storeOn(scripted("remove")).destroy("a")).rejects.toMatchObject(unknown);
    const replacing = storeOn(scripted("replace"));
    await expect(replacing.set("a", Object.assign((await replacing.get("a")) ?? {}, { x: 1 }))).rejects.toMatchObject(
      unknown,
    );
    const touching = storeOn(scripted("touch"));
    const moved = Object.assign((await touching.get("a")) ?? {}, { cookie: cookie(90_000) });
    await expect(touching.touch("a", moved)).rejects.toMatchObject(unknown);
    const users = (...names: string[]) => storeOn(scripted(...names), { userId });
    await expect(users("enlist").set("b", { cookie: cookie(), user: "ada" })).rejects.toMatchObject(unknown);
    await expect(users("members").listForUser("ada")).rejects.toMatchObject(unknown);
    await expect(users("read").listForUser("ada")).rejects.toMatchObject(unknown);
    await expect(users("remove").destroyAllForUser("ada")).rejects.toMatchObject(unknown);
    await expect(users("replace").updateForUser("ada", { x: 2 })).rejects.toMatchObject(unknown);
    // Whatever it said, nothing but what was asked for has changed.
    expect(await direct.get("a")).toMatchObject({ user: "ada" });
  });

  it("is an error as a page of SCAN", async () => {
    const store = storeOn(answering(["scan"], reply));
    const calls = [store.ids(), store.length(), store.all(), store.clear()];
    await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject(unknown)));
  });
});

it.each(notNone)("%s is an error as the reply to a plain read, and to one that also extends", async (_, reply) => {
  const prefix = uniquePrefix();
  await new RedisStore({ client: redis, prefix }).set("a", { cookie: cookie() });
  const reading = new RedisStore({ client: answering(["get"], reply), prefix, disableTouch: true });
  await expect(reading.get("a")).rejects.toThrow();
  const koa = new KoaRedisStore({ client: answering(["get"], reply), prefix });
  await expect(koa.get("a")).rejects.toThrow();
  const extending = new RedisStore({ client: answering(["getex"], reply), prefix });
  await expect(extending.touch("a", (await extending.get("a")) ?? {})).rejects.toThrow();
});

it("a transaction that is open on the client is an error of every call, which tells of it", async () => {
  const client = connect();
  await client.ping();
  const store = new RedisStore({ client, prefix: uniquePrefix(), userId });
  await store.set("a", { cookie: cookie(), user: "ada" });
  const loaded = (await store.get("a")) ?? {};
  client.multi({ pipeline: false });
  const calls = [
    store.get("a"),
    store.touch("a", loaded),
    store.set("b", { cookie: cookie(), user: "ada" }),
    store.destroy("a"),
    store.ids(),
    store.listForUser("ada"),
    new RedisStore({ client, disableTouch: true }).get("a"),
  ];
  await Promise.all(calls.map((call) => expect(call).rejects.toThrow("a transaction (MULTI) is open on the client")));
  await client.discard();
  expect(await store.get("a")).toMatchObject({ user: "ada" });
});
