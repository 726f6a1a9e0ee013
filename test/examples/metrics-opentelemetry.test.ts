/** The recipe for OpenTelemetry with the real SDK: spans under those of requests, and the metrics. */
import { context, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { sessions } from "coatcheck/express";
import express from "express";
import { Registry } from "prom-client";
import { beforeAll, describe, expect, it } from "vitest";
import { measureNear, measureSessions, traceSessions } from "../../examples/metrics/opentelemetry.js";
import { collectNear, collectSessions } from "../../examples/metrics/prometheus.js";
import { afterFile } from "../harness/fixtures.js";
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

const spans = new InMemorySpanExporter();
const tracing = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 3_600_000 });
const measuring = new MeterProvider({ readers: [reader] });
const registry = new Registry();
afterFile(() => Promise.all([tracing.shutdown(), measuring.shutdown()]));

/** What has been measured: the points of each metric. */
async function measured() {
  points.reset();
  await reader.forceFlush();
  const [{ scopeMetrics } = { scopeMetrics: [] }] = points.getMetrics();
  return scopeMetrics.flatMap(({ metrics }) => metrics);
}

/** The value of a counter, by its attributes; of a histogram the number of its values. */
async function counted(name: string): Promise<Record<string, unknown>> {
  const metric = (await measured()).find(({ descriptor }) => descriptor.name === name);
  const numberOf = (value: unknown) => (typeof value === "number" ? value : (value as { count: number }).count);
  return Object.fromEntries(
    (metric?.dataPoints ?? []).map(({ attributes, value }) => [Object.values(attributes).join(" "), numberOf(value)]),
  );
}

const stores = await openStores();
let nearAtFirst: unknown;

/** What the near caches are at now. */
const near = async () => [
  await counted("coatcheck.near.lookups"),
  await counted("coatcheck.near.sessions"),
  await counted("coatcheck.near.serving"),
];

beforeAll(async () => {
  const store = await openNear();
  measureNear([store.near, stores.store.near], measuring.getMeter("coatcheck"));
  collectNear([store.near], registry);
  tracing.register();
  traceSessions();
  measureSessions(measuring.getMeter("coatcheck"));
  collectSessions(registry);
  nearAtFirst = await near();
  await store.close();
  await causeEverything(stores);
});

describe("the metrics for OpenTelemetry", () => {
  it("count calls by verb, outcome and error, and time them in seconds", async () => {
    expect(await counted("coatcheck.call.duration")).toEqual(CALLS);
    const duration = (await measured()).find(({ descriptor }) => descriptor.name === "coatcheck.call.duration");
    expect(duration?.descriptor.unit).toBe("s");
    for (const { value } of duration?.dataPoints ?? []) expect((value as { sum: number }).sum).toBeLessThan(60);
  });

  it("count what happened", async () => {
    for (const [name, counts] of Object.entries(COUNTS)) expect(await counted(name), name).toEqual(counts);
  });

  it("tell what the near caches do now", async () => {
    expect(nearAtFirst).toEqual(NEAR_AT_FIRST);
    expect(await near()).toEqual(NEAR_AT_LAST);
  });

  it("are the same as those for Prometheus, as an exporter writes their names", async () => {
    const names = (await measured()).map(({ dataPointType, descriptor: { name, unit } }) => {
      const plain = name.replaceAll(".", "_");
      return `${plain}${unit === "s" ? "_seconds" : ""}${dataPointType === DataPointType.SUM ? "_total" : ""}`;
    });
    const forPrometheus = (await registry.getMetricsAsJSON()).map(({ name }) => name);
    expect(names.toSorted()).toEqual(forPrometheus.toSorted());
  });

  it("hold no user and no session, nor do the spans", async () => {
    expect(JSON.stringify(await measured())).not.toMatch(PRIVATE);
    const told = spans
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
    expect(told.length).toBeGreaterThan(10);
    expect(JSON.stringify(told)).not.toMatch(PRIVATE);
  });
});

describe("the spans", () => {
  it("have the verb and the outcome, and an outage is an error", () => {
    const told = spans.getFinishedSpans().filter(({ name }) => name === "coatcheck touch");
    expect(
      told.map(({ attributes, status }) => [attributes["coatcheck.outcome"], attributes["error.type"], status.code]),
    ).toEqual([
      ["ok", undefined, 0],
      ["absent", undefined, 0],
      ["absent", undefined, 0],
      ["absent", undefined, 0],
      ["error", "STORE_UNAVAILABLE", 2],
    ]);
  });

  it("are under the spans of their requests, also of requests that run side by side", async () => {
    const app = express();
    const tracer = trace.getTracer("test");
    app.use((req, res, next) => {
      const span = tracer.startSpan(`GET ${req.path}`);
      res.on("finish", () => span.end());
      context.with(trace.setSpan(context.active(), span), next);
    });
    app.use(sessions(stores.store, { cookie: { secure: false } }));
    app.get("/:name", (req, res) => void res.json(req.session.current?.userId));
    const server = app.listen(0, "127.0.0.1");
    afterFile(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { token } = await stores.store.create({ userId: "bob" });
    spans.reset();
    const { port } = server.address() as { port: number };
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${port}/${path}`, { headers: { cookie: `session=${token}` } });
    const answers = await Promise.all(["a", "b", "c"].map(async (path) => (await ask(path)).json()));
    expect(answers).toEqual(["bob", "bob", "bob"]);
    await expect.poll(() => spans.getFinishedSpans().length).toBe(6);
    const requests = spans.getFinishedSpans().filter(({ name }) => name.startsWith("GET /"));
    const touches = spans.getFinishedSpans().filter(({ name }) => name === "coatcheck touch");
    const parents = touches.map(({ parentSpanContext }) => parentSpanContext?.spanId);
    expect(parents.toSorted()).toEqual(requests.map((span) => span.spanContext().spanId).toSorted());
    for (const {
      duration: [seconds, nanos],
    } of touches)
      expect(seconds * 1e9 + nanos).toBeGreaterThan(0);
  });
});
