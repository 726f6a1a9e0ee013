/** What this project has promised itself to reach, and whether a run has reached it. Pure. */
import { type Figure, type Metric, select } from "./figures.ts";
import { BASELINE } from "./scenarios/lookup.ts";

export interface Verdict {
  readonly target: string;
  /** What was measured, as it is printed; `null` where this run did not measure it. */
  readonly measured: string | null;
  readonly reached: boolean | null;
}

interface Target {
  readonly target: string;
  /** The worst of all figures that the target speaks of. `undefined`: not measured. */
  readonly measure: (figures: readonly Figure[]) => number | undefined;
  readonly reached: (value: number) => boolean;
  readonly show: (value: number) => string;
}

const milliseconds = (value: number) => `${(value / 1000).toFixed(3)} ms`;
const times = (value: number) => `${value.toFixed(2)} ×`;

/** The highest value of one of our verbs, over all numbers of live sessions. */
const highest = (contender: string, metric: Metric, at: Figure["at"]) => (figures: readonly Figure[]) =>
  most(select(figures, { scenario: "lookup", contender, metric, at }).map(({ value }) => value));

/** The lowest throughput of one of our verbs as a multiple of the baseline's, over all numbers of live sessions. */
const lowestRatio = (contender: string) => (figures: readonly Figure[]) =>
  least(
    select(figures, { scenario: "lookup", contender, metric: "throughput", at: { inFlight: 128 } }).flatMap(
      ({ ratio }) => ratio?.value ?? [],
    ),
  );

/** How many times the throughput of another contender ours has, in the scenario `peers`. */
const timesPeer = (ours: string, other: string) => (figures: readonly Figure[]) =>
  least(
    [16, 128].flatMap((inFlight) => {
      const of = (contender: string) =>
        select(figures, { scenario: "peers", contender, metric: "throughput", at: { inFlight } })[0]?.value;
      const [own, peer] = [of(ours), of(other)];
      return own === undefined || peer === undefined ? [] : [own / peer];
    }),
  );

/** How a lookup's p50 among the most sessions compares with that among the fewest. */
const growth = (contender: string) => (figures: readonly Figure[]) => {
  const p50 = select(figures, { scenario: "lookup", contender, metric: "p50", at: { inFlight: 1 } });
  const bySize = p50.toSorted((a, b) => Number(a.at["sessions"]) - Number(b.at["sessions"]));
  const [fewest, last] = [bySize[0], bySize.at(-1)];
  // Anything less than a million is another question.
  if (fewest === undefined || last === undefined || Number(last.at["sessions"]) < 1_000_000) return undefined;
  return last.value / fewest.value;
};

const TARGETS: readonly Target[] = [
  {
    target: "get: p99 below 1 ms at 16 in flight",
    measure: highest("get", "p99", { inFlight: 16 }),
    reached: (value) => value < 1000,
    show: milliseconds,
  },
  {
    target: "get: p50 below 0.2 ms at 16 in flight",
    measure: highest("get", "p50", { inFlight: 16 }),
    reached: (value) => value < 200,
    show: milliseconds,
  },
  ...["get", "touch"].map((verb) => ({
    target: `${verb}: at least 1.15 × the throughput of ${BASELINE}, at 128 in flight`,
    measure: lowestRatio(verb),
    reached: (value: number) => value >= 1.15,
    show: times,
  })),
  {
    target: "touch: at least 2 × the throughput of connect-redis's get + touch",
    measure: timesPeer("coatcheck touch", "connect-redis get + touch"),
    reached: (value) => value >= 2,
    show: times,
  },
  {
    target: "more lookups a second than jose verifies HS256",
    measure: timesPeer("coatcheck touch", "jose HS256"),
    reached: (value) => value > 1,
    show: times,
  },
  ...["get", "touch"].map((verb) => ({
    target: `${verb}: p50 among a million sessions at most 1.1 × that among a thousand`,
    measure: growth(verb),
    reached: (value: number) => value <= 1.1,
    show: times,
  })),
  {
    target: "revokeAllForUser: below 10 ms for 1 000 sessions",
    measure: (figures) =>
      most(
        select(figures, {
          scenario: "revocation",
          contender: "revokeAllForUser",
          metric: "duration",
          at: { sessions: 1000 },
        }).map(({ value }) => value),
      ),
    reached: (value) => value < 10,
    show: (value) => `${value.toFixed(1)} ms`,
  },
];

/** Judges a run. Where a target speaks of several figures, the worst of them counts. */
export function judge(figures: readonly Figure[]): Verdict[] {
  return TARGETS.map(({ target, measure, reached, show }) => {
    const value = measure(figures);
    if (value === undefined) return { target, measured: null, reached: null };
    return { target, measured: show(value), reached: reached(value) };
  });
}

/** A contender that answered faster than ours in the same scenario, and what it gives up for that. */
export interface Faster {
  readonly contender: string;
  readonly times: number;
  readonly givesUp: string;
}

/** Who had a higher throughput than ours in `peers`, at as many calls in flight. */
export function fasterThanOurs(
  figures: readonly Figure[],
  contenders: readonly { readonly name: string; readonly givesUp?: string }[],
  inFlight: number,
): Faster[] {
  const ours = select(figures, {
    scenario: "peers",
    contender: "coatcheck touch",
    metric: "throughput",
    at: { inFlight },
  })[0];
  if (ours === undefined) return [];
  return select(figures, { scenario: "peers", metric: "throughput", at: { inFlight } })
    .filter(({ ours: own, value }) => !own && value > ours.value)
    .toSorted((a, b) => b.value - a.value)
    .map(({ contender, value }) => ({
      contender,
      times: value / ours.value,
      givesUp: contenders.find(({ name }) => name === contender)?.givesUp ?? "",
    }));
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}
