/** The charts of the scenarios `lookup` and `scale`: what a lookup costs beside raw ioredis, by load, among more sessions, on more nodes. */
import { select } from "../../figures.ts";
import type { Results } from "../../results.ts";
import { digits } from "../numbers.ts";
import { OURS, SERVER } from "./drawing.ts";
import { frame, legend, lines, markOf, nameAxis, over } from "./forms.ts";
import type { Plan } from "./plan.ts";

/** The largest population of `lookup`. */
function largest(results: Results): number | undefined {
  const sizes = select(results.figures, { scenario: "lookup" }).map(({ at }) => Number(at["sessions"]));
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

export function byLoad(results: Results): Plan | undefined {
  const sessions = largest(results);
  if (sessions === undefined) return undefined;
  const figures = select(results.figures, { scenario: "lookup", metric: "throughput", at: { sessions } }).filter(
    ({ at }) => "inFlight" in at,
  );
  return {
    id: "load",
    scenario: "lookup",
    title: "Lookups per second by calls in flight",
    caption: `Among ${digits(sessions)} live sessions. Raw ioredis is dashed.`,
    spec: lines(figures, over("inFlight", "calls in flight (logarithmic)"), "calls per second", false),
  };
}

const QUANTILES = ["p50", "p90", "p99", "p99.9", "max"] as const;

export function quantiles(results: Results): Plan | undefined {
  const sessions = largest(results);
  if (sessions === undefined) return undefined;
  const figures = QUANTILES.flatMap((metric) =>
    select(results.figures, { scenario: "lookup", metric, at: { sessions, inFlight: 16 } }),
  );
  return {
    id: "quantiles",
    scenario: "lookup",
    title: "Latency at 16 in flight",
    caption: `Among ${digits(sessions)} live sessions; p99.9 and max over all rounds. Logarithmic. Raw ioredis is dashed.`,
    spec: lines(figures, { value: ({ metric }) => metric, title: "quantile", ordinal: true }, "latency, µs", true),
  };
}

export function growth(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "lookup", metric: "p50", at: { inFlight: 1 } });
  if (new Set(figures.map(({ at }) => at["sessions"])).size < 2) return undefined;
  return {
    id: "growth",
    scenario: "lookup",
    title: "A lookup costs the same among a thousand sessions and among many more",
    caption: "Median latency of one call after another. Raw ioredis is dashed.",
    spec: lines(figures, over("sessions", "live sessions (logarithmic)"), "p50, µs", false),
  };
}

export function cluster(results: Results): Plan | undefined {
  const figures = select(results.figures, { scenario: "scale", metric: "throughput" });
  if (figures.length === 0) return undefined;
  const values = select(figures, { at: { inFlight: 128 } }).map((figure) => {
    const { nodes } = figure.at;
    return markOf(figure, nodes === 1 ? "one server" : `${nodes} nodes`);
  });
  return {
    id: "cluster",
    scenario: "scale",
    title: "The same lookup on one server and on a cluster of three nodes",
    caption: "128 in flight, one client; all nodes share the cores of one machine.",
    spec: (width) =>
      frame(width, 15 * values.length, {
        data: { values },
        mark: { type: "bar" },
        encoding: {
          y: { field: "contender", type: "nominal", axis: nameAxis(width) },
          yOffset: { field: "kind" },
          x: {
            field: "value",
            type: "quantitative",
            axis: { title: "calls per second", format: "~s", tickCount: 4 },
          },
          color: {
            field: "kind",
            type: "nominal",
            scale: { domain: ["one server", "3 nodes"], range: [SERVER, OURS] },
            legend: legend(width, 2),
          },
        },
      }),
  };
}
