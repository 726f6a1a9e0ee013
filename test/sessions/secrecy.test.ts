/** Tokens and secrets go to the bearer, and nowhere else: not into Redis, events, output or what is inspected. */
import diagnostics from "node:diagnostics_channel";
import { inspect } from "node:util";
import type { Redis } from "ioredis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSessionStore, type SessionEvents, type SessionStore } from "../../src/index.js";
import { bucketOfUser, mintToken } from "../../src/leaves/token.js";
import { createOneTimeTokens } from "../../src/one-time.js";
import { Keys } from "../../src/sessions/keys.js";
import { callEveryVerb, everyVerb, liveSubject, watching } from "../fixtures/every-verb.js";
import { everythingOf, formsOf, hashOf, leaksIn, secretOf } from "../fixtures/leaks.js";
import { REDIS_ERRORS, startFakeRedis } from "../harness/fake-redis.js";
import { afterFile, connect, keysUnder, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

// A server of its own, because MONITOR shows everybody's commands, and without compression, which would hide text in DUMP.
const server = await startRedisServer({ args: ["--rdbcompression", "no"] });
afterFile(() => server.stop());
const redis = connect({ port: server.port });

// ioredis trips over a command of somebody else's that comes together with the reply to its MONITOR, so all is quiet first.
const observer = connect({ port: server.port });
await Promise.all([redis.ping(), observer.ping()]);
const monitor = await observer.monitor();
afterFile(() => monitor.disconnect());
const monitored: string[] = [];
monitor.on("monitor", (_time: string, args: string[]) => monitored.push(args.join(" ")));

/** MONITOR runs behind: when it has shown a mark, it has shown everything before it. */
async function monitorSettled(): Promise<void> {
  await redis.echo("mark");
  while (monitored.at(-1) !== "echo mark") await new Promise((resolve) => setImmediate(resolve));
}

/** Notes every token that a store takes or gives. */
function witness(store: SessionStore, tokens: Set<string>): SessionStore {
  const note = (value: unknown) => {
    const token = typeof value === "string" ? value : (value as { token?: unknown } | null)?.token;
    if (typeof token === "string" && token.length === 70) tokens.add(token);
  };
  // A copy, because a proxy must not give anything but the truth about what is frozen.
  return new Proxy(
    { ...store },
    {
      get(target, name: keyof SessionStore) {
        const verb = target[name];
        if (typeof verb !== "function") return verb;
        return async (...args: unknown[]) => {
          args.forEach(note);
          const result = await Reflect.apply(verb, target, args);
          note(result);
          return result;
        };
      },
    },
  );
}

/** Runs the whole life of sessions: every verb, also with wrong, revoked and superseded tokens. */
async function live(store: SessionStore, userId: string): Promise<void> {
  for (const [name, call] of Object.entries({ ...everyVerb, ...watching }))
    await call(store, await liveSubject(store, `${userId} ${name}`));
  const guest = await store.create({ claims: { cart: [1] }, client: { ip: "::1", userAgent: "test" } });
  const login = await store.rotate(guest.token, { userId });
  const graced = await store.rotate(login?.token, { grace: 60_000 });
  await store.rotate(login?.token);
  await store.touch(login?.token);
  await store.updateClaims(graced?.token, { role: "admin" });
  // The right id with the secret of another: an attack, of which the event tells.
  const forged = mintToken(bucketOfUser(userId));
  await store.get(`${graced?.session.id}.${secretOf(forged.token)}`);
  await store.get(guest.token);
  await store.revokeAllForUser(userId, { except: graced?.token ?? "" });
  await store.revoke(forged.token);
  await store.blockUser(userId, { reason: "test" });
  await store.unblockUser(userId);
}

describe("the search", () => {
  const { token } = mintToken("ABC");

  it.each(Object.entries(formsOf(token)))("finds the %s in a text", (name, form) => {
    expect(leaksIn(`before ${form} after`, [token])).toContain(name);
  });

  it("finds a token in an error's cause, in a property and in a hidden one", () => {
    const hidden = Object.defineProperty(new Error("fine"), "command", { value: { args: [token] } });
    for (const error of [
      new Error("x", { cause: new Error(token) }),
      Object.assign(new Error("x"), { token }),
      hidden,
    ]) {
      expect(leaksIn(everythingOf(error), [token])).toContain("first half of the secret");
    }
  });

  it("does not take the hash for the secret", () => {
    expect(leaksIn(hashOf(token), [token])).toEqual([]);
  });
});

describe("Redis", () => {
  const prefix = uniquePrefix();

  /** Every key, and its value as DUMP gives it, byte for byte. */
  async function dumpOf(client: Redis): Promise<string> {
    const keys = await keysUnder(client, "");
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    return keys.map((key, at) => `${key}\n${dumps[at]?.toString("latin1")}`).join("\n");
  }

  it("is shown the hash of a secret, and neither token nor secret, by any verb", async () => {
    const tokens = new Set<string>();
    monitored.length = 0;
    const options = { prefix, touchInterval: 0, endings: 60_000 };
    await live(witness(createSessionStore(redis, options), tokens), "monitored");
    await monitorSettled();
    const seen = monitored.join("\n");

    expect(tokens.size).toBeGreaterThan(Object.keys(everyVerb).length);
    expect(leaksIn(seen, tokens)).toEqual([]);
    // The stream is complete: there is no token whose hash it does not show.
    expect([...tokens].filter((token) => !seen.includes(hashOf(token)))).toEqual([]);
  });

  it("keeps the hash of a secret, and neither token nor secret", async () => {
    const tokens = new Set<string>();
    const store = witness(createSessionStore(redis, { prefix, endings: 60_000 }), tokens);
    await live(store, "dumped");
    const { token } = await store.create({ userId: "dumped" });
    const dump = await dumpOf(redis);

    expect(leaksIn(dump, tokens)).toEqual([]);
    expect(dump).toContain(hashOf(token));
    expect(dump).toMatch(/:x:\w{26}\n/);
    expect(dump).toMatch(/:y:\w{26}\n/);
    // A secret among the fields of a session would be found.
    await redis.hset(new Keys(prefix).session(token.slice(0, 26)), "x", secretOf(token));
    expect(leaksIn(await dumpOf(redis), tokens)).toContain("first half of the secret");
  });
});

describe("events, diagnostics messages and output", () => {
  afterEach(() => vi.restoreAllMocks());

  it("hold no token and no secret", async () => {
    const output: string[] = [];
    const keep = (chunk: unknown) => {
      output.push(String(chunk));
      return true;
    };
    vi.spyOn(process.stdout, "write").mockImplementation(keep);
    vi.spyOn(process.stderr, "write").mockImplementation(keep);
    for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const) {
      vi.spyOn(console, method).mockImplementation((...args) => void output.push(everythingOf(args)));
    }
    const warn = (warning: Error) => output.push(everythingOf(warning));
    process.on("warning", warn);

    const heard = new Map<keyof SessionEvents, string>();
    const messages: string[] = [];
    const all: Record<keyof SessionEvents, true> = {
      ...{ created: true, rotated: true, updated: true, revoked: true, rejected: true },
      ...{ blocked: true, unblocked: true, unavailable: true, near: true },
    };
    const names = Object.keys(all) as (keyof SessionEvents)[];
    const subscriber = (message: unknown) => messages.push(everythingOf(message));
    const tokens = new Set<string>();
    const store = createSessionStore(redis, { prefix: uniquePrefix(), near: true });
    const fake = await startFakeRedis({ answer: REDIS_ERRORS.READONLY });
    const broken = createSessionStore(connect({ port: fake.port }));
    for (const name of names) {
      const listener = (event: object) => heard.set(name, `${heard.get(name) ?? ""}\n${everythingOf(event)}`);
      for (const { events } of [store, broken]) events.on(name, listener);
      diagnostics.subscribe(`coatcheck:${name}`, subscriber);
    }
    // A token would be in the result of a traced promise, or in the context of a call.
    const calls = new Map<string, string>();
    const traceOf = (message: string) => (call: object) => {
      calls.set(message, `${calls.get(message) ?? ""}\n${everythingOf(call)}`);
    };
    const tracers = ["start", "end", "asyncStart", "asyncEnd", "error"].map(
      (message) => [`tracing:coatcheck:call:${message}`, traceOf(message)] as const,
    );
    for (const [name, tracer] of tracers) diagnostics.subscribe(name, tracer as (message: unknown) => void);
    try {
      await live(witness(store, tokens), "heard");
      await callEveryVerb(witness(broken, tokens), await liveSubject(store, "heard by nobody"));
      await store.close();
      const oneTime = createOneTimeTokens(redis, { prefix: uniquePrefix(), purpose: "reset", ttl: 60_000 });
      const { token } = await oneTime.issue({ subject: "heard" });
      tokens.add(token);
      await oneTime.peek(token);
      await oneTime.consume(token);
    } finally {
      process.off("warning", warn);
      for (const name of names) diagnostics.unsubscribe(`coatcheck:${name}`, subscriber);
      for (const [name, tracer] of tracers) diagnostics.unsubscribe(name, tracer as (message: unknown) => void);
      await fake.close();
    }

    // Every event came, so that none is free of secrets by its absence.
    expect([...heard.keys()].sort()).toEqual([...names].sort());
    expect(leaksIn([...heard.values()].join("\n"), tokens)).toEqual([]);
    expect(messages.length).toBeGreaterThan(tokens.size);
    expect(leaksIn(messages.join("\n"), tokens)).toEqual([]);
    // No call rejects for tracing: an error would be published as it is.
    expect([...calls.keys()].sort()).toEqual(["asyncEnd", "asyncStart", "end", "start"]);
    expect(leaksIn([...calls.values()].join("\n"), tokens)).toEqual([]);
    expect(leaksIn(output.join("\n"), tokens)).toEqual([]);
    // A library has nothing to print at all.
    expect(output).toEqual([]);
  });
});

describe("what is inspected", () => {
  it("holds no token and no secret: the store, its sessions, the client, also with calls under way", async () => {
    const tokens = new Set<string>();
    const client = connect({ port: server.port });
    const store = createSessionStore(client, { prefix: uniquePrefix() });
    await live(witness(store, tokens), "inspected");
    const { token, session } = await store.create({ userId: "inspected" });
    tokens.add(token);
    const call = store.get(token);
    expect(leaksIn(everythingOf(store), tokens)).toEqual([]);
    expect(leaksIn(everythingOf(call), tokens)).toEqual([]);
    expect(leaksIn(everythingOf(session), tokens)).toEqual([]);
    expect(leaksIn(inspect(client, { depth: 12, showHidden: true }), tokens)).toEqual([]);
    await call;
  });
});
