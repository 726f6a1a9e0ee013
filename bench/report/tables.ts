/**
 * The tables of a report, each made once: the terminal, the page and the README show the same ones. Pure; what a table looks
 * like is not known here.
 */
import { type Circumstances, describe, type Figure, type Metric, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { digits, multiple, withSpread } from "./numbers.ts";

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly Row[];
}

export interface Row {
  readonly cells: readonly string[];
  /** Whether it is a row of coatcheck's. */
  readonly ours: boolean;
}

interface Column {
  readonly head: string;
  readonly metric: Metric;
  readonly at?: Circumstances;
  /** Shows the ratio to the baseline and not the figure. */
  readonly ratio?: true;
}

/** The title of the table that the report begins with. */
export const DOORS = "For how long a logged-out user is still let in";

/** What is worth reading first of a scenario. */
export function overviewOf({ figures }: Pick<Results, "figures">, scenario: string): Table[] {
  const own = select(figures, { scenario });
  if (own.length === 0) return [];
  switch (scenario) {
    case "lookup":
      return each(own, "sessions", (here, sessions) => tableOf(titleOf(here, { sessions }), here, LOOKUP));
    case "scale":
      return each(own, "nodes", (here, nodes) => tableOf(titleOf(here, { nodes }), here, LOOKUP));
    case "slide":
      return [tableOf(titleOf(own), own, SLIDE)];
    case "peers":
      return [tableOf(titleOf(own), own, PEERS)];
    case "http":
      return [tableOf("Requests to a whole server, 50 connections", own, HTTP)];
    case "revocation": {
      const verbs = own.filter(({ metric }) => metric === "duration");
      const doors = own.filter(({ metric }) => metric === "still accepted");
      return [
        tableOf("Duration of the call, ms", verbs, overValues(verbs, "sessions", "duration")),
        tableOf("Longest wait of another client meanwhile, ms", own, overValues(own, "sessions", "stall")),
        tableOf(DOORS, doors, [{ head: "seconds after the log-out", metric: "still accepted" }]),
      ].filter(({ rows }) => rows.length > 0);
    }
    case "near": {
      const shares = own.filter(({ metric }) => metric === "from memory");
      return [
        ...each(own, "sessions", (here, sessions) => tableOf(titleOf(here, { sessions }), here, NEAR)),
        tableOf("From the answer to a revocation until the others have heard of it", own, PUSHED),
        tableOf(
          "Requests of a session without a call to Redis, %",
          shares,
          overValues(shares, "perInterval", "from memory"),
        ),
      ].filter(({ rows }) => rows.length > 0);
    }
    case "clients":
      return [tableOf("Baseline: the raw command on the same client", own, DROP_IN)];
    case "drop-in":
      return [tableOf("Baseline: connect-redis on the same client", own, DROP_IN)];
    case "jwt": {
      const outliving = own.filter(({ metric }) => metric === "still accepted");
      const clocks = each(outliving, "clockTolerance", (here, clockTolerance) =>
        tableOf(titleOf(here, { clockTolerance }), here, overValues(here, "ttl", "still accepted")),
      );
      return [tableOf(titleOf(own), own, JWT), ...clocks].filter(({ rows }) => rows.length > 0);
    }
    case "memory": {
      const here = own.filter(({ at }) => !("server" in at));
      return [
        tableOf("Bytes per session", here, overValues(here, "perUser", "memory")),
        ...each(own, "server", (there, server) =>
          tableOf(`Bytes per session, ${server}`, there, overValues(there, "perUser", "memory")),
        ),
      ];
    }
    default:
      throw new Error(`Nobody has said what is worth reading of the scenario ${scenario}.`);
  }
}

const LOOKUP: readonly Column[] = [
  { head: "1 in flight: p50 µs", metric: "p50", at: { inFlight: 1 } },
  { head: "16: calls/s", metric: "throughput", at: { inFlight: 16 } },
  { head: "16: p50 µs", metric: "p50", at: { inFlight: 16 } },
  { head: "16: p99 µs", metric: "p99", at: { inFlight: 16 } },
  { head: "128: calls/s", metric: "throughput", at: { inFlight: 128 } },
  { head: "128: of baseline", metric: "throughput", at: { inFlight: 128 }, ratio: true },
  { head: "timetable: p99 µs", metric: "p99", at: { perSecond: 5_000 } },
];

const SLIDE: readonly Column[] = [
  { head: "Redis CPU µs", metric: "server CPU" },
  { head: "of baseline", metric: "server CPU", ratio: true },
  { head: "bytes to the file", metric: "append-only file" },
  { head: "bytes to a replica", metric: "replication" },
];

const NEAR: readonly Column[] = [
  { head: "time of a call, ns", metric: "time" },
  { head: "of baseline", metric: "time", ratio: true },
  { head: "calls/s", metric: "throughput" },
];

const PUSHED: readonly Column[] = (["p50", "p99", "max"] as const).map(
  (metric): Column => ({ head: `${metric} µs`, metric, at: { processes: 4 } }),
);

const PEERS: readonly Column[] = [
  { head: "1 in flight: p50 µs", metric: "p50", at: { inFlight: 1 } },
  { head: "16: calls/s", metric: "throughput", at: { inFlight: 16 } },
  { head: "16: p99 µs", metric: "p99", at: { inFlight: 16 } },
  { head: "128: calls/s", metric: "throughput", at: { inFlight: 128 } },
  { head: "128: of baseline", metric: "throughput", at: { inFlight: 128 }, ratio: true },
  { head: "128: client CPU µs", metric: "client CPU", at: { inFlight: 128 } },
  { head: "128: Redis CPU µs", metric: "server CPU", at: { inFlight: 128 } },
];

const DROP_IN: readonly Column[] = [
  { head: "1 in flight: p50 µs", metric: "p50", at: { inFlight: 1 } },
  { head: "1: calls/s", metric: "throughput", at: { inFlight: 1 } },
  { head: "1: of baseline", metric: "throughput", at: { inFlight: 1 }, ratio: true },
  { head: "16: calls/s", metric: "throughput", at: { inFlight: 16 } },
  { head: "16: of baseline", metric: "throughput", at: { inFlight: 16 }, ratio: true },
  { head: "128: calls/s", metric: "throughput", at: { inFlight: 128 } },
  { head: "128: of baseline", metric: "throughput", at: { inFlight: 128 }, ratio: true },
  { head: "128: client CPU µs", metric: "client CPU", at: { inFlight: 128 } },
  { head: "128: Redis CPU µs", metric: "server CPU", at: { inFlight: 128 } },
];

const JWT: readonly Column[] = [
  { head: "1 in flight: p50 µs", metric: "p50", at: { inFlight: 1 } },
  { head: "1: calls/s", metric: "throughput", at: { inFlight: 1 } },
  { head: "1: of baseline", metric: "throughput", at: { inFlight: 1 }, ratio: true },
  { head: "128: calls/s", metric: "throughput", at: { inFlight: 128 } },
  { head: "128: of baseline", metric: "throughput", at: { inFlight: 128 }, ratio: true },
  { head: "128: client CPU µs", metric: "client CPU", at: { inFlight: 128 } },
  { head: "128: Redis CPU µs", metric: "server CPU", at: { inFlight: 128 } },
];

const HTTP: readonly Column[] = [
  { head: "requests/s", metric: "requests" },
  { head: "of no authentication", metric: "requests", ratio: true },
  { head: "p50 µs", metric: "p50" },
  { head: "p99 µs", metric: "p99" },
];

const EVERYTHING: readonly Column[] = [
  { head: "calls/s", metric: "throughput" },
  { head: "of baseline", metric: "throughput", ratio: true },
  ...(["p50", "p90", "p99", "p99.9", "max"] as const).map((metric): Column => ({ head: `${metric} µs`, metric })),
  { head: "client CPU µs", metric: "client CPU" },
  { head: "server CPU µs", metric: "server CPU" },
  { head: "bytes", metric: "network" },
  { head: "to the file", metric: "append-only file" },
  { head: "to a replica", metric: "replication" },
];

/** Every figure of the contenders that were under load, one table for each set of circumstances. */
export function detailsOf({ figures }: Pick<Results, "figures">, scenario: string): Table[] {
  const own = select(figures, { scenario }).filter(({ at }) => "inFlight" in at || "perSecond" in at);
  const circumstances = new Map(own.map(({ at }) => [JSON.stringify(at), at]));
  return [...circumstances].map(([key, at]) => {
    const here = own.filter((figure) => JSON.stringify(figure.at) === key);
    // On a timetable all are equally fast, unless they cannot keep up.
    return tableOf(titleOf(here, at), here, EVERYTHING);
  });
}

/** A table for each value of a circumstance. */
function each(
  figures: readonly Figure[],
  name: string,
  make: (here: readonly Figure[], value: string | number) => Table,
): Table[] {
  return valuesOf(figures, name).map((value) => make(select(figures, { at: { [name]: value } }), value));
}

/** A column for each value of a circumstance. What does not depend on it is in each of them. */
function overValues(figures: readonly Figure[], name: string, metric: Metric): Column[] {
  return valuesOf(figures, name)
    .filter((value) => value !== "any")
    .map((value) => ({ head: describe({ [name]: value }), metric, at: { [name]: value } }));
}

function valuesOf(figures: readonly Figure[], name: string): (string | number)[] {
  return [...new Set(figures.flatMap(({ at }) => at[name] ?? []))];
}

function titleOf(figures: readonly Figure[], at: Circumstances = {}): string {
  const baseline = figures.find(({ ratio }) => ratio !== undefined)?.ratio?.to;
  return [describe(at), baseline === undefined ? "" : `baseline: ${baseline}`].filter((part) => part !== "").join("; ");
}

function tableOf(title: string, figures: readonly Figure[], columns: readonly Column[]): Table {
  const contenders = [...new Set(figures.map(({ contender }) => contender))];
  const shown = columns.filter((column) => contenders.some((contender) => cellOf(figures, contender, column) !== NONE));
  return {
    title,
    head: ["", ...shown.map(({ head }) => head)],
    rows: contenders
      .map((contender) => ({
        cells: [contender, ...shown.map((column) => cellOf(figures, contender, column))],
        ours: figures.some((figure) => figure.contender === contender && figure.ours),
      }))
      .filter(({ cells }) => cells.slice(1).some((cell) => cell !== NONE)),
  };
}

const NONE = "–";

function cellOf(figures: readonly Figure[], contender: string, { metric, at = {}, ratio }: Column): string {
  const found = select(figures, { contender, metric });
  const figure = select(found, { at })[0] ?? found.find((one) => Object.values(one.at).includes("any"));
  if (figure === undefined) return NONE;
  if (ratio) return figure.ratio === undefined ? NONE : multiple(figure.ratio.value);
  if (figure.atLeast) return `at least ${digits(figure.value)}`;
  // Less than a byte a call is no byte of the call: the connection to a replica is never quite silent.
  if ((metric === "replication" || metric === "append-only file") && figure.value < 0.05) return "0";
  return metric === "throughput" || metric === "requests" ? withSpread(figure) : digits(figure.value);
}
