/** Scripts of one-time tokens whose reply is lost, so that ioredis sends them again and Redis runs them twice. */
import { describe, expect, inject, it } from "vitest";
import { oneTimeScripts } from "../../src/one-time/scripts/scripts.js";
import { createOneTimeTokens, IssueLimitError, type OneTimeTokensOptions } from "../../src/one-time.js";
import { afterFile, connect, guardKeyspace, keysUnder, uniquePrefix } from "../harness/fixtures.js";
import { loseReply } from "../harness/lost-reply.js";
import { startProxy } from "../harness/tcp-proxy.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
for (const { source } of Object.values(oneTimeScripts)) await redis.script("LOAD", source);

const proxy = await startProxy(Number(new URL(inject("redisUrl")).port));
afterFile(() => proxy.close());
// A reconnection takes its time; the deadline is not what is tested here.
const options: OneTimeTokensOptions = { purpose: "reset", ttl: 60_000, prefix, timeout: 10_000, maxPerHour: 2 };
const proxied = connect({ port: proxy.port, retryStrategy: () => 5, maxRetriesPerRequest: null });
const tokens = createOneTimeTokens(proxied, options);
const direct = createOneTimeTokens(redis, options);
let subjects = 0;
const newSubject = () => `replays ${subjects++}`;

const runTwice = <T>(name: keyof typeof oneTimeScripts, verb: () => Promise<T>, meanwhile?: () => Promise<void>) =>
  loseReply(proxy, oneTimeScripts[name], verb, meanwhile);

/** The keys that hold valid tokens. */
const valid = async () => (await keysUnder(redis, prefix)).filter((key) => key.includes(":o:"));

describe("an issue that runs twice", () => {
  it("issues one token, and counts once", async () => {
    const subject = newSubject();
    const before = await valid();
    const issued = await runTwice("issue", () => tokens.issue({ subject, data: 1 }));
    expect(await valid()).toHaveLength(before.length + 1);
    expect(await direct.peek(issued.token)).toMatchObject({ subject, data: 1, expiresAt: issued.expiresAt });
    const second = await direct.issue({ subject });
    await expect(direct.issue({ subject })).rejects.toThrow(IssueLimitError);
    expect(await direct.consume(second.token)).not.toBeNull();
  });

  it("is a success where it was the last that the limit allows", async () => {
    const subject = newSubject();
    await direct.issue({ subject });
    const { token } = await runTwice("issue", () => tokens.issue({ subject }));
    expect(await direct.consume(token)).not.toBeNull();
  });

  it("neither voids a token that was issued between the two runs, nor revives its own", async () => {
    const subject = newSubject();
    let newer = "";
    const older = await runTwice(
      "issue",
      () => tokens.issue({ subject, data: "older" }),
      async () => {
        newer = (await direct.issue({ subject, data: "newer" })).token;
      },
    );
    expect(await direct.peek(older.token)).toBeNull();
    expect(await direct.consume(older.token)).toBeNull();
    expect(await direct.consume(newer)).toMatchObject({ data: "newer" });
  });

  it("neither voids nor revives where the newer one was even consumed", async () => {
    const subject = newSubject();
    const older = await runTwice(
      "issue",
      () => tokens.issue({ subject }),
      async () => {
        expect(await direct.consume((await direct.issue({ subject })).token)).not.toBeNull();
      },
    );
    expect(await direct.consume(older.token)).toBeNull();
    expect(await direct.revokeForSubject(subject)).toBe(false);
  });

  it("does not undo a revocation between the two runs", async () => {
    const subject = newSubject();
    const { token } = await runTwice(
      "issue",
      () => tokens.issue({ subject }),
      async () => expect(await direct.revokeForSubject(subject)).toBe(true),
    );
    expect(await direct.consume(token)).toBeNull();
    expect(await direct.revokeForSubject(subject)).toBe(false);
  });

  it("is refused twice beyond the limit, and changes nothing", async () => {
    const subject = newSubject();
    await direct.issue({ subject });
    const { token } = await direct.issue({ subject });
    await expect(runTwice("issue", () => tokens.issue({ subject }))).rejects.toThrow(IssueLimitError);
    expect(await direct.consume(token)).not.toBeNull();
  });
});

describe("a consumption that runs twice", () => {
  it("is a success, and nobody else's", async () => {
    const subject = newSubject();
    const { token } = await direct.issue({ subject, data: "mine" });
    const others: unknown[] = [];
    const consumed = await runTwice(
      "consume",
      () => tokens.consume(token),
      async () => {
        others.push(await direct.peek(token), await direct.consume(token), await direct.consume(token));
      },
    );
    expect(consumed).toMatchObject({ subject, data: "mine" });
    expect(others).toEqual([null, null, null]);
    expect(await direct.consume(token)).toBeNull();
    expect(await tokens.consume(token)).toBeNull();
  });

  it("is a success for one of twenty on the connection that breaks", async () => {
    const { token } = await direct.issue({ subject: newSubject() });
    const consume = () => Promise.all(Array.from({ length: 20 }, () => tokens.consume(token)));
    const results = await runTwice("consume", consume);
    expect(results.filter((result) => result !== null)).toHaveLength(1);
  });

  it("is a success where another token was issued and revoked between the two runs", async () => {
    const subject = newSubject();
    const { token } = await direct.issue({ subject, data: "first" });
    let newer = "";
    const consumed = await runTwice(
      "consume",
      () => tokens.consume(token),
      async () => {
        expect(await direct.revokeForSubject(subject)).toBe(false);
        newer = (await direct.issue({ subject, data: "second" })).token;
      },
    );
    expect(consumed).toMatchObject({ data: "first" });
    expect(await direct.consume(token)).toBeNull();
    expect(await direct.consume(newer)).toMatchObject({ data: "second" });
  });

  it("is nothing twice with a wrong secret, and the token stays valid", async () => {
    const { token } = await direct.issue({ subject: newSubject() });
    const guess = `${token.slice(0, 27)}${"A".repeat(43)}`;
    expect(await runTwice("consume", () => tokens.consume(guess))).toBeNull();
    expect(await direct.consume(token)).not.toBeNull();
  });
});

describe("other verbs that run twice", () => {
  it("look at a token, and leave it valid", async () => {
    const { token } = await direct.issue({ subject: newSubject() });
    expect(await runTwice("peek", () => tokens.peek(token))).not.toBeNull();
    expect(await direct.consume(token)).not.toBeNull();
  });

  it("revoke, and say so", async () => {
    const subject = newSubject();
    const { token } = await direct.issue({ subject });
    expect(await runTwice("revokeForSubject", () => tokens.revokeForSubject(subject))).toBe(true);
    expect(await direct.consume(token)).toBeNull();
    expect(await tokens.revokeForSubject(subject)).toBe(false);
  });

  it("void no token that was issued between the two runs", async () => {
    const subject = newSubject();
    await direct.issue({ subject });
    let newer = "";
    const revoked = await runTwice(
      "revokeForSubject",
      () => tokens.revokeForSubject(subject),
      async () => {
        newer = (await direct.issue({ subject, data: "newer" })).token;
      },
    );
    expect(revoked).toBe(true);
    expect(await direct.consume(newer)).toMatchObject({ data: "newer" });
  });

  it("find nothing to revoke, twice", async () => {
    expect(await runTwice("revokeForSubject", () => tokens.revokeForSubject(newSubject()))).toBe(false);
  });
});
