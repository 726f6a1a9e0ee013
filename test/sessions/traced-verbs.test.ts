/** Every verb of a store is traced, and so are those of one-time tokens and what the HTTP kit calls. */
import { type TracingChannelSubscribers, tracingChannel } from "node:diagnostics_channel";
import { describe, expect, it, onTestFinished } from "vitest";
import { createSessionStore, type SessionStore, type TracedCall } from "../../src/index.js";
import { createOneTimeTokens } from "../../src/one-time.js";
import { sightingsOf } from "../../src/sessions/sightings.js";
import { everyVerb, liveSubject, stranger, watching } from "../fixtures/every-verb.js";
import { startFakeRedis } from "../harness/fake-redis.js";
import { afterFile, connect, uniquePrefix } from "../harness/fixtures.js";

/** What asks no server, or belongs to no request. */
const UNTRACED: readonly string[] = ["peek", "close"];

const redis = connect();

/** Notes the calls that have ended. */
function listen(): Omit<TracedCall, "startedAt">[] {
  const ended: Omit<TracedCall, "startedAt">[] = [];
  const subscribers = { asyncEnd: ({ startedAt: _, ...call }: TracedCall) => ended.push(call) } as Partial<
    TracingChannelSubscribers<TracedCall>
  > as TracingChannelSubscribers<TracedCall>;
  const channel = tracingChannel<unknown, TracedCall>("coatcheck:call");
  channel.subscribe(subscribers);
  onTestFinished(() => void channel.unsubscribe(subscribers));
  return ended;
}

const verbsOf = (store: object) =>
  Object.entries(store).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));

/** The calls of one verb, of all of which the name begins with its name. */
const callsOf = (verb: string) =>
  Object.entries({ ...everyVerb, ...watching }).filter(([name]) => name.split(" ")[0] === verb);

describe("the verbs of a store", () => {
  const store = createSessionStore(redis, { prefix: uniquePrefix() });
  const verbs = verbsOf(store).filter((verb) => !UNTRACED.includes(verb));

  it.each(verbs)("%s is traced once for each call", async (verb) => {
    const calls = callsOf(verb);
    expect(calls, `${verb} is missing in test/fixtures/every-verb.ts`).not.toEqual([]);
    for (const [name, call] of calls) {
      const subject = await liveSubject(store, `ada ${name}`);
      if (verb === "unblockUser" || verb === "getBlock") await store.blockUser(subject.userId);
      const ended = listen();
      await call(store, subject);
      expect(ended).toEqual([{ of: "sessions", verb, result: "ok" }]);
    }
  });

  it.each(["get", "touch", "find", "updateClaims", "rotate", "revoke", "getBlock", "unblockUser"])(
    "%s of what is not there is absent",
    async (verb) => {
      for (const [, call] of callsOf(verb)) {
        const ended = listen();
        await call(store, stranger());
        expect(ended).toEqual([{ of: "sessions", verb, result: "absent" }]);
      }
    },
  );

  it("each tell of an outage by its own name, and so does the event", async () => {
    const fake = await startFakeRedis({ answer: new Error("MISCONF Redis is unable to persist to disk") });
    afterFile(() => fake.close());
    const down = createSessionStore(connect({ port: fake.port }));
    const outages: unknown[] = [];
    down.events.on("unavailable", (outage) => outages.push(outage));
    const ended = listen();
    const failure = { name: "StoreUnavailableError", code: "STORE_UNAVAILABLE" };
    for (const verb of verbs) {
      const [, call] = callsOf(verb)[0] ?? [];
      await expect(call?.(down, stranger())).rejects.toThrow("cannot serve (MISCONF)");
      expect(ended.splice(0)).toEqual([{ of: "sessions", verb, result: "error", failure }]);
      expect(outages.splice(0)).toEqual([{ verb, code: "STORE_UNAVAILABLE" }]);
    }
  });

  it("are traced under the same names if the HTTP kit calls them", async () => {
    const { token } = await liveSubject(store, "ada");
    const kit = sightingsOf<Record<string, unknown>>(store);
    const ended = listen();
    await kit.touch(token);
    await kit.get(token);
    await kit.get("rubbish");
    expect(ended).toEqual([
      { of: "sessions", verb: "touch", result: "ok" },
      { of: "sessions", verb: "get", result: "ok" },
      { of: "sessions", verb: "get", result: "absent" },
    ]);
  });
});

describe("a near cache", () => {
  it("is traced as Redis is: a lookup from memory is one call, by a verb and by the HTTP kit", async () => {
    const store = createSessionStore(redis, { prefix: uniquePrefix(), near: { lease: 10_000 } });
    afterFile(() => store.close());
    store.peek("");
    await expect.poll(() => store.near.state).toBe("serving");
    const { token } = await liveSubject(store, "ada");
    const kit = sightingsOf<Record<string, unknown>>(store);
    const ended = listen();
    await store.touch(token);
    await store.touch(token);
    await store.get(token);
    await kit.touch(token);
    expect(store.peek(token)).toBeDefined();
    expect(store.near.stats).toMatchObject({ misses: 1, hits: 4 });
    expect(ended.map(({ verb, result }) => `${verb} ${result}`)).toEqual([
      "touch ok",
      "touch ok",
      "get ok",
      "touch ok",
    ]);
  });
});

describe("the event unavailable", () => {
  it("also tells of a revocation that too few replicas have confirmed, and of nothing else", async () => {
    const store: SessionStore = createSessionStore(redis, {
      prefix: uniquePrefix(),
      replicas: { count: 1, timeout: 20 },
    });
    const { token, id, userId } = await liveSubject(store, "ada");
    const outages: unknown[] = [];
    store.events.on("unavailable", (outage) => outages.push(outage));
    await expect(store.updateClaims(token, { big: "x".repeat(20_000) })).rejects.toThrow("16384");
    await expect(store.create({ userId: "" })).rejects.toThrow(RangeError);
    await store.get("rubbish");
    expect(outages).toEqual([]);
    await expect(store.revoke(id)).rejects.toThrow("Revoked on the primary");
    await expect(store.blockUser(userId)).rejects.toThrow("Revoked on the primary");
    expect(outages).toEqual([
      { verb: "revoke", code: "NOT_REPLICATED" },
      { verb: "blockUser", code: "NOT_REPLICATED" },
    ]);
  });
});

describe("the verbs of one-time tokens", () => {
  it("are traced as such", async () => {
    const tokens = createOneTimeTokens(redis, { prefix: uniquePrefix(), purpose: "reset", ttl: 60_000 });
    const ended = listen();
    const { token } = await tokens.issue({ subject: "ada" });
    await tokens.peek(token);
    await tokens.consume(token);
    await tokens.consume(token);
    await tokens.revokeForSubject("ada");
    const call = (verb: string, result: string) => ({ of: "one-time", verb, result });
    expect(ended).toEqual([
      call("issue", "ok"),
      call("peek", "ok"),
      call("consume", "ok"),
      call("consume", "absent"),
      call("revokeForSubject", "absent"),
    ]);
    expect(new Set(ended.map(({ verb }) => verb))).toEqual(new Set(verbsOf(tokens)));
  });
});
