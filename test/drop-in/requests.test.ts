/** What the stores do for single requests of the frameworks, beyond what the comparison shows. */
import { subscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createRequire } from "node:module";
import { describe, expect, inject, it } from "vitest";
import type { Generate } from "../../src/drop-in/express/objects.js";
import { type DiscardedWrite, RedisStore } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";
import { startProxy } from "../harness/tcp-proxy.js";
import { type Fields, FRAMEWORKS, startApp } from "./rig.js";

const redis = connect();

describe.each(FRAMEWORKS)("on %s", (framework) => {
  function newSubject(options: { userId?: (session: Fields) => string } = {}) {
    const prefix = uniquePrefix();
    const all = { client: redis, prefix, ...options };
    return { prefix, store: framework === "koa-session" ? new KoaRedisStore(all) : new RedisStore(all) };
  }

  it("tells operators of a write that it discards, without the session's id", async () => {
    const { store } = newSubject({ userId: (session) => String(session["user"]) });
    const published: unknown[] = [];
    subscribe("coatcheck:discarded", (write) => published.push(write));
    const app = await startApp(framework, store, { maxAge: 60_000 });
    const browser = app.browser();
    const sid = (await browser.request("set=user:ada")).body?.sid ?? "";
    const underWay = browser.copy().request("set=late:1&hold=1");
    await app.held(1);
    await browser.copy().request("end=logout");
    const discarded = once(store, "discarded");
    app.release();
    expect((await underWay).status).toBe(200);
    const [write] = (await discarded) as [DiscardedWrite];
    expect(write).toEqual({ operation: "set", id: `${sid.slice(0, 8)}…`, userId: "ada" });
    expect(published).toContainEqual(write);
  });

  it("lets a second save of a request stand on what others changed before the first", async () => {
    const { store } = newSubject();
    const app = await startApp(framework, store, { maxAge: 60_000 });
    const browser = app.browser();
    await browser.request("set=user:ada&set=old:1");
    const twice = browser.copy().request("hold=1&set=a:1&unset=old&end=save&between=1");
    await app.held(1);
    await browser.copy().request("set=b:1");
    app.release();
    await app.held(1);
    await browser.copy().request("set=c:1");
    app.release();
    await twice;
    const { body } = await browser.copy().request();
    expect(body?.session).toMatchObject({ user: "ada", a: "1", b: "1", c: "1", savedOnce: "yes" });
    expect(body?.session).not.toHaveProperty("old");
  });

  it("deletes a property for good, while others change other ones", async () => {
    const { store } = newSubject();
    const app = await startApp(framework, store, { maxAge: 60_000 });
    const browser = app.browser();
    await browser.request("set=user:ada&set=cart:full");
    const underWay = browser.copy().request("hold=1&unset=cart");
    await app.held(1);
    await browser.copy().request("set=page:2");
    app.release();
    await underWay;
    const { body } = await browser.copy().request();
    expect(body?.session).toMatchObject({ user: "ada", page: "2" });
    expect(body?.session).not.toHaveProperty("cart");
  });

  it("adds nothing to the session that the application sees", async () => {
    const { store } = newSubject();
    const seen: string[][] = [];
    const always = (session: Fields) => {
      const names: string[] = [];
      for (const name in session) if (typeof session[name] !== "function") names.push(name);
      seen.push([...new Set([...names, ...Object.keys(session)])].filter((name) => name !== "isNew"));
    };
    const browser = (await startApp(framework, store, { maxAge: 60_000, always })).browser();
    for (const query of ["set=user:ada", "set=page:2", ""]) await browser.request(query);
    const own = framework === "koa-session" ? ["_expire", "_requireSave"] : ["cookie"];
    expect(
      seen
        .at(-1)
        ?.filter((name) => !own.includes(name))
        .sort(),
    ).toEqual(["page", "user"]);
  });

  it("stores what the second of two saves has added to a new session", async () => {
    const { store } = newSubject();
    const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
    const { body } = await browser.request("set=a:1&end=save");
    expect((await browser.request()).body?.session).toMatchObject({ a: "1", savedOnce: "yes" });
    expect(body?.sid).not.toBe("");
  });
});

/** As far as the tests use it, a session object of express-session. */
interface Loaded {
  page?: number;
  save(done: (error: unknown) => void): void;
  destroy(done: (error: unknown) => void): void;
}

describe("on express-session", () => {
  const session = createRequire(import.meta.url)("express-session") as typeof import("express-session");
  const newStore = (options: object = {}, client = redis, own: object = {}) => {
    const store = new RedisStore({ client, prefix: uniquePrefix(), timeout: 15_000, ...own });
    const cookie = { maxAge: 60_000 };
    session({ store: store as never, secret: "secret", resave: false, saveUninitialized: false, cookie, ...options });
    return store;
  };
  const cookie = {
    originalMaxAge: 60_000,
    expires: new Date(Date.now() + 60_000).toISOString(),
    path: "/",
    httpOnly: true,
  };

  it.each([
    ["an expiry", cookie],
    ["no expiry", { originalMaxAge: null, expires: null, httpOnly: true, path: "/" }],
    [
      "attributes",
      {
        ...cookie,
        path: "/app",
        secure: true,
        sameSite: "strict",
        domain: "a.test",
        partitioned: true,
        priority: "high",
      },
    ],
    ["properties that nobody knows", { ...cookie, mine: 1, data: { path: "/evil" } }],
    ["nothing", {}],
  ])("makes the same objects as express-session's own store, from a cookie with %s", (_, stored) => {
    const record = () => JSON.parse(JSON.stringify({ cookie: stored, user: "ada", save: "shadowed" }));
    const ours = newStore().createSession({ sessionID: "a" }, record());
    const theirs = session.Store.prototype.createSession.call(
      {},
      { sessionID: "a" } as never,
      record(),
    ) as never as Fields;
    expect(ours).toBeInstanceOf(session.Session);
    expect(Object.getPrototypeOf(ours.cookie)).toBe(session.Cookie.prototype);
    expect(Object.getOwnPropertyNames(ours).sort()).toEqual(Object.getOwnPropertyNames(theirs).sort());
    expect(Object.entries(ours.cookie).sort()).toEqual(Object.entries(theirs["cookie"] as Fields).sort());
    const pinned = (one: Fields) => JSON.stringify({ ...one, cookie: (one["cookie"] as { data: unknown }).data });
    expect(pinned(ours)).toBe(pinned(theirs));
  });

  it("throws what that throws for a record without a cookie", () => {
    expect(() => newStore().createSession({ sessionID: "a" }, { user: "ada" })).toThrow(TypeError);
  });

  it("needs express-session to make them", () => {
    const store = new RedisStore({ client: redis });
    expect(() => store.createSession({ sessionID: "a" }, { cookie })).toThrow(
      "createSession is for express-session to call",
    );
  });

  it("learns the classes from the middleware without touching the request", () => {
    const store = newStore();
    let made = 0;
    const { generate } = store;
    store.generate = ((request) => {
      made++;
      generate(request);
    }) as Generate;
    const request = { sessionID: "a", headers: {} };
    const first = store.createSession(request, { cookie: { ...cookie } });
    expect(request).toEqual({ sessionID: "a", headers: {}, session: first });
    store.createSession(request, { cookie: { ...cookie } });
    expect(made).toBe(1);
  });

  it("loads a session outside of a request, which can be changed, saved, reloaded and ended", async () => {
    const store = newStore();
    await store.set("s", { cookie, user: "ada" });
    const loaded = await new Promise<Loaded>((resolve, reject) => {
      store.load("s", (error, found) => (error ? reject(error) : resolve(found)));
    });
    loaded.page = 2;
    await new Promise((resolve) => loaded.save(resolve));
    expect(await store.get("s")).toMatchObject({ user: "ada", page: 2 });
    await new Promise((resolve) => loaded.destroy(resolve));
    await new Promise((resolve) => loaded.save(resolve));
    expect(await store.get("s")).toBeNull();
    expect(await new Promise((resolve) => store.load("s", (error, found) => resolve([error, found])))).toEqual([
      null,
      undefined,
    ]);
  });

  it("takes a record that came through a cache for loaded, not for new", async () => {
    const store = newStore();
    await store.set("s", { cookie, user: "ada", page: 1 });
    const copy = JSON.parse(JSON.stringify(await store.get("s")));
    const cached = store.createSession({ sessionID: "s" }, copy);
    await store.set("s", Object.assign((await store.get("s")) ?? {}, { cart: "full" }));
    cached.page = 2;
    expect(await store.set("s", cached)).toBe(true);
    expect(await store.get("s")).toMatchObject({ user: "ada", page: 2, cart: "full" });
    await store.destroy("s");
    expect(await store.set("s", cached)).toBe(false);
    expect(await store.get("s")).toBeNull();
  });

  const generated = (store: RedisStore) => {
    const request: { session?: Fields; headers: object } = { headers: {} };
    store.generate(request);
    return request.session as Fields & { id: string };
  };

  it("does not bring a new session back by a second save, whose first has not been answered yet", async () => {
    const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
    afterFile(() => proxy.close());
    const client = connect({ port: proxy.port });
    await client.ping();
    const store = newStore({}, client);
    const fresh = generated(store);
    proxy.hold("down");
    const first = store.set(fresh.id, fresh);
    await proxy.seen(1, { direction: "down" });
    expect(await redis.del(store.prefix + fresh.id)).toBe(1);
    const second = store.set(fresh.id, Object.assign(fresh, { more: 1 }));
    proxy.release("down");
    expect(await Promise.all([first, second])).toEqual([true, false]);
    expect(await redis.exists(store.prefix + fresh.id)).toBe(0);
  });

  it.each([
    ["that enters an index before", { userId: (session: Fields) => session["user"] }, "known"],
    ["whose script Redis has to learn before", {}, "unknown"],
  ])("ends a new session whose first save is under way, one %s", async (_, options, script) => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const store = newStore({}, connect({ port: server.port }), options);
    if (script === "known") await store.set("other", { cookie, user: "ada" });
    await store.destroy("other");
    const fresh = generated(store);
    const saved = store.set(fresh.id, Object.assign(fresh, { user: "ada" }));
    expect(await store.destroy(fresh.id)).toBe(true);
    expect(await saved).toBe(true);
    expect(await store.get(fresh.id)).toBeNull();
    expect(await store.set(fresh.id, Object.assign(fresh, { more: 1 }))).toBe(false);
    expect(await store.ids()).toEqual([]);
  });

  it("stores what the second of two saves at once has left of a new session", async () => {
    const store = newStore();
    const fresh = generated(store);
    fresh["draft"] = 1;
    const first = store.set(fresh.id, fresh);
    delete fresh["draft"];
    fresh["done"] = 1;
    expect(await Promise.all([first, store.set(fresh.id, fresh)])).toEqual([true, true]);
    expect(Object.keys((await store.get(fresh.id)) ?? {}).sort()).toEqual(["cookie", "done"]);
  });

  it("stores what was loaded under another id, as new", async () => {
    const store = newStore();
    await store.set("a", { cookie, user: "ada" });
    const loaded = await store.get("a");
    expect(await store.set("b", loaded ?? {})).toBe(true);
    expect(await store.ids()).toEqual(expect.arrayContaining(["a", "b"]));
  });

  it("puts two new sessions under one id together, where an application gives the same twice", async () => {
    const store = newStore({ genid: () => "same" });
    const [a, b] = ["a", "b"].map((name) => {
      const request: { session?: object; headers: object } = { headers: {} };
      store.generate(request);
      return Object.assign(request.session ?? {}, { [name]: 1 });
    }) as [object, object];
    await Promise.all([store.set("same", a), store.set("same", b)]);
    expect(await store.get("same")).toMatchObject({ a: 1, b: 1 });
  });
});

describe("on @fastify/session", () => {
  it("refuses a store that express-session uses, for it could not tell loaded sessions from new ones", async () => {
    const store = new RedisStore({ client: redis, prefix: uniquePrefix() });
    await startApp("express-session", store);
    const browser = (await startApp("@fastify/session", store)).browser();
    expect((await browser.request("set=user:ada")).status).toBe(500);
    expect(await store.length()).toBe(0);
  });

  it("does not empty a session that could not be reloaded", async () => {
    let failures = 0;
    class Flaky extends RedisStore {
      // biome-ignore lint/suspicious/noExplicitAny: the overloads of the method it stands in for.
      override get(sid: string, callback?: any): any {
        if (failures-- > 0) process.nextTick(callback, new Error("no"));
        else super.get(sid, callback);
      }
    }
    const store = new Flaky({ client: redis, prefix: uniquePrefix() });
    const app = await startApp("@fastify/session", store, { maxAge: 60_000 });
    const browser = app.browser();
    await browser.request("set=user:ada");
    const underWay = browser.copy().request("hold=1&end=reload");
    await app.held(1);
    failures = 1;
    app.release();
    await underWay;
    failures = 0;
    expect((await browser.copy().request()).body?.session).toMatchObject({ user: "ada" });
  });
});

describe("on koa-session", () => {
  it('keeps a session with maxAge "session" for as long as ttl says', async () => {
    const prefix = uniquePrefix();
    const store = new KoaRedisStore({ client: redis, prefix, ttl: 100 });
    const app = await startApp("koa-session", store, { maxAge: "session" });
    const browser = app.browser();
    const { body } = await browser.request("set=user:ada");
    const key = `${prefix}${body?.sid}`;
    expect(JSON.parse((await redis.get(key)) ?? "")).toEqual({ user: "ada", _session: true });
    expect(await redis.pttl(key)).toBeGreaterThan(90_000);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(100_000);
    const both = ["a", "b"].map((name) => browser.copy().request(`set=${name}:1&hold=1`));
    await app.held(2);
    app.release();
    await Promise.all(both);
    expect(JSON.parse((await redis.get(key)) ?? "")).toEqual({ user: "ada", a: "1", b: "1", _session: true });
    await browser.copy().request("end=logout");
    expect(await redis.exists(key)).toBe(0);
  });

  it("lives as long as the times that win, where two requests differ", async () => {
    const prefix = uniquePrefix();
    const store = new KoaRedisStore({ client: redis, prefix });
    const [now, one, two] = [Date.now(), { ctx: {} }, { ctx: {} }];
    await store.set("k", { _expire: now + 5000, _maxAge: 5000 }, 15_000, { ctx: {} });
    await store.get("k", 5000, one);
    await store.get("k", 5000, two);
    await store.set("k", { _expire: now + 90_000, _maxAge: 90_000, a: 1 }, 100_000, one);
    await store.set("k", { _expire: now + 6000, _maxAge: 5000, b: 1 }, 16_000, two);
    expect(await store.get("k")).toEqual({ _expire: now + 90_000, _maxAge: 90_000, a: 1, b: 1 });
    expect(await redis.pttl(`${prefix}k`)).toBeGreaterThan(95_000);
  });

  it("ends a new session whose first save is under way", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const store = new KoaRedisStore({ client: connect({ port: server.port }), timeout: 15_000 });
    // This script Redis knows, and the one that stores a session not yet.
    await store.destroy("other");
    const call = { ctx: {} };
    const saved = store.set("a", { user: "ada" }, 60_000, call);
    await store.destroy("a", call);
    await saved;
    expect(await store.get("a")).toBeNull();
  });

  it("stores a new session under an id that the same request has ended", async () => {
    const store = new KoaRedisStore({ client: redis, prefix: uniquePrefix() });
    const call = { ctx: {} };
    await store.set("device-1", { user: "ada" }, 60_000, call);
    await store.destroy("device-1", call);
    await store.set("device-1", { user: "bob" }, 60_000, call);
    expect(await store.get("device-1")).toEqual({ user: "bob" });
  });
});
