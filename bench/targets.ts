/** What this project has promised itself to reach, and whether a run has reached it. Pure. */

import { median as medianOf } from "simple-statistics";
import { type Figure, type Metric, select } from "./figures.ts";
import { BASELINE, JSON_GET } from "./scenarios/lookup.ts";
import { FLOOR } from "./scenarios/memory.ts";

export interface Verdict {
  readonly target: string;
  /** What was measured, as it is printed; `null` where this run did not measure it. */
  readonly measured: string | null;
  readonly reached: boolean | null;
  /** What was measured beside it in the same run: why it was missed, or what a reader should set against it. */
  readonly beside: string | null;
}

interface Target {
  readonly target: string;
  /** A sentence or two made from the figures of the run; what it did not measure is left out. */
  readonly beside: (figures: readonly Figure[]) => readonly (string | undefined)[];
  /** The worst of all figures that the target speaks of. `undefined`: not measured. */
  readonly measure: (figures: readonly Figure[]) => number | undefined;
  readonly reached: (value: number) => boolean;
  readonly show: (value: number) => string;
}

const milliseconds = (value: number) => `${(value / 1000).toFixed(3)} ms`;
const times = (value: number) => `${value.toFixed(2)} ×`;
const bytes = (value: number) => `${Math.round(value)} bytes`;
const micros = (value: number) => `${value.toFixed(1)} µs`;

/** A part of a sentence with figures in it; nothing where one of them was not measured. */
function say(parts: TemplateStringsArray, ...values: (string | undefined)[]): string | undefined {
  if (values.includes(undefined)) return undefined;
  return parts.map((part, at) => part + (values[at] ?? "")).join("");
}

/** A value as it is printed. */
function shown(value: number | undefined, show: (value: number) => string): string | undefined {
  return value === undefined ? undefined : show(value);
}

/** The highest value of one of our verbs, over all numbers of live sessions. */
const highest = (contender: string, metric: Metric, at: Figure["at"]) => (figures: readonly Figure[]) =>
  most(select(figures, { scenario: "lookup", contender, metric, at }).map(({ value }) => value));

/** What the processors did for a call of ours and of the baseline, at 128 in flight. */
const workBeside = (contender: string) => (figures: readonly Figure[]) => {
  const cpu = (of: string, metric: Metric) => shown(median(figuresOf(figures, of, metric, { inFlight: 128 })), micros);
  return [
    say`CPU time of a call: client ${cpu(contender, "client CPU")} against ${cpu(BASELINE, "client CPU")}, Redis ${cpu(contender, "server CPU")} against ${cpu(BASELINE, "server CPU")}, on the same few cores.`,
  ];
};

const figuresOf = (figures: readonly Figure[], contender: string, metric: Metric, at: Figure["at"]) =>
  select(figures, { scenario: "lookup", contender, metric, at }).map(({ value }) => value);

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

/** What weighs so much on a server; on the machine's own where none is named. */
function weightOf(figures: readonly Figure[], contender: string, server?: string): number | undefined {
  const found = select(figures, { scenario: "memory", contender, metric: "memory", at: { perUser: 3 } });
  return found.find(({ at }) => at["server"] === server)?.value;
}

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
    beside: (figures) => {
      const p99 = (contender: string, at: Figure["at"]) => shown(highest(contender, "p99", at)(figures), milliseconds);
      return [
        say`A closed loop, which leaves out whom a stall would have kept waiting; on a timetable of 5 000 calls a second: ${p99("get", { perSecond: 5000 })}.`,
        say`Raw ioredis, closed loop: HGETALL ${p99(BASELINE, { inFlight: 16 })}, GET ${p99(JSON_GET, { inFlight: 16 })}.`,
      ];
    },
    reached: (value) => value < 1000,
    show: milliseconds,
  },
  {
    target: "get: p50 below 0.2 ms at 16 in flight",
    measure: highest("get", "p50", { inFlight: 16 }),
    beside: (figures) => {
      const p50 = (contender: string, inFlight: number) =>
        shown(highest(contender, "p50", { inFlight })(figures), milliseconds);
      return [
        say`16 callers share one Node.js process and one connection, so most of it is waiting for one another: raw ioredis HGETALL ${p50(BASELINE, 16)}, GET ${p50(JSON_GET, 16)}.`,
        say`One call after another: ${p50("get", 1)}.`,
      ];
    },
    reached: (value) => value < 200,
    show: milliseconds,
  },
  ...["get", "touch"].map((verb) => ({
    target: `${verb}: at least 1.15 × the throughput of ${BASELINE}, at 128 in flight`,
    measure: lowestRatio(verb),
    beside: workBeside(verb),
    reached: (value: number) => value >= 1.15,
    show: times,
  })),
  {
    target: "touch: at least 2 × the throughput of connect-redis's get + touch",
    measure: timesPeer("coatcheck touch", "connect-redis get + touch"),
    beside: (figures) => [
      say`Where every request of ours writes its deadline, too: ${shown(timesPeer("coatcheck touch, writing", "connect-redis get + touch")(figures), times)}.`,
      "The clients differ (ioredis and node-redis); the scenario drop-in has them equal.",
    ],
    reached: (value) => value >= 2,
    show: times,
  },
  {
    target: "more lookups a second than jose verifies HS256",
    measure: timesPeer("coatcheck touch", "jose HS256"),
    beside: (figures) => [
      say`With the secret as bytes, as in jose's examples, and not as an imported key: ${shown(timesPeer("coatcheck touch", "jose HS256, secret as bytes")(figures), times)}.`,
    ],
    reached: (value) => value > 1,
    show: times,
  },
  ...["get", "touch"].map((verb) => ({
    target: `${verb}: p50 among a million sessions at most 1.1 × that among a thousand`,
    measure: growth(verb),
    beside: (figures: readonly Figure[]) => [say`Raw ioredis HGETALL: ${shown(growth(BASELINE)(figures), times)}.`],
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
    beside: (figures) => {
      const at = { sessions: 1000 };
      const raw = select(figures, { scenario: "revocation", contender: "raw DEL", metric: "duration", at })[0];
      return [say`Raw DEL of as many keys that are known: ${shown(raw?.value, (value) => `${value.toFixed(1)} ms`)}.`];
    },
    reached: (value) => value < 10,
    show: (value) => `${value.toFixed(1)} ms`,
  },
  {
    target: "memory: at most 330 bytes for a session with three claims, at three sessions per user",
    measure: (figures) => weightOf(figures, "coatcheck"),
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
    reached: (value) => value <= 330,
    show: bytes,
  },
];

/** Judges a run. Where a target speaks of several figures, the worst of them counts. */
export function judge(figures: readonly Figure[]): Verdict[] {
  return TARGETS.map(({ target, measure, reached, show, beside }) => {
    const value = measure(figures);
    if (value === undefined) return { target, measured: null, reached: null, beside: null };
    const said = beside(figures).filter((sentence) => sentence !== undefined);
    return { target, measured: show(value), reached: reached(value), beside: said.join(" ") || null };
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

function median(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : medianOf(values);
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}
