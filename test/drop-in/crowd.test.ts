/** Many requests that write one session at the same time: every change is kept, or the error says why it was not. */
import { describe, expect, it } from "vitest";
import { RedisStore, type RedisStoreOptions } from "../../src/express-session.js";
import { RedisStore as KoaRedisStore } from "../../src/koa-session.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";
import { startRedisServer } from "../harness/redis-server.js";

const WRITERS = 100;
const writers = Array.from({ length: WRITERS }, (_, at) => at);
const userId = (session: Record<string, unknown>) => session["user"] as string | undefined;
const cookie = () => ({ originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000).toISOString(), path: "/" });

const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });

describe.each([
  ["without an index", {}],
  ["with an index of users", { userId }],
] as [string, Partial<RedisStoreOptions>][])("a hundred writers of one session %s", (_, options) => {
  it("keep what all of them change, and take a few commands each", async () => {
    const store = new RedisStore({ client: redis, prefix: uniquePrefix(), timeout: 15_000, ...options });
    await store.set("s", { cookie: cookie(), user: "ada" });
    const loaded = await Promise.all(writers.map(() => store.get("s")));
    const commands = await commandsDuring(redis, async () => {
      const saves = loaded.map((session, at) => store.set("s", Object.assign(session ?? {}, { [`p${at}`]: at })));
      expect(await Promise.all(saves)).toEqual(writers.map(() => true));
    });
    expect(await store.get("s")).toMatchObject(Object.fromEntries(writers.map((at) => [`p${at}`, at])));
    // One that fails, one that succeeds, and before them the index where there is one: nobody has to try a third time.
    expect(commands["evalsha"]).toBeLessThanOrEqual((options.userId ? 3 : 2) * WRITERS);
  });
});

it("a hundred saves of an object of the application's own end, and the last one stays", async () => {
  const store = new RedisStore({ client: redis, prefix: uniquePrefix(), timeout: 15_000 });
  const saves = writers.map((n) => store.set("s", { cookie: cookie(), n }));
  expect(await Promise.all(saves)).toEqual(writers.map(() => true));
  expect(typeof (await store.get("s"))?.["n"]).toBe("number");
});

it("a hundred writers of koa-session keep what all of them change", async () => {
  const store = new KoaRedisStore({ client: redis, prefix: uniquePrefix(), timeout: 15_000 });
  await store.set("k", { user: "ada" }, 60_000, { ctx: {} });
  const calls = writers.map(() => ({ ctx: {} }));
  const loaded = await Promise.all(calls.map((call) => store.get("k", 60_000, call)));
  await Promise.all(calls.map((call, at) => store.set("k", { ...loaded[at], [`p${at}`]: at }, 60_000, call)));
  expect(Object.keys((await store.get("k")) ?? {})).toHaveLength(WRITERS + 1);
});

it.each([
  ["between two of its tries", Number.POSITIVE_INFINITY],
  ["while it waits for the third", 3],
])("a writer that others outrun until its deadline passes %s is told so, and how often", async (_, silentFrom) => {
  const prefix = uniquePrefix();
  const direct = new RedisStore({ client: redis, prefix });
  await direct.set("s", { cookie: cookie() });
  let tries = 0;
  const client = passThrough(redis, {
    evalsha: async (...args: Parameters<typeof redis.evalsha>) => {
      if (++tries >= silentFrom) return new Promise(() => {});
      // Before each of its tries somebody else changes the session.
      await direct.set("s", Object.assign((await direct.get("s")) ?? {}, { other: tries }));
      return redis.evalsha(...args);
    },
  });
  const store = new RedisStore({ client: client as never, prefix, timeout: 400, disableTouch: true });
  const session = await store.get("s");
  const saving = store.set("s", Object.assign(session ?? {}, { mine: 1 }));
  await expect(saving).rejects.toMatchObject({
    name: "StoreUnavailableError",
    status: 503,
    message: expect.stringMatching(
      silentFrom === 3
        ? /^Too many requests wrote the same session at once: others were faster 2 times within 400 ms; .* may still be stored$/
        : /^Too many requests wrote the same session at once: others were faster \d+ times within 400 ms/,
    ),
  });
});

it("one that waits for a Redis that is silent is told that, and does not blame others", async () => {
  const store = new RedisStore({ client: redis, prefix: uniquePrefix(), timeout: 300 });
  await store.set("s", { cookie: cookie() });
  const loaded = await Promise.all([store.get("s"), store.get("s")]);
  server.freeze();
  try {
    const saves = loaded.map((session, at) => store.set("s", Object.assign(session ?? {}, { [`p${at}`]: 1 })));
    await Promise.all(saves.map((save) => expect(save).rejects.toThrow("Redis did not answer within 300 ms")));
  } finally {
    server.thaw();
  }
});
