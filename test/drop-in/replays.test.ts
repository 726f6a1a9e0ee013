/**
 * Scripts whose reply is lost with the connection. ioredis then sends them again, so Redis runs them twice, with anything in
 * between; node-redis does not. Either way nothing comes back.
 */
import { createClient } from "redis";
import { createClient as createClient5 } from "redis5";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { loseReply } from "../harness/lost-reply.js";
import { startProxy } from "../harness/tcp-proxy.js";
import { type Fields, FRAMEWORKS, type Framework, startApp } from "./rig.js";

const PORT = Number(new URL(inject("redisUrl")).port);
const redis = connect();
const { create, replace, remove, enlist, touch } = dropInScripts;
const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;
const cookie = (ms = 60_000) => ({ originalMaxAge: ms, expires: new Date(Date.now() + ms).toISOString(), path: "/" });

const proxy = await startProxy(PORT);
afterFile(() => proxy.close());
const proxied = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
// Only what was sent on an open connection can lose its reply; and no script is to be sent twice for being unknown.
beforeAll(async () => {
  await Promise.all(Object.values(dropInScripts).map(({ source }) => proxied.script("LOAD", source)));
});

/** A store behind the proxy, and one beside it, as another process has it. */
function newStores(framework: Framework, { indexed = true, timeout = 15_000, client = proxied as Client } = {}) {
  const prefix = uniquePrefix();
  const options = { prefix, timeout, ...(indexed ? { userId } : {}) };
  const newOne = (on: Client): RedisStore =>
    framework === "koa-session"
      ? (new KoaRedisStore({ ...options, client: on }) as never)
      : new RedisStore({ ...options, client: on });
  return { prefix, store: newOne(client), direct: newOne(redis) };
}

type Client = RedisStoreOptions["client"];

// The prefixes of the tests begin with a "c".
const indexOf = (prefix: string, user: string) => `users:${encodeURIComponent(prefix)}:${user}`;

/** The only session under a prefix. */
async function onlySession(prefix: string): Promise<string> {
  const keys = await redis.keys(`${prefix}*`);
  expect(keys).toHaveLength(1);
  return (keys[0] as string).slice(prefix.length);
}

describe.each(FRAMEWORKS)("the first save of a new session on %s", (framework) => {
  it.each([
    ["its user", true, async (direct: RedisStore) => expect(await direct.destroyAllForUser("ada")).toBe(1)],
    ["its id", false, async (direct: RedisStore, sid: string) => void (await direct.destroy(sid))],
  ])("does not bring it back that somebody has ended by %s before it runs again", async (_, indexed, end) => {
    const { prefix, store, direct } = newStores(framework, { indexed });
    const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
    const { status } = await loseReply(
      proxy,
      create,
      () => browser.request("set=user:ada&end=save"),
      async () => {
        await end(direct, await onlySession(prefix));
        expect(await redis.keys(`${prefix}*`)).toEqual([]);
      },
    );
    expect(status).toBe(503);
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
    if (indexed) {
      expect(await direct.listForUser("ada")).toEqual([]);
      expect(await redis.exists(indexOf(prefix, "ada"))).toBe(0);
    }
    // Whoever logs in again is let in.
    expect((await browser.request("set=user:ada&end=save")).status).toBe(200);
    expect((await browser.request()).body?.session["user"]).toBe("ada");
  });

  it("goes on with it where nobody has", async () => {
    const { prefix, store } = newStores(framework);
    const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
    const { status, body } = await loseReply(proxy, create, () => browser.request("set=user:ada&end=save"));
    expect(status).toBe(200);
    expect(await onlySession(prefix)).toBe(body?.sid);
    expect((await browser.request()).body?.session["user"]).toBe("ada");
  });

  it("ends it where nobody can tell, because the connection was lost before it was carried out", async () => {
    const { prefix, store } = newStores(framework);
    const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
    proxy.hold("up");
    const underWay = browser.request("set=user:ada&end=save");
    await proxy.seen(enlist.sha);
    proxy.release("up");
    proxy.hold("up");
    await proxy.seen(create.sha);
    proxy.reset();
    proxy.release("up");
    expect((await underWay).status).toBe(503);
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
    expect(await redis.exists(indexOf(prefix, "ada"))).toBe(0);
  });

  it("does not bring it back after its deadline either", async () => {
    const { prefix, store, direct } = newStores(framework, { timeout: 1000 });
    const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
    proxy.hold();
    proxy.release();
    const lost = proxy.dropNextReply(create.sha);
    const underWay = browser.request("set=user:ada&end=save");
    proxy.refuse();
    await lost;
    expect((await underWay).status).toBe(503);
    const sid = await onlySession(prefix);
    expect(await direct.destroyAllForUser("ada")).toBe(1);
    await proxy.accept();
    await proxy.seen(create.sha, { times: 2 });
    // It answers when all has run that ioredis had kept.
    await proxied.ping();
    expect(await redis.exists(prefix + sid)).toBe(0);
    expect(await direct.listForUser("ada")).toEqual([]);
  });
});

describe("a new session", () => {
  const newOne = (store: RedisStore) => {
    const request: { session?: Fields; headers: object } = { headers: {} };
    store.generate(request);
    return request.session as Fields & { id: string };
  };
  const started = async (options?: Parameters<typeof newStores>[1]) => {
    const stores = newStores("express-session", { indexed: false, ...options });
    await startApp("express-session", stores.store, { maxAge: 60_000 });
    return { ...stores, fresh: newOne(stores.store) };
  };

  it("is not made by the second save of a request whose first has failed", async () => {
    const { store, direct, fresh } = await started();
    const first = loseReply(
      proxy,
      create,
      () => store.set(fresh.id, fresh),
      async () => void (await direct.destroy(fresh.id)),
    );
    await expect(first).rejects.toMatchObject({ name: "StoreUnavailableError" });
    const second = store.set(fresh.id, Object.assign(fresh, { more: 1 }));
    await expect(second).rejects.toMatchObject({ name: "StoreUnavailableError" });
    expect(await store.touch(fresh.id, fresh)).toBe(false);
    expect(await direct.get(fresh.id)).toBeNull();
  });

  it("is not made where it was lost twice, and ended after its first run", async () => {
    const { store, direct, prefix, fresh } = await started();
    proxy.hold();
    proxy.release();
    const lost = proxy.dropNextReply(create.sha);
    const saving = expect(store.set(fresh.id, fresh)).rejects.toMatchObject({ name: "StoreUnavailableError" });
    proxy.refuse();
    await lost;
    await direct.destroy(fresh.id);
    // The second run makes it anew, the third finds that.
    const lostAgain = proxy.dropNextReply(create.sha);
    await proxy.accept();
    await lostAgain;
    await saving;
    await proxy.seen(create.sha, { times: 3 });
    expect(await redis.exists(prefix + fresh.id)).toBe(0);
  });

  it("is stored in the end where its save waited for a connection that took several attempts", async () => {
    const { store, direct, fresh } = await started();
    const closed = () => new Promise((resolve) => proxied.once("close", resolve));
    proxy.refuse();
    const lost = closed();
    proxy.reset();
    await lost;
    const saving = store.set(fresh.id, fresh);
    for (let attempts = 0; attempts < 3; attempts++) await closed();
    await proxy.accept();
    expect(await saving).toBe(true);
    expect(await direct.get(fresh.id)).not.toBeNull();
  });
});

describe.each([
  ["node-redis 6", createClient],
  ["node-redis 5", createClient5 as unknown as typeof createClient],
])("on %s, which sends nothing again, so that the store does", (_, newClient) => {
  it("fails the save of a new session whose reply is lost, and ends it", async () => {
    const client = newClient({ url: proxy.url, socket: { reconnectStrategy: 5 } });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const { prefix, store, direct } = newStores("express-session", { client });
    const browser = (await startApp("express-session", store, { maxAge: 60_000 })).browser();
    proxy.hold();
    proxy.release();
    const lost = proxy.dropNextReply(create.sha);
    const underWay = browser.request("set=user:ada&end=save");
    proxy.refuse();
    await lost;
    expect(await direct.destroyAllForUser("ada")).toBe(1);
    await proxy.accept();
    expect((await underWay).status).toBe(503);
    await proxy.seen(create.sha, { times: 2 });
    expect(await redis.keys(`${prefix}*`)).toEqual([]);
  });
});

describe("any other script that runs twice", () => {
  const { prefix, store, direct } = newStores("express-session");

  it("has stored a new session once", async () => {
    const session = { cookie: cookie(), user: "ada" };
    expect(await loseReply(proxy, create, () => store.set("c", session))).toBe(true);
    expect(await direct.get("c")).toEqual(session);
  });

  it("has replaced a session, and takes that for its own work", async () => {
    await direct.set("r", { cookie: cookie(), user: "ada" });
    const loaded = Object.assign((await store.get("r")) ?? {}, { x: 1 });
    expect(await loseReply(proxy, replace, () => store.set("r", loaded))).toBe(true);
    expect(await direct.get("r")).toEqual(loaded);
  });

  it("needs no third run to see that: it finds its own record, and is done", async () => {
    const key = `${prefix}own`;
    expect(await redis.eval(create.source, 1, key, "new", 60_000, "1#")).toEqual(["1#ok"]);
    expect(await redis.eval(create.source, 1, key, "new", 60_000, "1#")).toEqual(["1#again"]);
    expect(await redis.eval(create.source, 1, key, "other", 60_000, "1#")).toEqual(["1#conflict", "new"]);
    expect(await redis.eval(replace.source, 1, key, "new", "newer", 60_000, "1#")).toEqual(["1#ok"]);
    expect(await redis.eval(replace.source, 1, key, "new", "newer", 60_000, "1#")).toEqual(["1#ok"]);
    expect(await redis.eval(replace.source, 1, key, "new", "newest", 60_000, "1#")).toEqual(["1#conflict", "newer"]);
    for (let runs = 0; runs < 2; runs++) {
      expect(await redis.eval(touch.source, 1, key, "ne", 60_000, "ol", "1#")).toBe("1#ok");
    }
    expect(await redis.get(key)).toBe("olwer");
    expect(await redis.eval(touch.source, 1, key, "ne", 60_000, "no", "1#")).toEqual(["1#conflict", "olwer"]);
    expect(await redis.eval(touch.source, 1, key, "ne", 60_000, "", "1#")).toEqual(["1#conflict", "olwer"]);
    expect(await redis.eval(touch.source, 1, key, "olw", 60_000, "", "1#")).toBe("1#ok");
    expect(await redis.eval(touch.source, 1, `${key} gone`, "ne", 60_000, "no", "1#")).toBe("1#none");
  });

  it("has touched a session", async () => {
    const plain = newStores("express-session", { indexed: false });
    await plain.direct.set("t", { cookie: cookie(), user: "ada" });
    const loaded = (await plain.store.get("t")) ?? {};
    const later = { ...loaded, cookie: cookie(90_000) };
    expect(await loseReply(proxy, touch, () => plain.store.touch("t", Object.assign(loaded, later)))).toBe(true);
    expect(await plain.direct.get("t")).toEqual(later);
  });

  it("has enlisted it", async () => {
    await loseReply(proxy, enlist, () => store.set("e", { cookie: cookie(), user: "eve" }));
    expect(await direct.listForUser("eve")).toMatchObject([{ id: "e" }]);
  });

  it("does not bring back what was destroyed between the two", async () => {
    await direct.set("d", { cookie: cookie(), user: "dan" });
    const loaded = Object.assign((await store.get("d")) ?? {}, { x: 1 });
    const saving = () => store.set("d", loaded);
    expect(await loseReply(proxy, replace, saving, async () => void (await direct.destroy("d")))).toBe(false);
    expect(await direct.get("d")).toBeNull();
    expect(await direct.listForUser("dan")).toEqual([]);
  });

  it("has ended a session, and says so", async () => {
    await direct.set("x", { cookie: cookie(), user: "ada" });
    expect(await loseReply(proxy, remove, () => store.destroy("x"))).toBe(true);
    expect(await direct.get("x")).toBeNull();
  });
});
