/**
 * Spans and metrics of coatcheck for OpenTelemetry. It needs `@opentelemetry/api` alone: which SDK takes them, and where they go,
 * is said where the process starts. Call each function once in a process, because the channels are those of all its stores.
 */
import { subscribe, tracingChannel } from "node:diagnostics_channel";
import type { Attributes, Meter, Span, Tracer } from "@opentelemetry/api";
import { metrics, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Near, SessionEvents, TracedCall } from "coatcheck";

const calls = tracingChannel("coatcheck:call");

/** One span for each call, under the span of the request that makes it. */
export function traceSessions(tracer: Tracer = trace.getTracer("coatcheck")): void {
  const spans = new WeakMap<TracedCall, Span>();
  calls.start.subscribe((message) => {
    const call = message as TracedCall;
    const options = { attributes: { "coatcheck.of": call.of, "coatcheck.verb": call.verb } };
    spans.set(call, tracer.startSpan(`coatcheck ${call.verb}`, options));
  });
  calls.asyncEnd.subscribe((message) => {
    const call = message as TracedCall;
    const span = spans.get(call);
    span?.setAttributes(outcomeOf(call));
    if (call.result === "error") span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  });
}

/** A histogram of the calls, and counters of what happened. An attribute has a few values; none is a user, a session or a text. */
export function measureSessions(meter: Meter = metrics.getMeter("coatcheck")): void {
  const duration = meter.createHistogram("coatcheck.call.duration", {
    description: "How long a verb takes until its caller has the answer",
    unit: "s",
    advice: {
      explicitBucketBoundaries: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    },
  });
  calls.asyncEnd.subscribe((message) => {
    const call = message as TracedCall;
    const attributes = { "coatcheck.of": call.of, "coatcheck.verb": call.verb, ...outcomeOf(call) };
    duration.record((performance.now() - call.startedAt) / 1000, attributes);
  });
  const count = <Name extends keyof SessionEvents>(
    event: Name,
    name: string,
    description: string,
    attributesOf: (payload: SessionEvents[Name]) => Attributes = () => ({}),
  ) => {
    const counter = meter.createCounter(name, { description });
    subscribe(`coatcheck:${event}`, (payload) => counter.add(1, attributesOf(payload as SessionEvents[Name])));
  };
  const reason = ({ reason }: { reason: string }) => ({ "coatcheck.reason": reason });
  count("rejected", "coatcheck.rejections", "Tokens that were refused", reason);
  count("unavailable", "coatcheck.outages", "Calls that Redis did not do its part of", ({ verb, code }) => ({
    ...{ "coatcheck.verb": verb, "error.type": code },
  }));
  count("created", "coatcheck.sessions.created", "Sessions that were created");
  count("rotated", "coatcheck.sessions.rotated", "Sessions that got another id", ({ userId, previousUserId }) => ({
    "coatcheck.login": userId !== previousUserId,
  }));
  count("revoked", "coatcheck.sessions.revoked", "Sessions that a verb has ended", reason);
  count("blocked", "coatcheck.users.blocked", "Blocks of users");
  count("unblocked", "coatcheck.users.unblocked", "Blocks that were lifted");
  count("near", "coatcheck.near.changes", "Changes of the near cache", ({ state, reason }) => ({
    ...{ "coatcheck.state": state, "coatcheck.reason": reason },
  }));
}

/** Metrics of the near caches of a process: of the stores with the option `near`. Call it once, with `store.near` of each. */
export function measureNear(caches: readonly Near[], meter: Meter = metrics.getMeter("coatcheck")): void {
  const sum = (figure: (cache: Near) => number) => caches.reduce((total, cache) => total + figure(cache), 0);
  const lookups = meter.createObservableCounter("coatcheck.near.lookups", {
    description: "Lookups, by who has answered: the near cache (hit) or Redis (miss)",
  });
  lookups.addCallback((result) => {
    result.observe(
      sum(({ stats }) => stats.hits),
      { "coatcheck.result": "hit" },
    );
    result.observe(
      sum(({ stats }) => stats.misses),
      { "coatcheck.result": "miss" },
    );
  });
  const size = meter.createObservableGauge("coatcheck.near.sessions", {
    description: "Sessions in the near caches of this process",
  });
  size.addCallback((result) => result.observe(sum(({ stats }) => stats.size)));
  const serving = meter.createObservableGauge("coatcheck.near.serving", {
    description: "Near caches of this process that answer from memory now",
  });
  serving.addCallback((result) => result.observe(sum(({ state }) => Number(state === "serving"))));
}

/** What a call came to, in attributes. `error.type` is the code of coatcheck's errors, and the class of others. */
function outcomeOf({ result = "error", failure }: TracedCall): Attributes {
  const outcome = { "coatcheck.outcome": result };
  return failure === undefined ? outcome : { ...outcome, "error.type": failure.code ?? failure.name };
}
