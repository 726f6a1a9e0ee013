/** How long others wait while `revokeAll` ends a hundred thousand sessions: of one user, of many, and of guests. */
import { createSessionStore } from "coatcheck";
import type { PingProbe } from "../../test/harness/ping-probe.ts";
import { figuresOf } from "../figures.ts";
import { fill } from "../population.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender } from "../scenario.ts";
import { claimsOf, storeOptions } from "../subject.ts";
import { share } from "../workers.ts";

/** How long the longest PING takes while nobody does anything, for as long as a call of `revokeAll`. */
export const IDLE = "nothing at all";

interface Crowd extends Contender {
  /** Makes so many sessions under a prefix. */
  readonly make: (client: RedisUnderTest["client"], prefix: string, sessions: number, bench: Bench) => Promise<unknown>;
}

const filledWith =
  (perUser: number): Crowd["make"] =>
  (client, prefix, sessions, bench) =>
    fill(client, { prefix, sessions, perUser: Math.min(perUser, sessions) }, bench);

const makeGuests: Crowd["make"] = async (client, prefix, sessions, { signal }) => {
  const store = createSessionStore(client, storeOptions(prefix));
  const claims = claimsOf("a guest");
  await share(Array.from({ length: sessions }).keys(), { workers: 200 }, () => {
    signal.throwIfAborted();
    return store.create({ claims });
  });
};

const does = "coatcheck: ends every session that there is, in steps of at most fifty";

const CROWDS: readonly Crowd[] = [
  { name: "revokeAll, one user", does, ours: true, make: filledWith(Number.POSITIVE_INFINITY) },
  { name: "revokeAll, three each", does, ours: true, make: filledWith(3) },
  { name: "revokeAll, guests", does, ours: true, make: makeGuests },
];

export const everybody: readonly Contender[] = [
  ...CROWDS.map(({ make: _, ...contender }) => contender),
  { name: IDLE, does: "no call: the longest PING in as long a time" },
];

/** Ends them all, and looks how long a PING of another process waits meanwhile, and afterwards. */
export async function timeEverybody(bench: Bench, server: RedisUnderTest, probe: PingProbe): Promise<void> {
  const { everybody: sessions, everybodyRounds: rounds } = bench.settings;
  const stalls = new Map<string, number[]>(everybody.map(({ name }) => [name, []]));
  bench.progress.begin("revocation: everybody", rounds * CROWDS.length);
  for (let round = 0; round < rounds; round++) {
    // The calmest of them, so that no neighbour makes the difference smaller than it is.
    let idle = Number.POSITIVE_INFINITY;
    for (const [at, { name, make }] of CROWDS.entries()) {
      bench.signal.throwIfAborted();
      const prefix = `${server.prefix}all${at}-${round}:`;
      await make(server.client, prefix, sessions, bench);
      const store = createSessionStore(server.client, storeOptions(prefix));
      const began = performance.now();
      const { worst } = await probe.during(async () => {
        const ended = await store.revokeAll({ signal: bench.signal });
        if (ended !== sessions) throw new Error(`revokeAll reached ${ended} of ${sessions} sessions.`);
      });
      stalls.get(name)?.push(worst);
      const took = performance.now() - began;
      const still = await probe.during(() => new Promise((resolve) => setTimeout(resolve, took)));
      idle = Math.min(idle, still.worst);
      bench.progress.step(name);
    }
    stalls.get(IDLE)?.push(idle);
  }
  bench.progress.end();
  const series = everybody.map(({ name, ours = false }) => {
    return { contender: name, ours, values: { stall: stalls.get(name) ?? [] } };
  });
  bench.record(figuresOf("revocation", { sessions }, series, undefined));
}
