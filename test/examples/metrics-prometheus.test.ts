/** The recipe for Prometheus with the real prom-client, and the dashboard that shows what it emits. */
import { readFileSync } from "node:fs";
import { parser } from "@prometheus-io/lezer-promql";
import { createSessionStore } from "coatcheck";
import { Registry } from "prom-client";
import { beforeAll, describe, expect, it } from "vitest";
import { collectNear, collectSessions } from "../../examples/metrics/prometheus.js";
import { afterFile, connect } from "../harness/fixtures.js";
import { MarkdownDocument, namesIn } from "../harness/markdown.js";
import { startRedisServer } from "../harness/redis-server.js";
import {
  CALLS,
  COUNTS,
  causeEverything,
  NEAR_AT_FIRST,
  NEAR_AT_LAST,
  openNear,
  openStores,
  PRIVATE,
} from "./metrics-rig.js";
import { startExample } from "./program.js";

const registry = new Registry();

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** The samples of a metric. */
async function samplesOf(name: string): Promise<Sample[]> {
  const metric = await registry.getSingleMetric(name)?.get();
  return (metric?.values ?? []) as Sample[];
}

/** How many calls the histogram has counted, by their labels. */
async function countedCalls(): Promise<Record<string, number>> {
  const counts = (await samplesOf("coatcheck_call_duration_seconds")).filter(({ metricName }) =>
    metricName?.endsWith("_count"),
  );
  return Object.fromEntries(counts.map(({ labels, value }) => [Object.values(labels).join(" "), value]));
}

/** The value of a counter, by its labels. */
async function counted(name: string): Promise<Record<string, number>> {
  return Object.fromEntries(
    (await samplesOf(name)).map(({ labels, value }) => [Object.values(labels).join(" "), value]),
  );
}

let nearAtFirst: unknown;

/** What the near caches are at now. */
const near = async () => [
  await counted("coatcheck_near_lookups_total"),
  await counted("coatcheck_near_sessions"),
  await counted("coatcheck_near_serving"),
];

beforeAll(async () => {
  const store = await openNear();
  collectNear([store.near, createSessionStore(connect()).near], registry);
  collectSessions(registry);
  nearAtFirst = await near();
  await store.close();
  await causeEverything(await openStores());
});

describe("the metrics for Prometheus", () => {
  it("count calls by verb, outcome and error, and time them", async () => {
    expect(await countedCalls()).toEqual(CALLS);
    const sums = (await samplesOf("coatcheck_call_duration_seconds")).filter(({ metricName }) =>
      metricName?.endsWith("_sum"),
    );
    // In seconds: nothing here waited for a minute, and what went to Redis took longer than a microsecond.
    for (const { value } of sums) expect(value).toBeLessThan(60);
    const touched = sums.find(({ labels }) => labels["verb"] === "touch" && labels["outcome"] === "ok");
    expect(touched?.value).toBeGreaterThan(1e-6);
  });

  it("count what happened", async () => {
    for (const [name, counts] of Object.entries(COUNTS)) {
      expect(await counted(`${name.replaceAll(".", "_")}_total`), name).toEqual(counts);
    }
  });

  it("tell what the near caches do now", async () => {
    expect(nearAtFirst).toEqual(NEAR_AT_FIRST);
    expect(await near()).toEqual(NEAR_AT_LAST);
  });

  it("hold no user and no session", async () => {
    expect(await registry.metrics()).not.toMatch(PRIVATE);
  });
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

/** The parts of an expression: each metric with the labels that are asked of it, and the labels that are grouped by. */
function partsOf(expr: string): { selectors: { metric: string; labels: string[] }[]; groupings: string[] } {
  // Grafana fills variables in before Prometheus parses.
  const text = expr.replaceAll("$__rate_interval", "1m").replaceAll("$job", ".*");
  const selectors: { metric: string; labels: string[] }[] = [];
  const groupings: string[] = [];
  let inGrouping = false;
  parser.parse(text).iterate({
    enter({ name, from, to }) {
      expect(name, `${text} is no PromQL, from ${from} on`).not.toBe("⚠");
      const word = text.slice(from, to);
      if (name === "GroupingLabels") inGrouping = true;
      if (name === "Identifier") selectors.push({ metric: word, labels: [] });
      if (name === "LabelName" && inGrouping) groupings.push(word);
      else if (name === "LabelName") selectors.at(-1)?.labels.push(word);
    },
    leave({ name }) {
      if (name === "GroupingLabels") inGrouping = false;
    },
  });
  return { selectors, groupings };
}

describe("the dashboard for Grafana", () => {
  const text = readFileSync(new URL("../../examples/metrics/dashboard.json", import.meta.url), "utf8");
  const dashboard = JSON.parse(text) as {
    panels: Panel[];
    templating: { list: { name: string; definition?: string }[] };
  };
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  /** What Prometheus has after it has read the metrics, by name: the labels of each. The scrape adds the last two. */
  async function series(): Promise<Map<string, Set<string>>> {
    const found = new Map<string, Set<string>>();
    for (const metric of await registry.getMetricsAsJSON()) {
      for (const { metricName = metric.name, labels } of metric.values as Sample[]) {
        const known = found.get(metricName) ?? new Set(["job", "instance"]);
        for (const label of Object.keys(labels)) known.add(label);
        found.set(metricName, known);
      }
    }
    return found;
  }

  it("asks for nothing but what is emitted, label by label", async () => {
    const emitted = await series();
    expect(expressions.length).toBeGreaterThan(10);
    for (const expr of expressions) {
      const { selectors, groupings } = partsOf(expr);
      expect(selectors.length, expr).toBeGreaterThan(0);
      for (const { metric, labels } of selectors) {
        expect([...emitted.keys()], expr).toContain(metric);
        expect([...(emitted.get(metric) ?? [])], expr).toEqual(expect.arrayContaining([...labels, ...groupings]));
      }
    }
  });

  it("shows every metric that is emitted", async () => {
    const shown = new Set(expressions.flatMap((expr) => partsOf(expr).selectors.map(({ metric }) => metric)));
    const baseOf = (name: string) => name.replace(/_(?:bucket|sum|count)$/, "");
    const names = (await registry.getMetricsAsJSON()).map(({ name }) => name);
    expect(new Set([...shown].map(baseOf))).toEqual(new Set(names));
  });

  it("would be caught with a name, a label or a syntax that does not exist", async () => {
    expect(partsOf('sum by (reason) (rate(a_total{b="c"}[$__rate_interval])) / d').selectors).toEqual([
      { metric: "a_total", labels: ["b"] },
      { metric: "d", labels: [] },
    ]);
    expect(partsOf("sum by (reason, verb) (a)").groupings).toEqual(["reason", "verb"]);
    expect(() => partsOf("sum by (reason (a)")).toThrow("is no PromQL");
  });

  it("has panels that say what they show, beside one another", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, title, description } of panels) expect([title, type === "row" || description]).not.toContain("");
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it("finds its jobs by a metric that is emitted", async () => {
    const [, metric] = /label_values\((\w+), job\)/.exec(JSON.stringify(dashboard.templating)) ?? [];
    expect([...(await series()).keys()]).toContain(metric);
  });
});

describe("the documents", () => {
  const page = (name: string) => new MarkdownDocument(new URL(`../../docs/${name}.md`, import.meta.url));
  const recipe = (name: string) => readFileSync(new URL(`../../examples/metrics/${name}.ts`, import.meta.url), "utf8");

  it("have the recipes to the letter", () => {
    const snippets = page("metrics").blocks("ts");
    expect(snippets.map(({ code }) => `${code}\n`)).toEqual([recipe("prometheus"), recipe("opentelemetry")]);
  });

  it("name exactly the metrics that are emitted, each with its labels", async () => {
    const rows = page("metrics").table("OpenTelemetry");
    const emitted = await registry.getMetricsAsJSON();
    expect(rows.map(([, cell]) => namesIn(cell)[0]).toSorted()).toEqual(emitted.map(({ name }) => name).toSorted());
    for (const [, name, type, labels] of rows) {
      const metric = emitted.find((each) => each.name === namesIn(name)[0]);
      // `le` is how Prometheus writes the buckets of a histogram.
      const own = ((metric?.values ?? []) as Sample[]).flatMap(({ labels }) => Object.keys(labels));
      expect([name, ...new Set(own)].filter((label) => label !== "le")).toEqual([name, ...namesIn(labels)]);
      expect(type).toMatch(new RegExp(`^${metric?.type}`));
    }
  });

  it("name no other metric among what to watch", async () => {
    const names = [...page("operations").text.matchAll(/\bcoatcheck_[a-z_]+/g)].map(([name]) => name);
    expect(names.length).toBeGreaterThan(4);
    const emitted = (await registry.getMetricsAsJSON()).map(({ name }) => name);
    expect(names.filter((name) => !emitted.includes(name))).toEqual([]);
  });
});

describe("the example", () => {
  it("serves its metrics to Prometheus", { timeout: 120_000 }, async () => {
    const server = await startRedisServer();
    afterFile(() => server.stop());
    const { url } = await startExample("metrics", { REDIS_URL: server.url });
    const headers = { "content-type": "application/json" };
    const logIn = await fetch(`${url}/login`, { method: "POST", headers, body: '{"user":"ada"}' });
    const cookie = logIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect((await fetch(`${url}/me`, { headers: { cookie } })).status).toBe(200);
    const response = await fetch(`${url}/metrics`);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain;.*version=0\.0\.4/);
    const text = await response.text();
    expect(text).toMatch(/^coatcheck_call_duration_seconds_count\{of="sessions",verb="touch",outcome="ok"\} 1$/m);
    expect(text).toMatch(/^coatcheck_sessions_created_total 1$/m);
    expect(text).not.toMatch(PRIVATE);
  });
});
