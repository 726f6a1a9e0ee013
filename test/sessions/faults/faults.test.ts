/** What the verbs make of the errors that a Redis in trouble answers with. */
import { createClient } from "redis";
import { describe, expect, it, vi } from "vitest";
import {
  CorruptRecordError,
  createSessionStore,
  type RedisClient,
  type SessionStore,
  StoreUnavailableError,
} from "../../../src/index.js";
import { callEveryVerb, everyVerb, liveSubject, rejection, stranger } from "../../fixtures/every-verb.js";
import { type FakeRedisOptions, REDIS_ERRORS, startFakeRedis } from "../../harness/fake-redis.js";
import { afterFile, connect, uniquePrefix } from "../../harness/fixtures.js";
import { startRedisServer } from "../../harness/redis-server.js";

/** What a healthy server may take, ms: a hundred changes of one claim at once are thousands of round trips. */
const PATIENT = 20_000;

/** A client of each family on an address. */
const CLIENTS: Readonly<Record<string, (url: string) => RedisClient | Promise<RedisClient>>> = {
  ioredis: (url) => connect({ url }),
  async "node-redis"(url) {
    const client = createClient({ url });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    return client as unknown as RedisClient;
  },
};

async function startFake(options?: FakeRedisOptions) {
  const fake = await startFakeRedis(options);
  afterFile(() => fake.close());
  return fake;
}

/** The text under which get.lua gives a session that was made at `now`. A command has the hash of the secret behind its key. */
const recordOf = (userId: string, now: number) => (command: readonly string[]) =>
  [now + 60_000, command[4], 60_000, `${now} 0 60000 120000`, "u", userId].join("\n");

const none = (command: readonly string[]) => `none ${command[4]}`;

/** Expects every verb to reject with one class of error; a value, and `null` above all, fails. */
async function expectEveryVerbRejects(
  store: SessionStore,
  kind: typeof StoreUnavailableError | typeof CorruptRecordError,
  cause: string,
): Promise<void> {
  for (const [name, outcome] of await callEveryVerb(store, stranger())) {
    if (name === "check" && cause.startsWith("NOPERM")) {
      // A server that refuses a question has answered: that is a finding.
      expect(outcome).toMatchObject({ status: "fulfilled", value: { ok: false } });
      continue;
    }
    expect(outcome, name).toMatchObject({ status: "rejected" });
    const { reason } = outcome as PromiseRejectedResult;
    // check() looks at no key, nor does revokeAll before it knows the time: so it only says that the server cannot be asked.
    const asks = name === "check" || name === "revokeAll";
    expect(reason, name).toBeInstanceOf(asks ? StoreUnavailableError : kind);
    expect(reason.cause, name).toMatchObject({ message: cause });
  }
}

describe("an error from Redis", () => {
  const { WRONGTYPE, LOADING, MASTERDOWN, TRYAGAIN, CLUSTERDOWN, ...unavailable } = REDIS_ERRORS;

  it.each(Object.entries(unavailable))(
    "%s makes every verb reject with StoreUnavailableError, and none return null",
    async (_, error) => {
      const { port } = await startFake({ answer: error });
      await expectEveryVerbRejects(createSessionStore(connect({ port })), StoreUnavailableError, error.message);
    },
  );

  it("WRONGTYPE makes every verb reject with CorruptRecordError", async () => {
    const { port } = await startFake({ answer: WRONGTYPE });
    await expectEveryVerbRejects(createSessionStore(connect({ port })), CorruptRecordError, WRONGTYPE.message);
  });

  const passing = { LOADING, MASTERDOWN, TRYAGAIN, CLUSTERDOWN };

  it.concurrent.each(Object.values(passing))(
    "%s makes every verb try again, and reject with it when the deadline comes",
    async (error) => {
      const fake = await startFake({ answer: error });
      const redis = connect({ port: fake.port });
      await redis.ping().catch(() => {});
      await expectEveryVerbRejects(createSessionStore(redis), StoreUnavailableError, error.message);
      const asked = fake.commands.filter(([name]) => name === "evalsha").length;
      const verbs = Object.keys(everyVerb).length;
      expect(asked).toBeGreaterThan(verbs);
      // A tenth of a second lies between two tries: the server has other things to do.
      expect(asked).toBeLessThanOrEqual(10 * verbs);
    },
  );

  it.each(Object.keys(passing).flatMap((code) => Object.keys(CLIENTS).map((client) => [code, client] as const)))(
    "%s is not noticed, on %s, by a call that may wait for longer than it lasts",
    async (code, client) => {
      const fake = await startFake({ answer: REDIS_ERRORS[code as keyof typeof REDIS_ERRORS] });
      const store = createSessionStore((await CLIENTS[client]?.(fake.url)) as RedisClient, { timeout: PATIENT });
      const { token, id, userId } = stranger();
      const found = store.get(token);
      await vi.waitFor(() => expect(fake.commands.length).toBeGreaterThan(2), { timeout: PATIENT });
      fake.answerWith(recordOf(userId, Date.now()));
      expect(await found).toMatchObject({ id, userId });
    },
  );

  it("leaves the store fit for use when the trouble is over", async () => {
    const fake = await startFake({ answer: REDIS_ERRORS.MISCONF });
    const store = createSessionStore(connect({ port: fake.port }));
    const { token, id, userId } = stranger();
    expect(await rejection(store.get(token))).toBeInstanceOf(StoreUnavailableError);

    const now = Date.now();
    fake.answerWith(recordOf(userId, now));
    expect(await store.get(token)).toMatchObject({ id, userId, createdAt: now });
    fake.answerWith(none);
    expect(await store.get(token)).toBeNull();
  });

  it("carries neither claims nor hashes of the command that it answers", async () => {
    const { port } = await startFake({ answer: REDIS_ERRORS.READONLY });
    const redis = connect({ port });
    const error = await rejection(createSessionStore(redis).create({ userId: "u", claims: { diary: "dear me" } }));

    // ioredis does hang the command on its error; otherwise this would prove nothing.
    const raw = await redis.set("key", "dear me").catch((thrown: unknown) => thrown);
    expect(raw).toMatchObject({ command: { args: ["key", "dear me"] } });
    expect(error.cause).not.toHaveProperty("command");
    expect(Object.keys(error.cause as Error)).not.toContain("command");
  });
});

describe("a server that is still loading when the client connects", () => {
  it("makes every verb reject at the deadline", async () => {
    // ioredis holds commands back for as long as INFO says loading:1.
    const { port, commands } = await startFake({ answer: none, info: "redis_version:7.0.15\r\nloading:1\r\n" });
    const store = createSessionStore(connect({ port }), { timeout: 200 });
    for (const [name, outcome] of await callEveryVerb(store, stranger())) {
      expect(outcome, name).toMatchObject({ status: "rejected", reason: { name: "StoreUnavailableError" } });
    }
    expect(commands).toEqual([]);
  });
});

describe("NOSCRIPT", () => {
  it("teaches Redis the script with EVAL and gives its answer", async () => {
    const fake = await startFake({
      answer: (command) => (command[0] === "eval" ? none(command) : REDIS_ERRORS.NOSCRIPT),
    });
    const store = createSessionStore(connect({ port: fake.port }));
    expect(await store.get(stranger().token)).toBeNull();
    expect(fake.commands.map(([name]) => name)).toEqual(["evalsha", "eval"]);
  });

  it("does not make a verb try for ever", async () => {
    const fake = await startFake({ answer: REDIS_ERRORS.NOSCRIPT });
    const store = createSessionStore(connect({ port: fake.port }));
    expect(await rejection(store.get(stranger().token))).toBeInstanceOf(StoreUnavailableError);
    expect(fake.commands.map(([name]) => name)).toEqual(["evalsha", "eval"]);
  });

  it("is not noticed by any verb after SCRIPT FLUSH", async () => {
    // A server of its own: the flush would make other files' round trips two.
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const redis = connect({ port: server.port });
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: PATIENT });

    for (const [name, call] of Object.entries(everyVerb)) {
      const user = `user of ${name}`;
      const subject = await liveSubject(store, user);
      await redis.script("FLUSH");
      const result = await call(store, subject);
      // These two are asked of a user who is not blocked; all other verbs have something to give.
      if (name === "getBlock") expect(result).toBeNull();
      else if (name === "unblockUser") expect(result).toBe(false);
      else if (name === "revokeAllForUser but one") expect(result).toBe(0);
      else expect(result, name).toBeTruthy();
    }
  });

  it("is not noticed by a hundred calls at once", async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const redis = connect({ port: server.port });
    const store = createSessionStore(redis, { prefix: uniquePrefix(), timeout: PATIENT });
    const { token, id } = await liveSubject(store, "42");

    await store.updateClaims(token, { n: 0 });
    await redis.script("FLUSH");
    const sessions = await Promise.all(
      Array.from({ length: 100 }, () => store.updateClaims(token, ({ n }) => ({ n: Number(n) + 1 }))),
    );
    expect(new Set(sessions.map((session) => session?.id))).toEqual(new Set([id]));
    expect((await store.get(token))?.claims["n"]).toBe(100);
  });
});
