/** What the core has promised on node-redis. Pure. */
import { quotientOf } from "../estimates.ts";
import { type Figure, select } from "../figures.ts";
import { digits } from "../report/numbers.ts";
import { say, shown, type Target, times } from "./target.ts";

/** The core on node-redis, beside the raw command or connect-redis on the same client. */
const onNodeRedis = (contender: string) => (figures: readonly Figure[]) =>
  select(figures, {
    scenario: "clients",
    contender: `node-redis: ${contender}`,
    metric: "throughput",
    at: { inFlight: 128 },
  })[0]?.ratio;

export const clientTargets: readonly Target[] = [
  ...["get", "touch"].map(
    (verb): Target => ({
      scenario: "clients",
      target: `${verb} on node-redis: at least 1.15 × the throughput of raw hGetAll of a flat record there, at 128 in flight`,
      measure: onNodeRedis(verb),
      beside: (figures) => {
        const raw = select(figures, { scenario: "clients", metric: "throughput", at: { inFlight: 128 } });
        const of = (client: string) =>
          shown(raw.find(({ contender }) => contender === `${client}: ${verb}`)?.value, digits);
        return [say`${of("node-redis")} calls/s; on ioredis ${of("ioredis")}.`];
      },
      limit: 1.15,
      reached: "at least",
      show: times,
    }),
  ),
  {
    scenario: "clients",
    target: "touch on node-redis: at least 2 × the throughput of connect-redis's get + touch there, at 128 in flight",
    measure: (figures) => {
      const [own, peer] = [onNodeRedis("touch")(figures), onNodeRedis("connect-redis 9, get + touch")(figures)];
      return own && peer && quotientOf(own, peer);
    },
    beside: (figures) => [
      say`get + touch of connect-redis is ${shown(onNodeRedis("connect-redis 9, get + touch")(figures)?.value, times)} of the raw hGetAll.`,
    ],
    limit: 2,
    reached: "at least",
    show: times,
  },
];
