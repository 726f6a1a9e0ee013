/** One-time tokens and Redis: what they cost, what they show it, and what becomes of a call when it cannot serve. */
import { beforeAll, describe, expect, it } from "vitest";
import { CorruptRecordError, StoreUnavailableError } from "../../src/index.js";
import { oneTimeScripts } from "../../src/one-time/scripts/scripts.js";
import { createOneTimeTokens, type OneTimeTokens, type OneTimeTokensOptions } from "../../src/one-time.js";
import { inReplyTo } from "../fixtures/in-reply-to.js";
import { everythingOf, hashOf, leaksIn } from "../fixtures/leaks.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, keysUnder, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";
import { startRedisServer } from "../harness/redis-server.js";

// A server of its own: its statistics are counted, and its memory runs out.
const server = await startRedisServer();
afterFile(() => server.stop());
const redis = connect({ port: server.port });
const prefix = uniquePrefix();
const options: OneTimeTokensOptions = { purpose: "reset", ttl: 60_000, prefix, timeout: 10_000, maxPerHour: 1000 };

/** What was sent through `client`. */
const sent: unknown[][] = [];
const client = passThrough(redis, {
  evalsha(...args: Parameters<typeof redis.evalsha>) {
    sent.push(args);
    return redis.evalsha(...args);
  },
});
const tokens = createOneTimeTokens(client, options);

let subjects = 0;
const newToken = async () => {
  const subject = `subject ${subjects++}`;
  return { subject, ...(await tokens.issue({ subject })) };
};

type Subject = { readonly subject: string; readonly token: string };
const verbs: Record<string, (of: OneTimeTokens, subject: Subject) => Promise<unknown>> = {
  issue: (of, { subject }) => of.issue({ subject, data: { a: 1 } }),
  peek: (of, { token }) => of.peek(token),
  consume: (of, { token }) => of.consume(token),
  revokeForSubject: (of, { subject }) => of.revokeForSubject(subject),
};

beforeAll(async () => {
  for (const { source } of Object.values(oneTimeScripts)) await redis.script("LOAD", source);
});

describe("one round trip", () => {
  async function costOf(call: () => Promise<unknown>) {
    sent.length = 0;
    const { evalsha = 0, eval: evaluated = 0 } = await commandsDuring(redis, call);
    return { sent: sent.length, evalsha, eval: evaluated };
  }

  it.each(Object.entries(verbs))("is what %s takes", async (_, call) => {
    const subject = await newToken();
    expect(await costOf(() => call(tokens, subject))).toEqual({ sent: 1, evalsha: 1, eval: 0 });
  });

  it.each(["peek", "consume"] as const)("is what %s takes for a token that is no more", async (verb) => {
    const { token } = await newToken();
    await tokens.consume(token);
    expect(await costOf(() => tokens[verb](token))).toEqual({ sent: 1, evalsha: 1, eval: 0 });
  });

  it.each(["peek", "consume"] as const)("and none at all is what %s takes for what is no token", async (verb) => {
    const { token } = await newToken();
    const malformed = ["", "x".repeat(1024 * 1024), token.slice(0, -1), `${token}\n`, token.slice(0, 26), null, 7, {}];
    const cost = await costOf(async () => {
      for (const value of malformed) expect(await tokens[verb](value)).toBeNull();
    });
    expect(cost).toEqual({ sent: 0, evalsha: 0, eval: 0 });
  });
});

describe("what Redis is shown", () => {
  it("is the hash of a secret, and neither token nor secret, by any verb", async () => {
    sent.length = 0;
    const subject = await newToken();
    for (const call of Object.values(verbs)) await call(tokens, subject);
    const seen = JSON.stringify(sent);
    expect(sent).toHaveLength(5);
    expect(seen).toContain(hashOf(subject.token));
    expect(leaksIn(seen, [subject.token])).toEqual([]);
  });

  it("is another key for each call of consume", async () => {
    const { token } = await newToken();
    sent.length = 0;
    await Promise.all([tokens.consume(token), tokens.consume(token)]);
    const keys = sent.map((args) => String(args[3]));
    expect(new Set(keys).size).toBe(2);
    for (const key of keys) expect(key).toMatch(/\}:c:reset:[\w-]{12}$/);
  });
});

describe("an id that is taken", () => {
  it("is left alone by the script", async () => {
    const { token } = await newToken();
    const [key = ""] = (await keysUnder(redis, prefix)).filter((name) =>
      name.endsWith(`:o:reset:${token.slice(0, 26)}`),
    );
    const before = await redis.hgetall(key);
    const log = key.replace(/:o:.*$/, ":i:reset:another");
    const { source } = oneTimeScripts.issue;
    expect(await redis.eval(source, 2, key, log, "hash", 60_000, 5, "another", "", "1#")).toEqual(["1#taken"]);
    expect(await redis.hgetall(key)).toEqual(before);
    expect(await redis.exists(log)).toBe(0);
  });

  it("is given up for another", async () => {
    const ids: string[] = [];
    const unlucky = passThrough(redis, {
      async evalsha(...args: Parameters<typeof redis.evalsha>) {
        ids.push(String(args[2]));
        return ids.length === 1 ? inReplyTo(args, ["taken"]) : redis.evalsha(...args);
      },
    });
    const { token } = await createOneTimeTokens(unlucky, options).issue({ subject: "lucky in the end" });
    expect(new Set(ids).size).toBe(2);
    expect(ids[1]?.endsWith(token.slice(0, 26))).toBe(true);
    expect(await tokens.consume(token)).not.toBeNull();
  });
});

describe("a token whose key lives longer than it, as after a move of its slot", () => {
  it.each(["peek", "consume"] as const)("is gone for %s", async (verb) => {
    const { token } = await newToken();
    const [key = expect.fail("no key")] = (await keysUnder(redis, prefix)).filter((name) =>
      name.endsWith(`:o:reset:${token.slice(0, 26)}`),
    );
    expect(await tokens.peek(token)).not.toBeNull();
    const now = Date.now();
    await redis.hset(key, "t", `${now - 60_000} ${now - 1000}`);
    await redis.pexpire(key, 5000);
    expect(await tokens[verb](token)).toBeNull();
    expect(await redis.exists(key)).toBe(1);
  });
});

describe("a key that holds something else", () => {
  const keysOf = async ({ subject, token }: Subject) => {
    const keys = await keysUnder(redis, prefix);
    const named = (end: string) => keys.find((key) => key.endsWith(end)) ?? expect.fail(`no key ${end}`);
    return { token: named(`:o:reset:${token.slice(0, 26)}`), log: named(`:i:reset:${subject}`) };
  };
  const expectCorrupt = async (call: Promise<unknown>, key: string) => {
    const error = await call.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CorruptRecordError);
    expect(error).toMatchObject({ key });
    expect((error as Error).message).not.toContain("hands off");
  };

  it.each(["peek", "consume"] as const)("makes %s reject and name it", async (verb) => {
    const subject = await newToken();
    const { token: key } = await keysOf(subject);
    const record = await redis.hgetall(key);
    for (const broken of [{ h: "" }, { t: "hands off" }, { d: '{"hands off' }, { u: '\\u"hands off' }]) {
      await redis.hset(key, { ...record, ...broken });
      for (const [field, value] of Object.entries(broken)) if (value === "") await redis.hdel(key, field);
      if (verb === "peek" || "h" in broken) await expectCorrupt(tokens[verb](subject.token), key);
    }
    await redis.del(key);
    await redis.set(key, "hands off", "PX", 60_000);
    await expectCorrupt(tokens[verb](subject.token), key);
  });

  it("makes issue and revokeForSubject reject and name it", async () => {
    const subject = await newToken();
    const { log } = await keysOf(subject);
    for (const verb of ["issue", "revokeForSubject"]) {
      await redis.del(log);
      await redis.lpush(log, "hands off");
      await expectCorrupt(Promise.resolve(verbs[verb]?.(tokens, subject)), log);
      await redis.del(log);
      await redis.set(log, "hands off", "PX", 60_000);
      await expectCorrupt(Promise.resolve(verbs[verb]?.(tokens, subject)), log);
    }
    expect(await tokens.consume(subject.token)).not.toBeNull();
  });
});

describe("when Redis is out of memory", () => {
  it("tokens can be looked at, consumed and revoked; none is issued, and the one before stays valid", async () => {
    const [one, two] = [await newToken(), await newToken()];
    await redis.config("SET", "maxmemory", "1");
    try {
      await expect(tokens.issue({ subject: one.subject })).rejects.toThrow("Redis cannot serve (OOM)");
      expect(await tokens.peek(one.token)).not.toBeNull();
      expect(await tokens.consume(one.token)).not.toBeNull();
      expect(await tokens.revokeForSubject(two.subject)).toBe(true);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    expect(await tokens.consume(two.token)).toBeNull();
  });
});

describe("when Redis does not answer", () => {
  it("every verb rejects within its deadline, and shows no token", async () => {
    const frozen = await startRedisServer();
    afterFile(() => frozen.stop());
    const own = connect({ port: frozen.port });
    await own.ping();
    const late = createOneTimeTokens(own, { ...options, timeout: 50 });
    const subject = await newToken();
    frozen.freeze();
    try {
      const errors = await Promise.all(
        Object.values(verbs).map((call) => call(late, subject).catch((error: unknown) => error)),
      );
      for (const error of errors) {
        expect(error).toBeInstanceOf(StoreUnavailableError);
        expect(leaksIn(everythingOf(error), [subject.token])).toEqual([]);
      }
    } finally {
      frozen.thaw();
    }
  });
});

describe("what is inspected", () => {
  it("holds no token and no secret", async () => {
    const { token } = await newToken();
    const found = await tokens.peek(token);
    expect(leaksIn(everythingOf(found) + everythingOf(tokens), [token])).toEqual([]);
  });
});
