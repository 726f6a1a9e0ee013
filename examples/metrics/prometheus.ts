/**
 * Metrics of coatcheck for Prometheus, with `prom-client`. Call `collectSessions` once in a process, because the channels are
 * those of all its stores.
 */
import { subscribe, tracingChannel } from "node:diagnostics_channel";
import type { Near, SessionEvents, TracedCall } from "coatcheck";
import { Counter, Gauge, Histogram, type Registry, register } from "prom-client";

/** A histogram of the calls, and counters of what happened. A label has a few values; none is a user, a session or a text. */
export function collectSessions(registry: Registry = register): void {
  const duration = new Histogram({
    name: "coatcheck_call_duration_seconds",
    help: "How long a verb takes until its caller has the answer",
    labelNames: ["of", "verb", "outcome", "error_type"],
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
  tracingChannel("coatcheck:call").asyncEnd.subscribe((message) => {
    const { of, verb, startedAt, result = "error", failure } = message as TracedCall;
    const error = failure === undefined ? {} : { error_type: failure.code ?? failure.name };
    duration.observe({ of, verb, outcome: result, ...error }, (performance.now() - startedAt) / 1000);
  });
  const count = <Name extends keyof SessionEvents, Label extends string = never>(
    event: Name,
    name: string,
    help: string,
    labelNames: Label[] = [],
    labelsOf: (payload: SessionEvents[Name]) => Partial<Record<Label, string>> = () => ({}),
  ) => {
    const counter = new Counter({ name, help, labelNames, registers: [registry] });
    subscribe(`coatcheck:${event}`, (payload) => counter.inc(labelsOf(payload as SessionEvents[Name])));
  };
  const reason = ({ reason }: { reason: string }) => ({ reason });
  count("rejected", "coatcheck_rejections_total", "Tokens that were refused", ["reason"], reason);
  count(
    "unavailable",
    "coatcheck_outages_total",
    "Calls that Redis did not do its part of",
    ["verb", "error_type"],
    ({ verb, code }) => ({ verb, error_type: code }),
  );
  count("created", "coatcheck_sessions_created_total", "Sessions that were created");
  count(
    "rotated",
    "coatcheck_sessions_rotated_total",
    "Sessions that got another id",
    ["login"],
    ({ userId, previousUserId }) => ({ login: String(userId !== previousUserId) }),
  );
  count("revoked", "coatcheck_sessions_revoked_total", "Sessions that a verb has ended", ["reason"], reason);
  count("blocked", "coatcheck_users_blocked_total", "Blocks of users");
  count("unblocked", "coatcheck_users_unblocked_total", "Blocks that were lifted");
  count("near", "coatcheck_near_changes_total", "Changes of the near cache", ["state", "reason"], (change) => change);
}

/** Metrics of the near caches of a process: of the stores with the option `near`. Call it once, with `store.near` of each. */
export function collectNear(caches: readonly Near[], registry: Registry = register): void {
  const sum = (figure: (cache: Near) => number) => caches.reduce((total, cache) => total + figure(cache), 0);
  const registers = [registry];
  new Counter({
    name: "coatcheck_near_lookups_total",
    help: "Lookups, by who has answered: the near cache (hit) or Redis (miss)",
    labelNames: ["result"],
    registers,
    collect() {
      this.reset();
      this.inc(
        { result: "hit" },
        sum(({ stats }) => stats.hits),
      );
      this.inc(
        { result: "miss" },
        sum(({ stats }) => stats.misses),
      );
    },
  });
  new Gauge({
    name: "coatcheck_near_sessions",
    help: "Sessions in the near caches of this process",
    registers,
    collect() {
      this.set(sum(({ stats }) => stats.size));
    },
  });
  new Gauge({
    name: "coatcheck_near_serving",
    help: "Near caches of this process that answer from memory now",
    registers,
    collect() {
      this.set(sum(({ state }) => Number(state === "serving")));
    },
  });
}
