/** One-time tokens when everybody comes at once: one of many consumers gets a token, and one of many tokens is valid. */
import { beforeAll, describe, expect, it } from "vitest";
import type { IoredisClient } from "../../src/index.js";
import { oneTimeScripts } from "../../src/one-time/scripts/scripts.js";
import { createOneTimeTokens, IssueLimitError, type OneTimeTokensOptions } from "../../src/one-time.js";
import { connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { passThrough } from "../harness/pass-through.js";

const redis = connect();
const prefix = uniquePrefix();
guardKeyspace(redis, prefix);
const options: OneTimeTokensOptions = { purpose: "reset", ttl: 60_000, prefix, timeout: 20_000, maxPerHour: 1000 };
const tokens = createOneTimeTokens(redis, options);
const MANY = 100;

// Ten connections, as of ten processes: what one connection sends stays in order, and would be no race.
const connections = Array.from({ length: 10 }, () => connect());
beforeAll(async () => {
  await Promise.all(connections.map((connection) => connection.ping()));
  for (const { source } of Object.values(oneTimeScripts)) await redis.script("LOAD", source);
});

/** Clients that hold their scripts until as many as `count` are there, and then send all of them at once. */
function starters(count: number): IoredisClient[] {
  let waiting = 0;
  let start = () => {};
  const started = new Promise<void>((resolve) => {
    start = resolve;
  });
  return connections.map((connection) =>
    passThrough(connection as IoredisClient, {
      // Each round has clients of its own, and their listeners would pile up on the connection.
      on() {},
      async evalsha(...args: Parameters<IoredisClient["evalsha"]>) {
        waiting++;
        if (waiting === count) start();
        await started;
        return connection.evalsha(...args);
      },
    }),
  );
}

/** Runs a verb `MANY` times at once, over all connections. */
function atOnce<T>(verb: (of: ReturnType<typeof createOneTimeTokens>, at: number) => Promise<T>, maxPerHour = 1000) {
  const all = starters(MANY).map((client) => createOneTimeTokens(client, { ...options, maxPerHour }));
  return Promise.allSettled(Array.from({ length: MANY }, (_, at) => verb(all[at % all.length] ?? tokens, at)));
}

function resultsOf<T>(outcomes: PromiseSettledResult<T>[]): T[] {
  return outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : expect.fail(outcome.reason)));
}

describe("a hundred at once", () => {
  it("consume a token exactly once", async () => {
    for (let round = 0; round < 5; round++) {
      const { token } = await tokens.issue({ subject: `consumed ${round}`, data: round });
      const results = resultsOf(await atOnce((of) => of.consume(token)));
      expect(results.filter((result) => result !== null)).toEqual([expect.objectContaining({ data: round })]);
      expect(await tokens.consume(token)).toBeNull();
    }
  });

  it("leave one valid token when they issue to one subject", async () => {
    const issued = resultsOf(await atOnce((of, at) => of.issue({ subject: "issued", data: at })));
    const valid = [];
    for (const { token } of issued) valid.push(await tokens.peek(token));
    expect(valid.filter((found) => found !== null)).toHaveLength(1);
    expect(await tokens.revokeForSubject("issued")).toBe(true);
  });

  it("issue no more than the limit", async () => {
    const outcomes = await atOnce((of) => of.issue({ subject: "limited" }), 7);
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(refused).toHaveLength(MANY - 7);
    for (const reason of refused) expect(reason).toBeInstanceOf(IssueLimitError);
  });

  it("consume, void and revoke a token, and only one of them says that it did", async () => {
    for (let round = 0; round < 5; round++) {
      const subject = `ended ${round}`;
      const { token } = await tokens.issue({ subject });
      const results = resultsOf(
        await atOnce<unknown>((of, at) => (at % 2 === 0 ? of.consume(token) : of.revokeForSubject(subject))),
      );
      expect(results.filter((result) => result !== null && result !== false)).toHaveLength(1);
      expect(await tokens.peek(token)).toBeNull();
    }
  });

  it("guess at its secret, and the bearer still gets it", async () => {
    const { token } = await tokens.issue({ subject: "guessed" });
    const guess = `${token.slice(0, 27)}${"A".repeat(43)}`;
    const results = resultsOf(await atOnce((of, at) => of.consume(at === 50 ? token : guess)));
    expect(results.flatMap((result, at) => (result === null ? [] : [at]))).toEqual([50]);
  });
});
