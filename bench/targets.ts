/** What this project has promised itself to reach, and whether a run has reached it. Pure. */

import { median as medianOf } from "simple-statistics";
import { doubtOf, type Estimate, highestOf, lowest, ONE, quotientOf } from "./estimates.ts";
import { type Figure, type Metric, select } from "./figures.ts";
import { busyness } from "./neighbours.ts";
import type { Results } from "./results.ts";
import { BASELINE, JSON_GET } from "./scenarios/lookup.ts";
import { FLOOR } from "./scenarios/memory.ts";
import { clientTargets } from "./targets/clients.ts";
import { everybodyTargets } from "./targets/everybody.ts";
import { nearTargets } from "./targets/near.ts";
import { slideTargets } from "./targets/slide.ts";
import { bytes, micros, milliseconds, say, shown, type Target, times } from "./targets/target.ts";

export interface Verdict {
  readonly target: string;
  /** What was measured, as it is printed; `null` where this run did not measure it. */
  readonly measured: string | null;
  /** `null` where it was not measured, or there is no verdict. */
  readonly reached: boolean | null;
  /** Why there is no verdict although it was measured, as the end of a sentence. */
  readonly withheld: string | null;
  /** What was measured beside it in the same run: why it was missed, or what a reader should set against it. */
  readonly beside: string | null;
}

/** The highest value of a contender, over all numbers of live sessions. */
const highest = (contender: string, metric: Metric, at: Figure["at"]) => (figures: readonly Figure[]) =>
  most(figuresOf(figures, contender, metric, at));

/** The multiples of the baseline's, over all numbers of live sessions. */
const ratiosOf = (figures: readonly Figure[], contender: string, metric: Metric, at: Figure["at"]): Estimate[] =>
  select(figures, { scenario: "lookup", contender, metric, at }).flatMap(({ ratio }) =>
    ratio?.to === BASELINE ? ratio : [],
  );

/** What the processors did for a call of ours and of the baseline, at 128 in flight. */
const workBeside = (contender: string) => (figures: readonly Figure[]) => {
  const cpu = (of: string, metric: Metric) => shown(median(figuresOf(figures, of, metric, { inFlight: 128 })), micros);
  return [
    say`CPU time of a call: client ${cpu(contender, "client CPU")} against ${cpu(BASELINE, "client CPU")}, Redis ${cpu(contender, "server CPU")} against ${cpu(BASELINE, "server CPU")}, on the same few cores.`,
  ];
};

const figuresOf = (figures: readonly Figure[], contender: string, metric: Metric, at: Figure["at"]) =>
  select(figures, { scenario: "lookup", contender, metric, at }).map(({ value }) => value);

/** How many times the throughput of another contender ours has, in the scenario `peers`. */
const timesPeer = (ours: string, other: string) => (figures: readonly Figure[]) =>
  lowest(
    [16, 128].flatMap((inFlight) => {
      const of = (contender: string) =>
        select(figures, { scenario: "peers", contender, metric: "throughput", at: { inFlight } })[0];
      const [own, peer] = [of(ours), of(other)];
      if (own === undefined || peer === undefined) return [];
      // Round by round where there is such a ratio, because a busy moment hits both.
      return peer.ratio?.to === ours ? quotientOf(ONE, peer.ratio) : quotientOf(own, peer);
    }),
  );

/** What weighs so much on a server; on the machine's own where none is named. */
function weightOf(figures: readonly Figure[], contender: string, server?: string): number | undefined {
  const found = select(figures, { scenario: "memory", contender, metric: "memory", at: { perUser: 3 } });
  return found.find(({ at }) => at["server"] === server)?.value;
}

/** How a lookup's p50 among a million sessions compares with that among the fewest. */
const growth = (contender: string) => (figures: readonly Figure[]) => {
  const { fewest, million } = bySize(figures, contender);
  return fewest && million && quotientOf(million, fewest);
};

/** The same less what the baseline grows by, which is the doing of the machine and of Redis. */
const growthBesideBaseline = (contender: string) => (figures: readonly Figure[]) => {
  const { fewest, million } = bySize(figures, contender);
  return fewest?.ratio && million?.ratio && quotientOf(million.ratio, fewest.ratio);
};

function bySize(figures: readonly Figure[], contender: string) {
  const p50 = select(figures, { scenario: "lookup", contender, metric: "p50", at: { inFlight: 1 } });
  const sorted = p50.toSorted((a, b) => Number(a.at["sessions"]) - Number(b.at["sessions"]));
  const [fewest, last] = [sorted[0], sorted.at(-1)];
  // Anything less than a million is another question.
  return { fewest, million: Number(last?.at["sessions"]) >= 1_000_000 ? last : undefined };
}

const TARGETS: readonly Target[] = [
  {
    scenario: "lookup",
    target: `get: p50 at 16 in flight at most 0.85 × that of ${BASELINE}`,
    measure: (figures) => highestOf(ratiosOf(figures, "get", "p50", { inFlight: 16 })),
    beside: (figures) => {
      const p50 = (contender: string, inFlight: number) =>
        shown(highest(contender, "p50", { inFlight })(figures), milliseconds);
      return [
        say`16 callers share one Node.js process and one connection, so most of it is waiting for one another: get ${p50("get", 16)}, raw ioredis HGETALL ${p50(BASELINE, 16)}, GET ${p50(JSON_GET, 16)}.`,
        say`One call after another: ${p50("get", 1)}.`,
      ];
    },
    limit: 0.85,
    reached: "at most",
    show: times,
  },
  {
    scenario: "lookup",
    target: `get: p99 at 16 in flight at most 1.2 × that of ${BASELINE}`,
    measure: (figures) => highestOf(ratiosOf(figures, "get", "p99", { inFlight: 16 })),
    beside: (figures) => {
      const p99 = (contender: string, at: Figure["at"]) => shown(highest(contender, "p99", at)(figures), milliseconds);
      return [
        say`Closed loop: get ${p99("get", { inFlight: 16 })}, raw ioredis HGETALL ${p99(BASELINE, { inFlight: 16 })}, GET ${p99(JSON_GET, { inFlight: 16 })}.`,
        say`That leaves out whom a stall would have kept waiting; on a timetable of 5 000 calls a second: get ${p99("get", { perSecond: 5000 })}, HGETALL ${p99(BASELINE, { perSecond: 5000 })}.`,
      ];
    },
    limit: 1.2,
    reached: "at most",
    show: times,
  },
  ...["get", "touch"].map(
    (verb): Target => ({
      scenario: "lookup",
      target: `${verb}: at least 1.15 × the throughput of ${BASELINE}, at 128 in flight`,
      measure: (figures) => lowest(ratiosOf(figures, verb, "throughput", { inFlight: 128 })),
      beside: workBeside(verb),
      limit: 1.15,
      reached: "at least",
      show: times,
    }),
  ),
  {
    scenario: "peers",
    target: "touch: at least 2 × the throughput of connect-redis's get + touch",
    measure: timesPeer("coatcheck touch", "connect-redis get + touch"),
    beside: (figures) => [
      say`Where every request of ours writes its deadline, too: ${shown(timesPeer("coatcheck touch, writing", "connect-redis get + touch")(figures)?.value, times)}.`,
      "The clients differ (ioredis and node-redis); the scenario drop-in has them equal.",
    ],
    limit: 2,
    reached: "at least",
    show: times,
  },
  {
    scenario: "peers",
    target: "touch: at least as many lookups a second as jose verifies HS256",
    measure: timesPeer("coatcheck touch", "jose HS256"),
    beside: (figures) => [
      say`With the secret as bytes, as in jose's examples, and not as an imported key: ${shown(timesPeer("coatcheck touch", "jose HS256, secret as bytes")(figures)?.value, times)}.`,
    ],
    limit: 1,
    reached: "at least",
    show: times,
  },
  ...["get", "touch"].map(
    (verb): Target => ({
      scenario: "lookup",
      target: `${verb}: p50 among a million sessions against that among a thousand: at most 1.05 × what raw HGETALL itself changes`,
      measure: growthBesideBaseline(verb),
      beside: (figures) => [
        say`${verb} changes by ${shown(growth(verb)(figures)?.value, times)}, raw ioredis HGETALL by ${shown(growth(BASELINE)(figures)?.value, times)}.`,
      ],
      limit: 1.05,
      reached: "at most",
      show: times,
    }),
  ),
  {
    scenario: "revocation",
    target: "revokeAllForUser of 1 000 sessions: at most 10 × a raw DEL of as many keys that are known",
    measure: (figures) => {
      const [own, raw] = revoking(figures);
      return own && raw && quotientOf(own, raw);
    },
    beside: (figures) => {
      const [own, raw] = revoking(figures).map((figure) => shown(figure?.value, (value) => `${value.toFixed(1)} ms`));
      return [say`${own} against ${raw}, which knows the keys and leaves an index behind.`];
    },
    limit: 10,
    reached: "at most",
    show: times,
  },
  {
    scenario: "memory",
    target: "memory: at most 330 bytes for a session with three claims, at three sessions per user",
    measure: (figures) => {
      const value = weightOf(figures, "coatcheck");
      return value === undefined ? undefined : { value, mad: 0, rounds: 1 };
    },
    beside: (figures) => {
      const least = weightOf(figures, FLOOR);
      const own = weightOf(figures, "coatcheck");
      const servers = new Set(select(figures, { scenario: "memory" }).flatMap(({ at }) => at["server"] ?? []));
      return [
        say`An empty hash with a TTL and its index entry take ${shown(least, bytes)}, so the record is ${shown(least && own && own - least, bytes)} of it.`,
        ...[...servers].map((server) => {
          const on = (contender: string) => shown(weightOf(figures, contender, String(server)), bytes);
          return say`${String(server)}: ${on("coatcheck")}, of which ${on(FLOOR)} are the empty one.`;
        }),
      ];
    },
    limit: 330,
    reached: "at most",
    show: bytes,
    isTimeless: true,
  },
  ...everybodyTargets,
  ...clientTargets,
  ...slideTargets,
  ...nearTargets,
];

/** What it takes to revoke 1 000 sessions of a user, and to delete as many keys. */
function revoking(figures: readonly Figure[]): (Figure | undefined)[] {
  return ["revokeAllForUser", "raw DEL"].map(
    (contender) =>
      select(figures, { scenario: "revocation", contender, metric: "duration", at: { sessions: 1000 } })[0],
  );
}

/** Judges a run. Where a target speaks of several figures, the worst of them counts. */
export function judge({ figures, scenarios }: Pick<Results, "figures" | "scenarios">): Verdict[] {
  return TARGETS.map(({ scenario, target, measure, limit, reached, show, beside, isTimeless = false }) => {
    const estimate = measure(figures);
    if (estimate === undefined) return { target, measured: null, reached: null, withheld: null, beside: null };
    const { value } = estimate;
    const calm = scenarios.find(({ name }) => name === scenario)?.calm;
    const withheld = isTimeless ? null : ((calm && busyness(calm)) ?? doubtOf(estimate, limit, show));
    const said = beside(figures).filter((sentence) => sentence !== undefined);
    return {
      target,
      measured: show(value),
      reached: withheld !== null ? null : reached === "at least" ? value >= limit : value <= limit,
      withheld,
      beside: said.join(" ") || null,
    };
  });
}

/** What is said of a verdict in a word. */
export function wordFor({ reached }: Verdict): "reached" | "missed" | "no verdict" {
  return reached === null ? "no verdict" : reached ? "reached" : "missed";
}

function median(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : medianOf(values);
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}
