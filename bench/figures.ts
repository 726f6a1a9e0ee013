/** What a run has measured, as a flat list of figures: everything that is printed, drawn or compared is made from it. */
import { ratioOf, type Spread, spreadOf } from "./statistics.ts";

/** The metrics, with their units and the direction that is better. */
export const METRICS = {
  throughput: { unit: "calls/s", better: "higher" },
  time: { unit: "ns/call", better: "lower" },
  requests: { unit: "requests/s", better: "higher" },
  p50: { unit: "µs", better: "lower" },
  p90: { unit: "µs", better: "lower" },
  p99: { unit: "µs", better: "lower" },
  "p99.9": { unit: "µs", better: "lower" },
  max: { unit: "µs", better: "lower" },
  "client CPU": { unit: "µs/call", better: "lower" },
  "server CPU": { unit: "µs/call", better: "lower" },
  duration: { unit: "ms", better: "lower" },
  stall: { unit: "ms", better: "lower" },
  "still accepted": { unit: "s", better: "lower" },
  "from memory": { unit: "%", better: "higher" },
  memory: { unit: "bytes/session", better: "lower" },
  network: { unit: "bytes/call", better: "lower" },
  "append-only file": { unit: "bytes/call", better: "lower" },
  replication: { unit: "bytes/call", better: "lower" },
} as const satisfies Record<string, { readonly unit: string; readonly better: "higher" | "lower" }>;

export type Metric = keyof typeof METRICS;

/** The circumstances of a figure, such as `{ sessions: 1000, inFlight: 128 }`. */
export type Circumstances = Readonly<Record<string, string | number>>;

/** One quantity of one contender under one set of circumstances. */
export interface Figure extends Spread {
  readonly scenario: string;
  readonly at: Circumstances;
  readonly contender: string;
  /** Whether this is coatcheck and not something that it is compared with. */
  readonly ours: boolean;
  readonly metric: Metric;
  /** The measurement ended before the thing itself: it is this much or more. */
  readonly atLeast?: true;
  /** The same quantity as a multiple of the baseline's, round by round in the same run. */
  readonly ratio?: Spread & { readonly to: string };
}

/** Values of one contender, round by round. */
export interface Series {
  readonly contender: string;
  readonly ours: boolean;
  readonly values: Readonly<Partial<Record<Metric, readonly number[]>>>;
  /** Whom it is put beside, where that is not the baseline of all. */
  readonly against?: string | undefined;
}

/** Turns the rounds of several contenders into figures. `baseline` names the one that the others are put beside. */
export function figuresOf(
  scenario: string,
  at: Circumstances,
  series: readonly Series[],
  baseline: string | undefined,
): Figure[] {
  return series.flatMap(({ contender, ours, values, against = baseline }) => {
    const base = series.find((other) => other.contender === against);
    return (Object.entries(values) as [Metric, readonly number[]][])
      .filter(([, numbers]) => numbers.length > 0)
      .map(([metric, numbers]): Figure => {
        const figure = { scenario, at, contender, ours, metric, ...spreadOf(numbers) };
        const others = base?.values[metric] ?? [];
        // What is zero in the baseline has no multiples, and nor has one that left in the middle of the run.
        if (base === undefined || others.length === 0 || !others.every((number) => number > 0)) return figure;
        return { ...figure, ratio: { to: base.contender, ...ratioOf(numbers, others) } };
      });
  });
}

/** Whether a figure was measured under these circumstances, and perhaps more of them. */
export function isAt(figure: Pick<Figure, "at">, at: Circumstances): boolean {
  return Object.entries(at).every(([name, value]) => figure.at[name] === value);
}

/** The figures of one scenario, contender and metric, under circumstances that include these. */
export function select(
  figures: readonly Figure[],
  wanted: Partial<Pick<Figure, "scenario" | "contender" | "metric">> & { readonly at?: Circumstances },
): Figure[] {
  const { scenario, contender, metric, at = {} } = wanted;
  return figures.filter(
    (figure) =>
      (scenario === undefined || figure.scenario === scenario) &&
      (contender === undefined || figure.contender === contender) &&
      (metric === undefined || figure.metric === metric) &&
      isAt(figure, at),
  );
}

/** A figure's place in a run, the same in every run. */
export function keyOf({ scenario, at, contender, metric }: Figure): string {
  const circumstances = Object.entries(at).map(([name, value]) => `${name}=${value}`);
  return [scenario, circumstances.join(" "), contender, metric].join(" · ");
}

/** Circumstances as a reader takes them in. */
export function describe(at: Circumstances): string {
  return Object.entries(at)
    .map(([name, value]) => {
      const count = typeof value === "number" ? value.toLocaleString("en").replaceAll(",", " ") : value;
      if (name === "inFlight") return `${count} in flight`;
      if (name === "perSecond") return `${count} calls a second on a timetable`;
      if (name === "sessions") return value === 1 ? "1 session" : `${count} sessions`;
      if (name === "processes") return `${count} processes`;
      if (name === "perInterval") return `${count} per touchInterval`;
      if (name === "nodes") return value === 1 ? "one server" : `a cluster of ${count} nodes`;
      if (name === "perUser") return value === "any" ? "any number of sessions per user" : `${count} per user`;
      if (name === "watched") return `watched for ${count} s`;
      if (name === "ttl") return `seconds, of a life of ${count} s`;
      if (name === "clockTolerance") return `A service token of a revoked session, clock tolerance ${count} s`;
      return String(value);
    })
    .join(", ");
}
