/** Figures and results of runs that never were, for the tests of what is made from them. */

import { type Figure, figuresOf, type Metric } from "../../bench/figures.js";
import type { Results } from "../../bench/results.js";
import { FRAMEWORKS } from "../../bench/scenarios/http-servers/login.ts";
import { BASELINE } from "../../bench/scenarios/lookup.js";
import { ALL, HOT } from "../../bench/scenarios/near.js";
import { nearHits } from "../../bench/scenarios/near-hits.js";
import { nearLookups } from "../../bench/scenarios/near-lookups.js";
import { nearPush } from "../../bench/scenarios/near-push.js";
import { IDLE } from "../../bench/scenarios/revocation-everybody.js";
import { SCENARIOS } from "../../bench/scenarios.js";
import { settingsFor } from "../../bench/settings.js";

/** The scenarios that a run has. */
export const NAMES = SCENARIOS.map(({ name }) => name);

/** A figure of ours, steady over five rounds. */
export function figure(of: Partial<Figure> & { metric: Metric; value: number }): Figure {
  const { value } = of;
  return {
    scenario: "lookup",
    at: { inFlight: 128 },
    contender: "get",
    ours: true,
    low: value,
    high: value,
    mad: 0,
    rounds: 5,
    ...of,
  };
}

let run: Results | undefined;

/** A run with a figure for every chart. Made once, as it takes a while. */
export function everything(): Results {
  run ??= makeUp();
  return run;
}

function makeUp(): Results {
  const scenarios = SCENARIOS.map(({ name, shows, method, limits, contenders }) => {
    // One scenario ran beside a neighbour, so there are verdicts of every kind.
    const calm = { cores: 2, others: name === "peers" ? 0.8 : 0.1, stolen: 0, waiting: 1.02 };
    return { name, shows, method, limits, contenders, failures: [], skipped: [], calm };
  });
  const values = (size: number) => [size, size * 1.1, size * 1.2];
  const figures = SCENARIOS.flatMap(({ name, contenders }) => {
    const measure = (at: Figure["at"], metrics: readonly Metric[], named = contenders) =>
      figuresOf(
        name,
        at,
        named.map(({ name: contender, ours = false }, nth) => ({
          contender,
          ours,
          values: Object.fromEntries(metrics.map((metric) => [metric, values(10 ** (nth % 5) * 7)])),
        })),
        (named.find((one) => one.name === BASELINE) ?? named[0])?.name,
      );
    const load: Metric[] = ["throughput", "p50", "p90", "p99", "p99.9", "max", "client CPU", "server CPU", "network"];
    if (name === "lookup")
      return [1000, 1_000_000].flatMap((sessions) => [
        ...[1, 16, 128].flatMap((inFlight) => measure({ sessions, inFlight }, load)),
        ...measure({ sessions, perSecond: 5000 }, load),
      ]);
    if (name === "slide") return measure({ inFlight: 128 }, ["server CPU", "append-only file", "replication"]);
    if (name === "scale")
      return [1, 3].flatMap((nodes) => [1, 16, 128].flatMap((inFlight) => measure({ nodes, inFlight }, load)));
    if (name === "peers" || name === "drop-in" || name === "clients")
      return [1, 16, 128].flatMap((inFlight) => measure({ inFlight }, load));
    if (name === "jwt")
      return [
        ...[1, 128].flatMap((inFlight) => measure({ inFlight }, load)),
        ...measure({ ttl: 5, clockTolerance: 0 }, ["still accepted"], contenders.slice(0, 1)),
      ];
    if (name === "http")
      return FRAMEWORKS.flatMap((framework) =>
        measure(
          { framework },
          ["requests", "p50", "p99"],
          contenders.filter((one) => one.name.startsWith(framework)),
        ),
      );
    if (name === "near")
      return [
        ...[HOT, ALL].flatMap((sessions) => measure({ sessions }, ["time", "throughput"], nearLookups)),
        ...measure({ processes: 4 }, ["p50", "p99", "max"], nearPush),
        ...measure({ perInterval: 6 }, ["from memory"], nearHits),
      ];
    if (name === "memory")
      return [1, 3, 100].flatMap((perUser) => [
        ...measure({ perUser }, ["memory"]),
        ...measure({ perUser, server: "Valkey 8.1.1" }, ["memory"]),
      ]);
    const isAll = (one: { name: string }) => one.name.startsWith("revokeAll, ") || one.name === IDLE;
    const isDoor = (one: { name: string }) => /JWT|session \+|^coatcheck/.test(one.name);
    return [
      ...[1, 1000].flatMap((sessions) =>
        measure(
          { sessions },
          ["duration", "stall"],
          contenders.filter((one) => !isDoor(one) && !isAll(one)),
        ),
      ),
      ...measure({ sessions: 100_000 }, ["stall"], contenders.filter(isAll)),
      ...measure({ event: "log-out", watched: 10 }, ["still accepted"], contenders.filter(isDoor)),
    ];
  });
  return {
    format: 1,
    startedAt: "2026-01-02T03:04:05.000Z",
    seconds: 1,
    settings: settingsFor({ quick: true }),
    machine: { cpu: "a <processor>", cores: 2, memoryGiB: 1, os: "linux", load: 0 },
    versions: { server: "Redis 7.0.15", node: "20.20.0", ioredis: "5.0.0" },
    commit: { id: "0123456789", dirty: false },
    scenarios,
    figures,
  };
}
