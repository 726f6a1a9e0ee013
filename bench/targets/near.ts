/** What the near cache has promised: lookups from memory, how soon it hears of a revocation, and whole requests. Pure. */
import { quotientOf } from "../estimates.ts";
import { type Figure, type Metric, select } from "../figures.ts";
import { ALL, HOT } from "../scenarios/near.ts";
import { CACHED_JWT, FAST_JWT, JSONWEBTOKEN, LEAST, NEAR_TOUCH, PEEK } from "../scenarios/near-lookups.ts";
import { PUSH } from "../scenarios/near-push.ts";
import { milliseconds, nanos, say, shown, type Target, times } from "./target.ts";

/** What a lookup from memory takes. */
const timeOf = (figures: readonly Figure[], contender: string, sessions: number): Figure | undefined =>
  select(figures, { scenario: "near", contender, metric: "time", at: { sessions } })[0];

/** How many times as long a verification takes as a lookup from memory: round by round, by what `peek` takes in each. */
const timesNear = (ours: string, other: string, sessions: number) => (figures: readonly Figure[]) => {
  const [own, peer] = [timeOf(figures, ours, sessions)?.ratio, timeOf(figures, other, sessions)?.ratio];
  if (own === undefined || peer === undefined) return undefined;
  return ours === PEEK ? peer : quotientOf(peer, own);
};

const timesBeside = (ours: string, other: string, sessions: number) => (figures: readonly Figure[]) => {
  const [own, peer] = [ours, other].map((name) => shown(timeOf(figures, name, sessions)?.value, nanos));
  return [say`${ours} ${own}, ${other} ${peer}, which lets in who has logged out.`];
};

/** A target of the near cache against the verification of a JWT. */
function nearTarget(target: string, ours: string, other: string, sessions: number, limit: number): Target {
  return {
    scenario: "near",
    target,
    measure: timesNear(ours, other, sessions),
    beside: timesBeside(ours, other, sessions),
    limit,
    reached: "at least",
    show: times,
  };
}

/** How many requests a server answers with near, of those that it answers without authentication. */
function nearHttpTarget(framework: string, limit: number): Target {
  const of = (figures: readonly Figure[], contender: string) =>
    select(figures, { scenario: "http", contender: `${framework}: ${contender}`, metric: "requests" })[0]?.ratio;
  return {
    scenario: "http",
    target: `${framework} with near: at least ${limit.toFixed(2)} × the requests of the same server without authentication`,
    measure: (figures) => of(figures, "coatcheck, near"),
    beside: (figures) => [
      say`Without near: ${shown(of(figures, "coatcheck")?.value, times)}. With a JWT (jose HS256): ${shown(of(figures, "JWT (jose HS256)")?.value, times)}.`,
    ],
    limit,
    reached: "at least",
    show: times,
  };
}

export const nearTargets: readonly Target[] = [
  {
    scenario: "near",
    target: "peek: at most 1 000 ns, without the making of the token's text",
    measure: (figures) => timeOf(figures, PEEK, HOT),
    beside: (figures) => [
      say`The least, a Map behind SHA-256: ${shown(timeOf(figures, LEAST, HOT)?.value, nanos)}.`,
      "It is the machine's nanoseconds that this one counts.",
    ],
    limit: 1000,
    reached: "at most",
    show: nanos,
  },
  nearTarget("peek: at least 3.4 × as fast as fast-jwt with its cache", PEEK, CACHED_JWT, HOT, 3.4),
  nearTarget("peek: at least 9 × as fast as fast-jwt", PEEK, FAST_JWT, HOT, 9),
  nearTarget("peek: at least 12 × as fast as jsonwebtoken with a KeyObject", PEEK, JSONWEBTOKEN, HOT, 12),
  nearTarget("touch from memory: at least 2.6 × as fast as fast-jwt with its cache", NEAR_TOUCH, CACHED_JWT, HOT, 2.6),
  nearTarget(
    "peek among 10 000 sessions: at least 2.3 × as fast as fast-jwt with its cache",
    PEEK,
    CACHED_JWT,
    ALL,
    2.3,
  ),
  {
    scenario: "near",
    target: "a revocation: p99 of at most 10 ms until four other processes have heard of it",
    measure: (figures) => select(figures, { scenario: "near", contender: PUSH, metric: "p99" })[0],
    beside: (figures) => {
      const at = (metric: Metric) =>
        shown(select(figures, { scenario: "near", contender: PUSH, metric })[0]?.value, milliseconds);
      return [say`p50 ${at("p50")}, the longest of all ${at("max")}; without near it is nothing at all.`];
    },
    limit: 10_000,
    reached: "at most",
    show: milliseconds,
  },
  nearHttpTarget("Fastify", 0.9),
  nearHttpTarget("Express", 0.95),
];
