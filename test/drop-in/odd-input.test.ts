/** What applications give a store by mistake: user ids that are none, times that are none, records that lack something. */
import { createRequire } from "node:module";
import express from "express";
import { describe, expect, it, onTestFinished } from "vitest";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { startApp } from "./rig.js";

const session = createRequire(import.meta.url)("express-session") as typeof import("express-session");
const redis = connect();
const cookie = (ms = 60_000) => ({ originalMaxAge: ms, expires: new Date(Date.now() + ms).toISOString(), path: "/" });
const newStore = (options: Partial<RedisStoreOptions> = {}) =>
  new RedisStore({ client: redis, prefix: uniquePrefix(), ...options });

/** The warnings of the process from now on. */
function warnings(): { message: string; code: string }[] {
  const given: { message: string; code: string }[] = [];
  const listen = (warning: Error & { code?: string }) =>
    given.push({ message: warning.message, code: warning.code ?? "" });
  process.on("warning", listen);
  onTestFinished(() => void process.off("warning", listen));
  return given;
}
const aTick = () => new Promise((resolve) => setImmediate(resolve));

/** As the driver of MongoDB has it: an object that becomes a text in JSON. */
class ObjectId {
  constructor(readonly hex: string) {}
  toJSON() {
    return this.hex;
  }
}

describe("a user id", () => {
  it.each([
    ["a number", 42, "42"],
    ["a number with a sign", -7, "-7"],
    ["a bigint, as a database gives it", 2n ** 60n, String(2n ** 60n)],
    ["an ObjectId, which is a text once the session is loaded", new ObjectId("65f0c0ffee"), "65f0c0ffee"],
  ])("may be %s", async (_, user, text) => {
    const given = warnings();
    const store = newStore({
      userId: (data) =>
        typeof data["user"] === "string" && typeof user === "bigint" ? BigInt(data["user"]) : data["user"],
    });
    await store.set("a", { cookie: cookie(), user: typeof user === "bigint" ? String(user) : user });
    for (const id of [text, ...(typeof user === "object" ? [] : [user])]) {
      expect((await store.listForUser(id)).map((one) => one.id)).toEqual(["a"]);
    }
    await store.set("a", Object.assign((await store.get("a")) ?? {}, { page: 2 }));
    expect(await store.touch("a", (await store.get("a")) ?? {})).toBe(true);
    expect(await store.updateForUser(text, { role: "admin" })).toBe(1);
    expect(await store.destroyAllForUser(text)).toBe(1);
    await aTick();
    expect(given).toEqual([]);
  });

  it.each([
    ["an object", () => ({ id: 42 }), "returned an object"],
    ["a list", () => ["42"], "returned an array"],
    ["a promise", async () => "42", "returned a promise"],
    [
      "a promise that fails",
      async () => {
        throw new Error("secret");
      },
      "returned a promise",
    ],
    ["a boolean", () => true, "returned true"],
    ["an empty text", () => "", "returned an empty string"],
    ["a long text", () => "x".repeat(257), "returned a string of 257 characters"],
    ["not a number", () => Number.NaN, "returned NaN"],
    ["a symbol", () => Symbol("x"), "returned Symbol(x)"],
    ["a date that is none", () => new Date(Number.NaN), "returned a Date"],
    [
      "an error",
      () => {
        throw new TypeError("Cannot read properties of undefined: secret");
      },
      "threw TypeError",
    ],
  ])("that is %s is told once, and fails no request", async (_, userId, told) => {
    const given = warnings();
    const store = newStore({ userId: userId as never });
    expect(await store.set("a", { cookie: cookie(), user: "ada" })).toBe(true);
    const loaded = (await store.get("a")) ?? {};
    expect(loaded).toMatchObject({ user: "ada" });
    expect(await store.touch("a", loaded)).toBe(true);
    expect(await store.set("a", Object.assign(loaded, { page: 2 }))).toBe(true);
    expect(await store.all()).toHaveLength(1);
    expect(await store.listForUser("ada")).toEqual([]);
    expect(await store.destroy("a")).toBe(true);
    await aTick();
    expect(given).toMatchObject([{ code: "COATCHECK_USER_ID" }]);
    expect(given[0]?.message).toContain(told);
    expect(given[0]?.message).not.toContain("secret");
  });

  it("that is none lets a user log in, come back and log out, on every framework", async () => {
    for (const framework of ["express-session", "@fastify/session", "koa-session"] as const) {
      const options = { client: redis, prefix: uniquePrefix(), userId: () => ({ id: 42 }) as never };
      const store = framework === "koa-session" ? new KoaRedisStore(options) : new RedisStore(options);
      const browser = (await startApp(framework, store, { maxAge: 60_000 })).browser();
      expect((await browser.request("set=user:ada")).status).toBe(200);
      expect((await browser.request()).body?.session["user"]).toBe("ada");
      expect((await browser.request("end=logout")).status).toBe(200);
      expect((await browser.request()).body?.session["user"]).toBeUndefined();
    }
  });
});

describe("a time that is none", () => {
  const invalid = "cookie.expires must be a date, got an invalid date, as from a maxAge of NaN or Infinity";
  it.each([
    ["an invalid date", new Date(Number.NaN), invalid],
    ["a text that is no date", "tomorrow", 'cookie.expires must be a date, got "tomorrow"'],
    ["an empty text", "", 'cookie.expires must be a date, got ""'],
    ["NaN", Number.NaN, "cookie.expires must be a date, got NaN"],
    ["Infinity", Number.POSITIVE_INFINITY, "cookie.expires must be a date, got Infinity"],
    ["true", true, "cookie.expires must be a date, got true"],
    ["an object", {}, "cookie.expires must be a date, got an object"],
  ])("is an error of a save and of a touch, and stores nothing: %s", async (_, expires, message) => {
    const store = newStore();
    await expect(store.set("new", { cookie: { expires } })).rejects.toThrow(new TypeError(message));
    expect(await store.length()).toBe(0);
    await store.set("a", { cookie: cookie(), user: "ada" });
    const loaded = Object.assign((await store.get("a")) ?? {}, { cookie: { ...cookie(), expires } });
    await expect(store.set("a", loaded)).rejects.toThrow(message);
    await expect(store.touch("a", loaded)).rejects.toThrow(message);
    // Nor has it ended the session.
    expect(await store.get("a")).toMatchObject({ user: "ada" });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e17])(
    "reaches the application's error handler under express-session, from a maxAge of %s",
    async (maxAge) => {
      const app = express();
      const store = newStore();
      app.use(session({ store: store as never, secret: "s", resave: false, saveUninitialized: false }));
      app.get("/", (req, res, next) => {
        const own = req.session as unknown as {
          user: string;
          cookie: { maxAge: number };
          save(done: (error: unknown) => void): void;
        };
        own.user = "ada";
        own.cookie.maxAge = maxAge;
        own.save((error) => (error ? next(error) : res.send("stored")));
      });
      const errors: Error[] = [];
      app.use(((error, _req, res, _next) => {
        errors.push(error);
        res.destroy();
      }) as express.ErrorRequestHandler);
      const server = app.listen(0, "127.0.0.1");
      onTestFinished(() => void server.close());
      await new Promise((resolve) => server.once("listening", resolve));
      await fetch(`http://127.0.0.1:${(server.address() as { port: number }).port}/`).catch(() => {});
      expect(errors[0]?.message).toBe(invalid);
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e17])(
    "is an error of koa-session's store: a maxAge of %s",
    async (maxAge) => {
      const store = new KoaRedisStore({ client: redis, prefix: uniquePrefix() });
      await expect(store.set("k", { user: "ada" }, maxAge, { ctx: {} })).rejects.toThrow(
        `maxAge must be a time in ms, got ${maxAge}`,
      );
      expect(await store.get("k")).toBeNull();
      await store.set("k", { user: "ada" }, 1234.5, { ctx: {} });
      expect(await store.get("k")).toEqual({ user: "ada" });
    },
  );

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300, "60"])(
    "is an error of a function ttl that gives %s",
    async (ttl) => {
      const store = newStore({ ttl: () => ttl as number });
      await expect(store.set("a", { cookie: {} })).rejects.toThrow("ttl must be a number of seconds");
    },
  );

  it("in the record of another store does not keep anybody from using the session", async () => {
    const store = newStore();
    await redis.set(
      `${store.prefix}a`,
      JSON.stringify({ cookie: { ...cookie(), expires: "tomorrow" }, user: "ada" }),
      "PX",
      60_000,
    );
    const loaded = (await store.get("a")) ?? {};
    expect(loaded).toMatchObject({ user: "ada" });
    expect(await store.touch("a", Object.assign(loaded, { cookie: cookie() }))).toBe(true);
    expect(await store.get("a")).toMatchObject({ cookie: { originalMaxAge: 60_000 } });
  });
});

describe("a record", () => {
  it("is plain, also inside of the callback of `get`, and can be copied and compared", async () => {
    const store = newStore();
    const record = { cookie: cookie(), user: "ada" };
    await store.set("a", record);
    await new Promise<void>((resolve, reject) => {
      store.get("a", (error, data) => {
        try {
          expect(error).toBeNull();
          expect(Object.keys(data ?? {})).toEqual(["cookie", "user"]);
          expect(Object.getOwnPropertyNames(data)).toEqual(["cookie", "user"]);
          expect(structuredClone(data)).toEqual(record);
          expect({ ...data }).toEqual(record);
          expect(JSON.stringify(data)).toBe(JSON.stringify(record));
          setImmediate(() => {
            expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
            expect("toJSON" in (data ?? {})).toBe(false);
            resolve();
          });
        } catch (failure) {
          reject(failure as Error);
        }
      });
    });
  });

  it("that has no cookie fails under express-session in the words of express-session", async () => {
    const app = express();
    const store = newStore();
    app.use(session({ store: store as never, secret: "s", resave: false, saveUninitialized: false }));
    const messages: string[] = [];
    app.use(((error, _req, res, _next) => {
      messages.push(error.message);
      res.status(500).end();
    }) as express.ErrorRequestHandler);
    const server = app.listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const signature = createRequire(createRequire(import.meta.url).resolve("express-session"))("cookie-signature") as {
      sign(value: string, secret: string): string;
    };
    for (const record of [{ user: "ada" }, { cookie: null }]) {
      await redis.set(`${store.prefix}bare`, JSON.stringify(record), "PX", 60_000);
      const headers = { cookie: `connect.sid=${encodeURIComponent(`s:${signature.sign("bare", "s")}`)}` };
      expect(
        (await fetch(`http://127.0.0.1:${(server.address() as { port: number }).port}/`, { headers })).status,
      ).toBe(500);
    }
    const own = (bare: object) => {
      try {
        session.Store.prototype.createSession.call({}, { sessionID: "bare" } as never, bare as never);
        return "no error";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(messages).toEqual([own({ user: "ada" }), own({ cookie: null })]);
    // What express-session's own suite asks for.
    for (const message of messages) expect(message).toMatch(/Cannot read prop/);
  });
});

describe("what connect-redis shows of its options", () => {
  it("is shown here, too", () => {
    const serializer = { parse: JSON.parse, stringify: (data: object) => JSON.stringify(data) };
    const given = {
      client: redis,
      prefix: "p:",
      ttl: 100,
      disableTouch: true,
      disableTTL: true,
      scanCount: 7,
      serializer,
    };
    const store = new RedisStore(given);
    const { client, prefix, ttl, disableTouch, disableTTL, scanCount } = store;
    expect({ client, prefix, ttl, disableTouch, disableTTL, scanCount, serializer: store.serializer }).toEqual(given);
    const {
      ttl: day,
      disableTouch: no,
      disableTTL: neither,
      scanCount: hundred,
      serializer: json,
    } = new RedisStore({ client: redis });
    expect([day, no, neither, hundred, json]).toEqual([86_400, false, false, 100, JSON]);
    const perRole = (data: { role?: string }) => (data.role === "admin" ? 10 : 100);
    expect(new RedisStore({ client: redis, ttl: perRole }).ttl).toBe(perRole);
    const koa = new KoaRedisStore({ client: redis, ttl: 5, serializer });
    expect([koa.ttl, koa.serializer, koa.client, koa.prefix]).toEqual([5, serializer, redis, ""]);
  });
});

describe("a client that is none for a store", () => {
  const legacy = { evalSha() {}, eval() {}, get() {}, scan() {} };
  it.each([
    [
      "what legacy() of node-redis gives",
      legacy,
      "a client in legacy mode: give the client that legacy() was called on",
    ],
    [
      "a client made with legacyMode",
      { ...legacy, on() {}, options: { legacyMode: true } },
      "a client in legacy mode: make it without legacyMode",
    ],
    [
      "a client of node-redis 3",
      { evalsha() {}, eval() {}, get() {}, scan() {}, on() {}, internal_send_command() {} },
      "a client of node-redis 3 or older",
    ],
    ["a pipeline of ioredis", redis.pipeline(), "a pipeline or transaction"],
    ["a promise of a client", Promise.resolve(redis), "a promise: await it first"],
    ["options of a client", { host: "localhost" }, "options of a connection: give a client that was made with them"],
    ["a class", class Redis {}, "a class: give a client that was made of it"],
    ["a URL", "redis://:secret@localhost", "a string: give a client that was made with it"],
  ])("is named: %s", (_, client, named) => {
    for (const Store of [RedisStore, KoaRedisStore]) {
      const make = () => new Store({ client: client as never });
      expect(make).toThrow(TypeError);
      expect(make).toThrow(
        `client of RedisStore must be a client of ioredis, iovalkey or node-redis 5 or 6, got ${named}`,
      );
    }
  });

  it("is really what node-redis gives for legacy(), and for a transaction", async () => {
    const { createClient, createCluster } = await import("redis");
    const { createClient: createClient5 } = await import("redis5");
    for (const client of [createClient(), createClient5()]) {
      expect(() => new RedisStore({ client: client.legacy() as never })).toThrow("a client in legacy mode");
      expect(() => new RedisStore({ client: client.multi() as never })).toThrow("a pipeline or transaction");
    }
    expect(() => new RedisStore({ client: createCluster({ rootNodes: [] }).multi() as never })).toThrow(
      "a pipeline or transaction",
    );
  });

  it("may connect after the store is made; until then a call says what is missing", async () => {
    const { createClient } = await import("redis");
    const client = createClient({ url: "redis://127.0.0.1:1" });
    const store = new RedisStore({ client });
    await expect(store.get("a")).rejects.toMatchObject({
      name: "StoreUnavailableError",
      message: "The client is not connected: call its connect(), and do not close it while the store is in use",
    });
  });
});
