/** How many requests of a session cause no call to Redis, by how many of them come in a `touchInterval`. */
import { setTimeout as sleep } from "node:timers/promises";
import { createSessionStore } from "coatcheck";
import { figuresOf } from "../figures.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender } from "../scenario.ts";
import { claimsOf, storeOptions } from "../subject.ts";
import { connect } from "./lookup.ts";
import { LONG_LEASE } from "./near-lookups.ts";

export const HITS = "requests without a call to Redis";
export const FORMULA = "rT / (1 + rT)";

export const nearHits: readonly Contender[] = [
  {
    name: HITS,
    does: "coatcheck with near: requests that come at random, of which memory answers all, and behind which no slide was due",
    ours: true,
  },
  { name: FORMULA, does: "what docs/near.md says they should be" },
];

/** Requests of a session in a `touchInterval` of 60 s: one in 160 s, one a minute, one in 10 s. */
const RATES = [0.375, 1, 6];
const SESSIONS = 400;
/** `touchInterval`, ms, and for how many of them one waits until the requests have spread, and counts. */
const PACE = { quick: 300, full: 1000 };
const INTERVALS = { spread: 4, counted: 6 };
const TICK = 5;

/** Records the share for each rate; all at the same time, as nothing here is about speed. */
export async function countHits(bench: Bench, scenario: string, server: RedisUnderTest): Promise<void> {
  const shares = await Promise.all(RATES.map((perInterval) => shareOf(bench, server, perInterval)));
  for (const [at, perInterval] of RATES.entries()) {
    const formula = perInterval / (1 + perInterval);
    const series = [
      { contender: HITS, ours: true, values: { "from memory": [(shares[at] as number) * 100] } },
      { contender: FORMULA, ours: false, values: { "from memory": [formula * 100] } },
    ];
    bench.record(figuresOf(scenario, { perInterval }, series, undefined));
  }
}

async function shareOf(bench: Bench, server: RedisUnderTest, perInterval: number): Promise<number> {
  const touchInterval = bench.settings.quick ? PACE.quick : PACE.full;
  const prefix = `${server.prefix}hits${perInterval}:`;
  const redis = connect({ urls: [server.url], cluster: false, prefix });
  bench.defer(() => redis.disconnect());
  const store = createSessionStore(redis, { ...storeOptions(prefix), touchInterval, near: { lease: LONG_LEASE } });
  bench.defer(() => store.close());
  const users = Array.from({ length: SESSIONS }, (_, at) => `user${at}`);
  const made = await Promise.all(users.map((userId) => store.create({ userId, claims: claimsOf(userId) })));
  const tokens = made.map(({ token }) => token);
  for (const began = performance.now(); store.near.state !== "serving"; await sleep(5)) {
    store.peek(tokens[0]);
    if (performance.now() - began > 10_000) throw new Error("the near cache does not begin to serve");
  }
  await Promise.all(tokens.map((token) => store.touch(token)));

  // Requests that know nothing of one another: the gaps between them are exponential.
  const gap = () => (-Math.log(1 - Math.random()) * touchInterval) / perInterval;
  const now = performance.now();
  const due = tokens.map(() => now + gap());
  let requests = 0;
  const during = async (milliseconds: number) => {
    for (const end = performance.now() + milliseconds; performance.now() < end; ) {
      await sleep(TICK, undefined, { signal: bench.signal });
      const present = performance.now();
      await Promise.all(
        tokens.map(async (token, at) => {
          if ((due[at] as number) > present) return;
          due[at] = present + gap();
          requests++;
          if ((await store.touch(token)) === null) throw new Error("a live session was not found");
        }),
      );
    }
  };
  await during(INTERVALS.spread * touchInterval);
  const before = { requests, ...store.near.stats };
  await during(INTERVALS.counted * touchInterval);
  const { fills, lapses, flushes } = store.near.stats;
  if (lapses > before.lapses || flushes > before.flushes) {
    throw new Error("the near cache has lapsed meanwhile: the machine stood still");
  }
  // Whatever Redis was asked for a session is in memory after.
  return 1 - (fills - before.fills) / (requests - before.requests);
}
