/**
 * The index of a user's sessions: it names every live session at every moment, however requests, log-ins and the calls of
 * an administrator fall between one another. The moments are forced, by holding replies of Redis back.
 */
import { Cluster } from "ioredis";
import { describe, expect, inject, it } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { Dice } from "../harness/dice.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { startCluster } from "../harness/redis-cluster.js";
import { startProxy, type TcpProxy } from "../harness/tcp-proxy.js";
import { FRAMEWORKS, type Framework, startApp } from "./rig.js";

const redis = connect();
const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;

const cookie = (ms = 60_000) => ({ originalMaxAge: ms, expires: new Date(Date.now() + ms).toISOString(), path: "/" });
const newStore = (prefix = uniquePrefix(), client: RedisStoreOptions["client"] = redis) =>
  new RedisStore({ client, prefix, userId });
// The prefixes of the tests begin with a "c".
const indexOf = (prefix: string, user: string) => `users:${encodeURIComponent(prefix)}:${user}`;
const idsOf = async (store: RedisStore, user: string) => (await store.listForUser(user)).map(({ id }) => id).sort();

/** A store on a connection whose replies a test can hold back. */
async function heldStore(prefix: string) {
  const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
  afterFile(() => proxy.close());
  const client = connect({ port: proxy.port });
  await Promise.all(Object.values(dropInScripts).map(({ source }) => client.script("LOAD", source)));
  return { proxy, store: new RedisStore({ client, prefix, userId, timeout: 15_000 }) };
}

/** Holds the next reply. */
async function nextReply(proxy: TcpProxy): Promise<void> {
  proxy.release("down");
  proxy.hold("down");
  await proxy.seen(1, { direction: "down", timeout: 15_000 });
}

describe.each(FRAMEWORKS)("on %s", (framework: Framework) => {
  const prefix = uniquePrefix();
  const options = { client: redis, prefix, userId };
  const newOne = () => (framework === "koa-session" ? new KoaRedisStore(options) : new RedisStore(options));

  it("names all of ten sessions that log in at once, and ends and changes them all", async () => {
    const store = newOne();
    const app = await startApp(framework, store, { maxAge: 60_000 });
    const browsers = Array.from({ length: 10 }, () => app.browser());
    const logIns = browsers.map((browser) => browser.request("set=user:ten&hold=1"));
    await app.held(10);
    app.release();
    await Promise.all(logIns);
    expect(await store.listForUser("ten")).toHaveLength(10);

    // A request under way must not undo what an administrator changes.
    const [first, ...others] = browsers;
    const underWay = first?.copy().request("set=page:2&hold=1");
    await app.held(1);
    expect(await store.updateForUser("ten", { role: "admin" })).toBe(10);
    app.release();
    await underWay;
    for (const browser of browsers) expect((await browser.request()).body?.session["role"]).toBe("admin");
    expect((await first?.request())?.body?.session["page"]).toBe("2");

    const late = others.map((browser) => browser.copy().request("set=late:1&hold=1"));
    await app.held(9);
    const kept = (await first?.request())?.body?.sid ?? "";
    expect(await store.destroyAllForUser("ten", { except: kept })).toBe(9);
    app.release();
    await Promise.all(late);
    expect((await store.listForUser("ten")).map(({ id }) => id)).toEqual([kept]);
    expect(await redis.zrange(indexOf(prefix, "ten"), 0, -1)).toEqual([kept]);
  });

  it("follows a session from a guest to one user, to another, and to its end", async () => {
    const store = newOne();
    const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
    const { body } = await browser.request("set=cart:full");
    const count = async () => [(await store.listForUser("ann")).length, (await store.listForUser("bea")).length];
    expect(await count()).toEqual([0, 0]);
    await browser.request("set=user:ann");
    expect(await count()).toEqual([1, 0]);
    expect(await store.listForUser("ann")).toMatchObject([{ id: body?.sid, cart: "full" }]);
    await browser.request("set=user:bea");
    expect(await count()).toEqual([0, 1]);
    // Ann's index may still name it, but it is not hers.
    expect(await store.destroyAllForUser("ann")).toBe(0);
    expect(await store.updateForUser("ann", { role: "admin" })).toBe(0);
    await browser.request("unset=user");
    expect(await count()).toEqual([0, 0]);
    await browser.request("set=user:bea");
    await browser.request("end=logout");
    expect(await count()).toEqual([0, 0]);
    expect(await redis.exists(indexOf(prefix, "bea"))).toBe(0);
  });
});

describe("between the two steps of a save", () => {
  it.each(["listed", "ended", "changed"])("keeps a new session in the index while the user's are %s", async (what) => {
    const prefix = uniquePrefix();
    const [direct, held] = [newStore(prefix), await heldStore(prefix)];
    held.proxy.hold("down");
    const saving = held.store.set("new", { cookie: cookie(), user: "ada" });
    await held.proxy.seen(1, { direction: "down" });
    expect(await redis.zrange(indexOf(prefix, "ada"), 0, -1)).toEqual(["new"]);
    expect(await direct.get("new")).toBeNull();
    if (what === "listed") expect(await direct.listForUser("ada")).toEqual([]);
    if (what === "ended") expect(await direct.destroyAllForUser("ada")).toBe(0);
    if (what === "changed") expect(await direct.updateForUser("ada", { role: "admin" })).toBe(0);
    held.proxy.release("down");
    expect(await saving).toBe(true);
    expect(await idsOf(direct, "ada")).toEqual(["new"]);
  });

  it("keeps a session in the index that logs in again while its log-out is under way", async () => {
    const prefix = uniquePrefix();
    const [direct, held] = [newStore(prefix), await heldStore(prefix)];
    await direct.set("s", { cookie: cookie(), user: "ada" });
    const leaving = await held.store.get("s");
    held.proxy.hold("down");
    const logOut = held.store.set("s", { ...leaving, user: undefined } as never);
    await held.proxy.seen(1, { direction: "down" });
    const back = await direct.get("s");
    await direct.set("s", { ...back, user: "ada" });
    held.proxy.release("down");
    await logOut;
    await direct.set("s", { ...(await direct.get("s")), user: "ada" });
    expect(await idsOf(direct, "ada")).toEqual(["s"]);
  });

  it("takes a session out of the index again that ended before it could be stored", async () => {
    const prefix = uniquePrefix();
    const [direct, held] = [newStore(prefix), await heldStore(prefix)];
    await direct.set("s", { cookie: cookie(), user: "ada" });
    const loaded = await held.store.get("s");
    held.proxy.hold("down");
    const saving = held.store.set("s", Object.assign(loaded ?? {}, { late: 1 }));
    await held.proxy.seen(1, { direction: "down" });
    expect(await direct.destroyAllForUser("ada")).toBe(1);
    held.proxy.release("down");
    expect(await saving).toBe(false);
    expect(await direct.get("s")).toBeNull();
    expect(await redis.exists(indexOf(prefix, "ada"))).toBe(0);
  });
});

describe("a touch", () => {
  it("keeps a session in the index of the user who has logged in with it meanwhile, for as long as it lives", async () => {
    const prefix = uniquePrefix();
    const store = newStore(prefix);
    await store.set("s", { cookie: cookie(10_000), user: "ada" });
    const underWay = await store.get("s");
    await store.set("s", Object.assign((await store.get("s")) ?? {}, { user: "bob" }));
    // The same cookie, moved by more than an index grants: nothing but the user tells the two versions apart.
    expect(await store.touch("s", Object.assign(underWay ?? {}, { cookie: cookie(99_000) }))).toBe(true);
    expect(await idsOf(store, "bob")).toEqual(["s"]);
    const enlistedUntil = Number(await redis.zscore(indexOf(prefix, "bob"), "s"));
    expect(enlistedUntil).toBeGreaterThanOrEqual(await redis.pexpiretime(`${prefix}s`));
  });
});

describe("between two steps of a call for all sessions", () => {
  it("spares a session that has become another user's", async () => {
    const prefix = uniquePrefix();
    const [direct, held] = [newStore(prefix), await heldStore(prefix)];
    await direct.set("s", { cookie: cookie(), user: "ada" });
    held.proxy.hold("down");
    const ending = held.store.destroyAllForUser("ada");
    await held.proxy.seen(1, { direction: "down" });
    // The members are here; what comes next is the session itself.
    await nextReply(held.proxy);
    await direct.set("s", Object.assign((await direct.get("s")) ?? {}, { user: "bob" }));
    held.proxy.release("down");
    expect(await ending).toBe(0);
    expect(await direct.get("s")).toMatchObject({ user: "bob" });
    expect(await idsOf(direct, "bob")).toEqual(["s"]);
  });

  it("ends a session that is changed all the same", async () => {
    const prefix = uniquePrefix();
    const [direct, held] = [newStore(prefix), await heldStore(prefix)];
    await direct.set("s", { cookie: cookie(), user: "ada" });
    held.proxy.hold("down");
    const ending = held.store.destroyAllForUser("ada");
    await held.proxy.seen(1, { direction: "down" });
    await nextReply(held.proxy);
    await direct.set("s", Object.assign((await direct.get("s")) ?? {}, { page: 2 }));
    held.proxy.release("down");
    expect(await ending).toBe(1);
    expect(await direct.get("s")).toBeNull();
  });

  it("changes a session that is changed at the same time, and neither change is lost", async () => {
    const prefix = uniquePrefix();
    const [direct, held] = [newStore(prefix), await heldStore(prefix)];
    await direct.set("s", { cookie: cookie(), user: "ada", old: 1 });
    held.proxy.hold("down");
    const changing = held.store.updateForUser("ada", { role: "admin", old: undefined });
    await held.proxy.seen(1, { direction: "down" });
    await nextReply(held.proxy);
    const before = await redis.pexpiretime(`${prefix}s`);
    await direct.set("s", Object.assign((await direct.get("s")) ?? {}, { page: 2 }));
    held.proxy.release("down");
    expect(await changing).toBe(1);
    const session = await direct.get("s");
    expect(session).toMatchObject({ user: "ada", role: "admin", page: 2 });
    expect(session).not.toHaveProperty("old");
    // It lives as long as before.
    expect(Math.abs((await redis.pexpiretime(`${prefix}s`)) - before)).toBeLessThan(15_000);
  });

  it("puts a session into the index of the user whom a change hands it to", async () => {
    const prefix = uniquePrefix();
    const store = newStore(prefix);
    await store.set("s", { cookie: cookie(), user: "ada" });
    expect(await store.updateForUser("ada", { user: "eve" })).toBe(1);
    expect(await idsOf(store, "eve")).toEqual(["s"]);
    expect(await redis.pexpiretime(indexOf(prefix, "eve"))).toBeGreaterThanOrEqual(
      await redis.pexpiretime(`${prefix}s`),
    );
  });
});

describe("what the index names for nothing", () => {
  /** A member as a save has left it that is so many seconds old. */
  async function member(prefix: string, sid: string, age: number) {
    const second = Number((await redis.time())[0]) - age;
    const score = Date.now() + 60_000 + (((second % 4096) + 4096) % 4096) / 4096;
    // JavaScript prints no more digits than tell a number from its neighbours.
    await redis.zadd(indexOf(prefix, "ada"), Math.floor(score) + (score % 1), sid);
    await redis.pexpire(indexOf(prefix, "ada"), 60_000);
  }

  it("goes when somebody looks, but only after a minute, in which it may be about to be stored", async () => {
    const prefix = uniquePrefix();
    await member(prefix, "young", 30);
    await member(prefix, "old", 61);
    await member(prefix, "older", 2000);
    // As after a failover to a server whose clock is behind.
    await member(prefix, "future", -30);
    await newStore(prefix).listForUser("ada");
    expect((await redis.zrange(indexOf(prefix, "ada"), 0, -1)).sort()).toEqual(["future", "young"]);
  });

  it("goes when it has expired, with the next session that comes in", async () => {
    const prefix = uniquePrefix();
    const store = newStore(prefix);
    await store.set("a", { cookie: cookie(), user: "ada" });
    await redis.zadd(indexOf(prefix, "ada"), Date.now() - 1000, "expired");
    await store.set("b", { cookie: cookie(), user: "ada" });
    expect((await redis.zrange(indexOf(prefix, "ada"), 0, -1)).sort()).toEqual(["a", "b"]);
  });

  it("goes with the last session, at the latest", async () => {
    const prefix = uniquePrefix();
    const store = newStore(prefix);
    await store.set("short", { cookie: cookie(30_000), user: "ada" });
    await store.set("long", { cookie: cookie(90_000), user: "ada" });
    const ends = await redis.pexpiretime(indexOf(prefix, "ada"));
    const last = await redis.pexpiretime(`${prefix}long`);
    expect(ends).toBeGreaterThanOrEqual(last);
    expect(ends).toBeLessThan(last + 70_000);
    // Of two saves, the one with the shorter life may be enlisted last and stored first.
    await store.set("long", { cookie: cookie(10_000), user: "ada" });
    expect(await redis.pexpiretime(indexOf(prefix, "ada"))).toBe(ends);
  });

  it("is no session of anybody's with an odd name", async () => {
    const store = newStore();
    for (const user of ["a:b", "{x}", "a\nb", "\ud800", "👩‍🚀", "constructor"]) {
      await store.set(`s-${user.length}-${user}`, { cookie: cookie(), user });
      expect(await store.listForUser(user)).toHaveLength(1);
    }
    expect(await store.length()).toBe(6);
  });

  it("is no session, also where sessions have no prefix", async () => {
    const store = new RedisStore({ client: redis, prefix: "", userId });
    const sid = uniquePrefix();
    await store.set(sid, { cookie: cookie(), user: sid });
    const ids = await store.ids();
    expect(ids).toContain(sid);
    expect(ids.filter((id) => id.startsWith("coatcheck:users:"))).toEqual([]);
    expect(await store.destroyAllForUser(sid)).toBe(1);
  });

  it("never meets a session id, whatever the prefix", async () => {
    for (const prefix of ["c", "coatcheck:users:", "users:", ""]) {
      const store = new KoaRedisStore({ client: redis, prefix, userId });
      const sid = `coatcheck:users:${encodeURIComponent(prefix)}:meet`;
      await store.set(`${uniquePrefix()}x`, { user: "meet" }, 60_000, { ctx: {} });
      const saving = store.set(sid, { user: "nobody" }, 60_000, { ctx: {} });
      if (prefix === "") await expect(saving).rejects.toThrow(RangeError);
      else await saving;
      expect(await store.listForUser("meet")).toHaveLength(1);
      await store.destroyAllForUser("meet");
      await store.destroyAllForUser("nobody");
    }
  });
});

describe("many at once", () => {
  const USERS = ["ada", "bob"];

  /** Rounds of requests that get in each other's way; after each, every live session must be in its user's index. */
  async function storm(stores: RedisStore[], rounds: number): Promise<number> {
    const dice = new Dice(20260801);
    const random = (bound: number) => dice.below(bound);
    const store = () => dice.pick(stores);
    const user = () => dice.pick(USERS);
    // Twelve that are in use, and no id is used twice.
    const sids = Array.from({ length: 12 }, (_, at) => `s${at}`);
    const sid = () => dice.pick(sids);
    let made = sids.length;
    const newSid = () => {
      sids[random(sids.length)] = `s${made}`;
      return `s${made++}`;
    };
    const actions = [
      async () => void (await store().set(newSid(), { cookie: cookie(60_000 + random(60_000)), user: user() })),
      async () => {
        const [by, id] = [store(), sid()];
        const session = await by.get(id);
        if (session)
          await by.set(id, Object.assign(session, { user: random(4) ? user() : undefined, [`p${random(5)}`]: 1 }));
      },
      async () => {
        const [by, id] = [store(), sid()];
        const session = await by.get(id);
        if (session) await by.touch(id, Object.assign(session, { cookie: cookie(60_000 + random(60_000)) }));
      },
      async () => void (await store().destroy(sid())),
      async () => void (await store().listForUser(user())),
      async () => void (random(3) === 0 && (await store().destroyAllForUser(user()))),
      async () => void (await store().updateForUser(user(), { role: random(100) })),
    ];
    let compared = 0;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(Array.from({ length: 16 }, () => actions[random(actions.length)]?.()));
      const all = await store().all();
      for (const name of USERS) {
        const live = all.filter((session) => session["user"] === name).map(({ id }) => id);
        expect(await idsOf(store(), name)).toEqual(live.sort());
        compared += live.length;
      }
    }
    return compared;
  }

  it("never leave a live session out of the index", async () => {
    const prefix = uniquePrefix();
    expect(
      await storm([newStore(prefix), newStore(prefix, connect()), newStore(prefix, connect())], 60),
    ).toBeGreaterThan(60);
  });

  it("nor do they on a Redis Cluster, where index and sessions lie apart", async () => {
    const servers = await startCluster();
    afterFile(() => servers.close());
    const clients = [new Cluster(servers.startupNodes), new Cluster(servers.startupNodes)];
    afterFile(() => {
      for (const client of clients) client.disconnect();
    });
    const prefix = uniquePrefix();
    expect(
      await storm(
        clients.map((client) => newStore(prefix, client)),
        30,
      ),
    ).toBeGreaterThan(30);
    const slots = await Promise.all(["s1", "s2", "s3"].map((sid) => servers.slotOf(prefix + sid)));
    expect(new Set(slots).size).toBeGreaterThan(1);
  });
});
