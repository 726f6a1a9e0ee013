/** What the near cache saves beside the verification of a JWT, and what it costs: how long a revocation is under way. */
import { openField } from "../field.ts";
import { fill } from "../population.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { countHits, nearHits } from "./near-hits.ts";
import { nearLookups, PEEK } from "./near-lookups.ts";
import { nearPush, timePush } from "./near-push.ts";

/** Sessions that are looked up: those of a few users who are busy, and as many as memory holds by default. */
export const HOT = 200;
export const ALL = 10_000;

const contenders: readonly Contender[] = [...nearLookups, ...nearPush, ...nearHits];

/** A part of the scenario that has its own way to measure. */
type Measure = (bench: Bench, scenario: string, server: RedisUnderTest) => Promise<void>;

export const near: Scenario = {
  name: "near",
  shows: "What a lookup from memory takes beside the verification of a JWT, and how soon memory hears of a revocation.",
  method: [
    "Time of a call: contenders are called one after another in one process each, timed by the batch of 64. The text of each token is made anew from bytes before its batch is timed, as each request brings its own, so it is no part of the figure.",
    `${HOT} sessions, and ${ALL.toLocaleString("en").replaceAll(",", " ")} in no order (quick: 2 000), each once before the first comes again; the caches have room for all. No contender asks a server meanwhile, but for the beats of the near cache.`,
    "Heard elsewhere: one process revokes a session every 10 ms; four others answer 500 requests a second each, and note when their memory does not answer for the session any more. By the one clock of the machine, counted from the answer to the revocation; what is heard before that counts as nothing.",
    "A lease of 10 s here, so that a stall of the machine ends no measurement; nothing that is measured here takes longer or shorter with it.",
    "Requests without a call to Redis: 400 sessions at each rate, whose requests come at random, with a touchInterval of 1 s (quick: 0.3 s), for six intervals after four in which they spread.",
  ],
  limits: [
    "How soon a revocation is heard is without a network, and while all is well. What a fault makes of it is in docs/faults.md, and one such case in the scenario revocation.",
    "A request around the lookup costs far more than the lookup: see the scenario http.",
  ],
  contenders,

  async run(bench) {
    const server = await bench.server();
    const { quick, populations } = bench.settings;
    // A user may want fewer.
    const sessions = Math.min(quick ? 2_000 : ALL, Math.max(...populations));
    const population = await fill(server.client, { prefix: `${server.prefix}near:`, sessions, perUser: 1 }, bench);
    const place = { urls: [server.url], cluster: false, prefix: `${server.prefix}field:`, population };
    const fieldOptions = { scenario: near.name, contenders: nearLookups, baseline: PEEK };
    const attempt = (who: readonly Contender[], measure: Measure) =>
      measure(bench, near.name, server).catch((error: unknown) => {
        bench.signal.throwIfAborted();
        bench.fail(who[0]?.name ?? "", error);
      });
    // It counts, and most of it is waiting; so is the start of the contenders.
    const counted = attempt(nearHits, countHits);
    const field = await openField(bench, fieldOptions, [{ place, spent: () => server.spent() }]);
    await counted;
    const { roundMilliseconds: milliseconds } = bench.settings;
    await field.measure(
      [Math.min(HOT, sessions), sessions].map((among) => ({
        at: { sessions: among },
        place: 0,
        load: { kind: "tight", milliseconds, sessions: among },
      })),
    );
    await field.close();
    await attempt(nearPush, timePush);
  },
};
