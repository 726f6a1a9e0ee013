/**
 * Saves that are sent again because their reply was lost: they change nothing a second time, whatever another request has
 * made of the session in between.
 */
import { beforeAll, describe, expect, inject, it } from "vitest";
import { dropInScripts } from "../../src/drop-in/scripts/scripts.js";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { loseReply } from "../harness/lost-reply.js";
import { startProxy } from "../harness/tcp-proxy.js";

const { create, replace, remove } = dropInScripts;
const redis = connect();
const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
afterFile(() => proxy.close());
const proxied = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
// Only what was sent on an open connection can lose its reply; and no script is to be sent twice for being unknown.
beforeAll(async () => {
  await Promise.all(Object.values(dropInScripts).map(({ source }) => proxied.script("LOAD", source)));
});

type Session = Record<string, unknown>;
const userId = (session: Session) => session["user"] as string | undefined;
const dated = () => ({ originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000).toISOString(), path: "/" });
/** Of a session that ends with the browser: it has no time that would tell two records apart. */
const undated = () => ({ originalMaxAge: null, expires: null, path: "/" });

/** A store behind the proxy, and one beside it, as another process has it. */
function newStores(options: Partial<RedisStoreOptions> = {}) {
  const all = { prefix: uniquePrefix(), timeout: 15_000, ...options };
  return {
    prefix: all.prefix,
    store: new RedisStore({ ...all, client: proxied }),
    direct: new RedisStore({ ...all, client: redis }),
  };
}

const load = async (store: RedisStore, sid = "s") => (await store.get(sid)) as Session;
const mayHaveRun = { name: "StoreUnavailableError", message: expect.stringContaining("may have been made") };

describe.each([
  ["a cookie with an expiry", dated],
  ["a cookie without one", undated],
])("a save that is sent again, with %s", (_, cookie) => {
  it.each([
    ["", {}],
    [" with an index of users", { userId }],
  ])("does not set again what another request has taken back%s", async (_what, options) => {
    const { store, direct } = newStores(options);
    await direct.set("s", { cookie: cookie(), user: "ada", flag: false });
    const first = Object.assign(await load(store), { flag: true });
    let seen: unknown;
    const saving = loseReply(
      proxy,
      replace,
      () => store.set("s", first),
      async () => {
        const second = await load(direct);
        seen = second["flag"];
        await direct.set("s", Object.assign(second, { flag: false }));
      },
    );
    await expect(saving).rejects.toMatchObject(mayHaveRun);
    expect(seen).toBe(true);
    expect((await load(direct))["flag"]).toBe(false);
  });

  it("does not delete again what another request has set, and nor does it where the record was put back as it was", async () => {
    const { store, direct, prefix } = newStores();
    await direct.set("s", { cookie: cookie(), cart: ["umbrella"] });
    const before = await redis.get(`${prefix}s`);
    const first = await load(store);
    delete first["cart"];
    const between: unknown[] = [];
    const saving = loseReply(
      proxy,
      replace,
      () => store.set("s", first),
      async () => {
        const second = await load(direct);
        between.push("cart" in second);
        second["cart"] = ["umbrella"];
        await direct.set("s", second);
        between.push(await redis.get(`${prefix}s`));
      },
    );
    await expect(saving).rejects.toMatchObject(mayHaveRun);
    expect(await load(direct)).toMatchObject({ cart: ["umbrella"] });
    // The first run had deleted it; and what was there then had the old content, and was another record all the same.
    expect(between[0]).toBe(false);
    expect(JSON.parse(String(between[1]))).toMatchObject({ cart: ["umbrella"] });
    expect(between[1]).not.toBe(before);
  });

  it("is found done where nobody has come in between", async () => {
    const { store, direct } = newStores();
    await direct.set("s", { cookie: cookie() });
    const first = Object.assign(await load(store), { flag: true });
    expect(await loseReply(proxy, replace, () => store.set("s", first))).toBe(true);
    expect(await load(direct)).toMatchObject({ flag: true });
  });
});

it("a save of koa-session that is sent again does not either", async () => {
  const options = { prefix: uniquePrefix(), timeout: 15_000 };
  const [store, direct] = [proxied, redis].map((client) => new KoaRedisStore({ ...options, client })) as [
    KoaRedisStore,
    KoaRedisStore,
  ];
  const call = { ctx: {} };
  await direct.set("s", { flag: false, _session: true }, "session", { ctx: {} });
  await store.get("s", 0, call);
  const saving = loseReply(
    proxy,
    replace,
    () => store.set("s", { flag: true, _session: true }, "session", call),
    async () => {
      const other = { ctx: {} };
      await direct.get("s", 0, other);
      await direct.set("s", { flag: false, _session: true }, "session", other);
    },
  );
  await expect(saving).rejects.toMatchObject(mayHaveRun);
  expect(await direct.get("s")).toMatchObject({ flag: false });
});

it("a change for all sessions of a user that is sent again does not undo one that came in between", async () => {
  const { store, direct } = newStores({ userId });
  await direct.set("s", { cookie: undated(), user: "ada", role: "admin" });
  const changing = loseReply(
    proxy,
    replace,
    () => store.updateForUser("ada", { role: "member" }),
    async () => void (await direct.updateForUser("ada", { role: "owner" })),
  );
  await expect(changing).rejects.toMatchObject(mayHaveRun);
  expect((await load(direct))["role"]).toBe("owner");
});

it("the first save of a new session that is sent again does not undo what the session has become", async () => {
  const { store, direct } = newStores();
  const fresh = { cookie: undated(), flag: true };
  store.generate = (request) => {
    class Session {
      declare cookie: object;
    }
    const session = Object.assign(new Session(), fresh);
    Object.defineProperties(session, { req: { value: request }, id: { value: "s" } });
    request.session = session;
  };
  const request: { session?: object } = {};
  store.generate(request);
  const saving = loseReply(
    proxy,
    create,
    () => store.set("s", request.session as Session),
    async () => void (await direct.set("s", Object.assign(await load(direct), { flag: false }))),
  );
  await expect(saving).rejects.toMatchObject(mayHaveRun);
  expect((await load(direct))["flag"]).toBe(false);
});

describe("a save of the application's own object that is sent again", () => {
  const own = () => ({ cookie: dated(), flag: true });

  it("does not undo what the new session has become", async () => {
    const { store, direct } = newStores();
    const saving = loseReply(
      proxy,
      create,
      () => store.set("s", own()),
      async () => void (await direct.set("s", Object.assign(await load(direct), { flag: false }))),
    );
    await expect(saving).rejects.toMatchObject(mayHaveRun);
    expect((await load(direct))["flag"]).toBe(false);
  });

  it("does not bring back what was ended since", async () => {
    const { store, direct } = newStores();
    await direct.set("s", { cookie: dated(), flag: false });
    const saving = loseReply(
      proxy,
      replace,
      () => store.set("s", own()),
      async () => void (await direct.destroy("s")),
    );
    await expect(saving).rejects.toMatchObject(mayHaveRun);
    expect(await direct.get("s")).toBeNull();
  });
});

describe("a destroy that is sent again", () => {
  it("says that it has ended the session", async () => {
    const { store, direct } = newStores();
    await direct.set("s", { cookie: dated() });
    expect(await loseReply(proxy, remove, () => store.destroy("s"))).toBe(true);
    expect(await direct.get("s")).toBeNull();
  });

  it("counts among those of a user", async () => {
    const { store, direct } = newStores({ userId });
    for (const sid of ["a", "b"]) await direct.set(sid, { cookie: dated(), user: "ada" });
    expect(await loseReply(proxy, remove, () => store.destroyAllForUser("ada"))).toBe(2);
    expect(await direct.listForUser("ada")).toEqual([]);
  });
});

it("the blanks behind a record count its saves, and other stores read it all the same", async () => {
  const { direct, prefix } = newStores();
  await direct.set("s", { cookie: undated(), n: 0 });
  const texts = new Set([await redis.get(`${prefix}s`)]);
  for (let save = 1; save <= 63; save++) {
    await direct.set("s", Object.assign(await load(direct), { n: 0 }));
    texts.add(await redis.get(`${prefix}s`));
  }
  expect(texts.size).toBe(64);
  for (const text of texts) expect(JSON.parse(text ?? "")).toEqual({ cookie: undated(), n: 0 });
});
