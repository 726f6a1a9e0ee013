/** What it costs to end sessions, whom that keeps waiting, and for how long a logged-out user is still let in. */
import { createSessionStore } from "coatcheck";
import type { PingProbe } from "../../test/harness/ping-probe.ts";
import { startPingProbe } from "../../test/harness/ping-probe.ts";
import type { RedisServer } from "../../test/harness/redis-server.ts";
import { figuresOf, type Metric } from "../figures.ts";
import { fill, keyOf, type Population, tokenOf } from "../population.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { storeOptions } from "../subject.ts";
import { share } from "../workers.ts";
import { type Door, type Outcome, DOORS as PLAIN_DOORS, watch } from "./revocation-doors.ts";
import { everybody, timeEverybody } from "./revocation-everybody.ts";
import { NEAR_DOORS } from "./revocation-near-doors.ts";

const DOORS: readonly Door[] = [...PLAIN_DOORS, ...NEAR_DOORS];

const DEL = "raw DEL";

const verbs: readonly Contender[] = [
  {
    name: DEL,
    does: "raw ioredis: one DEL with the key of every session, which somebody must know",
    givesUp: "the index",
  },
  { name: "revoke", does: "coatcheck: ends one session of a user who has so many", ours: true },
  { name: "revokeAllForUser", does: "coatcheck: ends all sessions of a user, 250 in each atomic step", ours: true },
  { name: "blockUser", does: "coatcheck: ends them all and refuses every log-in from now on", ours: true },
  { name: "updateClaimsForUser", does: "coatcheck: changes a claim in all sessions of a user", ours: true },
];

export const revocation: Scenario = {
  name: "revocation",
  shows:
    "What a log-out everywhere costs, how long it keeps others waiting, and for how long the logged-out user is still let in.",
  method: [
    "Each round makes the sessions anew, and one process calls the verbs one after another, raw DEL last, when all is warm. The stall is the longest PING of another process meanwhile; what Linux had no CPU for is taken off.",
    "Everybody: revokeAll of so many sessions of one user, of users with three each, and of guests, and the longest PING in as long a time without it.",
    "Still accepted: a user logs in, a slow request begins, the user logs out, the slow request ends, and the door is tried every 20 ms: the last time that it opened, counted from the answer to the log-out. With near, the slow request and the log-out go to another process.",
  ],
  limits: [
    "A JWT's lifetime is set to less than the watch; in practice it is 5 to 30 minutes, and all that is left of it counts.",
    "One server without replicas: a failover has a window of its own, see the option `replicas`.",
  ],
  contenders: [...verbs, ...everybody, ...DOORS],

  async run(bench) {
    await timeVerbs(bench);
    await watchDoors(bench);
  },
};

async function timeVerbs(bench: Bench): Promise<void> {
  const { rounds, revoked } = bench.settings;
  const server = await bench.server();
  const probe = await startProbe(bench, server);
  bench.progress.begin("revocation", revoked.length * (rounds + 1));
  for (const sessions of revoked) {
    const values = new Map(verbs.map(({ name }) => [name, { duration: [] as number[], stall: [] as number[] }]));
    for (let round = 0; round <= rounds; round++) {
      for (const [verb, duration, stall] of await roundOf(bench, server, probe, sessions, round)) {
        if (round === 0) continue;
        values.get(verb)?.duration.push(duration);
        if (stall !== undefined) values.get(verb)?.stall.push(stall);
      }
      bench.progress.step(`${sessions} sessions`);
    }
    const series = verbs.map(({ name, ours = false }) => {
      return { contender: name, ours, values: values.get(name) as Partial<Record<Metric, number[]>> };
    });
    bench.record(figuresOf(revocation.name, { sessions }, series, DEL));
  }
  bench.progress.end();
  if (probe !== null) await timeEverybody(bench, server, probe);
}

type Timed = [verb: string, duration: number, stall: number | undefined];

/** Each verb once, on users with so many sessions each. */
async function roundOf(
  bench: Bench,
  { client, prefix }: RedisUnderTest,
  probe: PingProbe | null,
  sessions: number,
  round: number,
): Promise<Timed[]> {
  const make = (name: string) =>
    fill(client, { prefix: `${prefix}${name}${sessions}-${round}:`, sessions, perUser: sessions }, bench);
  const storeOf = (population: Population) => createSessionStore(client, storeOptions(population.prefix));
  const user = "user0";
  const timed: Timed[] = [];
  const time = async (verb: string, expected: number, work: () => Promise<number>) => {
    bench.signal.throwIfAborted();
    let duration = 0;
    let done = -1;
    const run = async () => {
      const began = performance.now();
      done = await work();
      duration = performance.now() - began;
    };
    const stall = probe === null ? await run() : (await probe.during(run)).worst;
    if (done !== expected) throw new Error(`${verb} reached ${done} of ${expected} sessions.`);
    timed.push([verb, duration, stall as number | undefined]);
  };

  const first = await make("a");
  const store = storeOf(first);
  await time("updateClaimsForUser", sessions, () => store.updateClaimsForUser(user, { role: "admin" }));
  await time("revoke", 1, async () => Number(await store.revoke(tokenOf(first, 0))));
  // The one that is gone comes back, so that the number is right.
  const second = await make("b");
  await time("revokeAllForUser", sessions, () => storeOf(second).revokeAllForUser(user));
  const third = await make("c");
  await time("blockUser", sessions, () => storeOf(third).blockUser(user, { until: Date.now() + 3_600_000 }));
  const fourth = await make("d");
  const keys = Array.from({ length: sessions }, (_, at) => keyOf(fourth, at));
  await time(DEL, sessions, () => client.del(...keys));
  await store.revokeAllForUser(user);
  return timed;
}

async function startProbe(bench: Bench, { port, pid, url }: RedisUnderTest): Promise<PingProbe | null> {
  const { username, password } = new URL(url);
  if (pid === undefined || username !== "" || password !== "") {
    bench.skip("the longest stall", "the probe needs a server on this machine that asks for no password");
    return null;
  }
  const probe = await startPingProbe({ port, pid } as RedisServer);
  bench.defer(() => probe.close());
  return probe;
}

async function watchDoors(bench: Bench): Promise<void> {
  const { watchSeconds } = bench.settings;
  bench.progress.begin("revocation: still accepted", DOORS.length);
  const server = await bench.server();
  const outcomes = new Map<Door, Outcome>();
  // Nothing here is about speed, so all are watched at the same time.
  await share(DOORS.entries(), { workers: DOORS.length }, async ([number, door]) => {
    if (door.breaksTheWay && server.pid === undefined) {
      return bench.skip(door.name, "it stands between the process and a server on this machine");
    }
    try {
      const open = await door.open({ url: server.url, prefix: `${server.prefix}door${number}:`, watchSeconds });
      bench.defer(() => open.close());
      outcomes.set(door, await watch(open, watchSeconds * 1000, bench.signal));
    } catch (error) {
      bench.signal.throwIfAborted();
      bench.fail(door.name, error);
    }
    bench.progress.step(door.name);
  });
  bench.progress.end();
  for (const door of DOORS) {
    const outcome = outcomes.get(door);
    if (outcome === undefined) continue;
    const series = [
      { contender: door.name, ours: door.ours ?? false, values: { "still accepted": [outcome.seconds] } },
    ];
    const at = { event: "log-out", watched: watchSeconds };
    const figures = figuresOf(revocation.name, at, series, undefined);
    bench.record(figures.map((figure) => (outcome.atEnd ? { ...figure, atLeast: true as const } : figure)));
  }
}
