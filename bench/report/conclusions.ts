/** What a run says in plain sentences, the losses first among equals. Pure. */
import { fasterThanOurs } from "../faster.ts";
import { type Figure, type Metric, select } from "../figures.ts";
import type { Results } from "../results.ts";
import { BASELINE } from "../scenarios/lookup.ts";
import { HOT } from "../scenarios/near.ts";
import { CACHED_JWT, PEEK } from "../scenarios/near-lookups.ts";
import { PUSH } from "../scenarios/near-push.ts";
import { DEAF, HEARS } from "../scenarios/revocation-near-doors.ts";
import { judge, wordFor } from "../targets.ts";
import { digits, multiple } from "./numbers.ts";

/** What a reader who reads nothing else should know, a sentence each. What the run did not measure is left out. */
export function conclusionsOf(results: Results): string[] {
  const { figures } = results;
  return [
    ...speedOf(figures),
    ...memoryOf(figures),
    ...lossesOf(results),
    ...serverWorkOf(figures),
    ...requestsOf(figures),
    ...logOutOf(figures),
    ...nearLogOutOf(figures),
    ...weightOf(figures),
    ...targetsOf(results),
  ];
}

function one(figures: readonly Figure[], scenario: string, contender: string, metric: Metric, at: Figure["at"] = {}) {
  return select(figures, { scenario, contender, metric, at })[0];
}

function speedOf(figures: readonly Figure[]): string[] {
  const at = { inFlight: 128 };
  const touch = one(figures, "peers", "coatcheck touch", "throughput", at);
  if (touch === undefined) return [];
  const redis = one(figures, "peers", "connect-redis get + touch", "throughput", at);
  const raw = select(figures, { scenario: "lookup", contender: "touch", metric: "throughput", at })
    .flatMap(({ ratio }) => (ratio?.to === BASELINE ? ratio.value : []))
    .toSorted((a, b) => a - b)[0];
  return [
    `One process looks up ${digits(touch.value)} sessions a second and keeps them alive (touch, 128 in flight)` +
      (redis?.ratio === undefined ? "" : `, ${multiple(1 / redis.ratio.value)} as many as connect-redis`) +
      (raw === undefined ? "" : `, and at least ${multiple(raw)} as many as raw HGETALL of the same data`) +
      ".",
  ];
}

/** What near does with a lookup, and what it costs is said with the log-out. */
function memoryOf(figures: readonly Figure[]): string[] {
  const [peek, jwt] = [PEEK, CACHED_JWT].map((contender) => one(figures, "near", contender, "time", { sessions: HOT }));
  if (peek === undefined || jwt?.ratio === undefined) return [];
  return [
    `With near, a lookup from the memory of the process takes ${digits(peek.value)} ns: ${multiple(jwt.ratio.value)} as fast as fast-jwt with its cache.`,
  ];
}

/** Who is faster, and what the price of a session is. */
function lossesOf({ figures, scenarios }: Results): string[] {
  const peers = scenarios.find(({ name }) => name === "peers");
  const faster = fasterThanOurs(figures, peers?.contenders ?? [], 128);
  if (faster.length === 0) return [];
  const names = faster.map(({ contender, times }) => `${contender} (${multiple(times)})`).join(", ");
  const stateless = new Set(peers?.contenders.filter(({ stateless }) => stateless).map(({ name }) => name));
  const areStateless = faster.every(({ contender }) => stateless.has(contender));
  return [`Faster: ${names}.${areStateless ? " None of them asks a server, so none can log anybody out." : ""}`];
}

/** What Redis itself does for a request. A plain GET is less work for it than a script. */
function serverWorkOf(figures: readonly Figure[]): string[] {
  const at = { inFlight: 128 };
  const [own, redis] = ["coatcheck touch", "connect-redis get + touch"].map((name) =>
    one(figures, "peers", name, "server CPU", at),
  );
  if (own === undefined || redis === undefined) return [];
  const than = own.value > redis.value ? "more" : "less";
  return [
    `Redis itself works ${than} than for connect-redis: ${digits(own.value)} µs for a touch against ${digits(redis.value)} µs for get + touch.`,
  ];
}

function requestsOf(figures: readonly Figure[]): string[] {
  const all = select(figures, { scenario: "http", metric: "requests" });
  const prices = all.flatMap(({ contender, ratio, at }) => {
    if (ratio === undefined || !/: coatcheck$/.test(contender)) return [];
    const near = select(all, { contender: `${contender}, near`, at })[0]?.ratio;
    const withNear = near === undefined ? "" : ` (with near ${multiple(near.value)})`;
    return `${multiple(ratio.value)}${withNear} on ${at["framework"]}`;
  });
  if (prices.length === 0) return [];
  return [`Of the requests that a server answers without authentication, it answers ${prices.join(", ")}.`];
}

function logOutOf(figures: readonly Figure[]): string[] {
  const doors = select(figures, { scenario: "revocation", metric: "still accepted" });
  const ours = doors.find(({ ours }) => ours);
  if (ours === undefined) return [];
  const others = doors.filter(({ ours, value }) => !ours && value > 0);
  const list = others.map(
    ({ contender, value, atLeast }) => `${contender} for ${atLeast ? "at least " : ""}${digits(value)} s`,
  );
  return [
    `A user who has logged out is let in for ${digits(ours.value)} s` +
      (list.length === 0 ? "." : `; with ${list.join(", with ")}.`),
  ];
}

/** How long near lets in one who has logged out elsewhere. */
function nearLogOutOf(figures: readonly Figure[]): string[] {
  const [hears, deaf] = [HEARS, DEAF].map((door) => one(figures, "revocation", door, "still accepted"));
  const push = one(figures, "near", PUSH, "p99");
  if (hears === undefined || deaf === undefined) return [];
  return [
    `With near, that is ${digits(hears.value)} s after a log-out in another process` +
      (push === undefined ? "" : ` (p99 ${digits(push.value / 1000)} ms)`) +
      `, and ${digits(deaf.value)} s if the process hears nothing from just before on: one second at most.`,
  ];
}

function weightOf(figures: readonly Figure[]): string[] {
  const weigh = (contender: string) =>
    select(figures, { scenario: "memory", contender, metric: "memory" }).find(
      ({ at }) => !("server" in at) && (at["perUser"] === 3 || at["perUser"] === "any"),
    )?.value;
  const [own, redis] = [weigh("coatcheck"), weigh("connect-redis")];
  if (own === undefined || redis === undefined) return [];
  return [
    `A session takes ${digits(own)} bytes of Redis, ${multiple(own / redis)} as many as one of connect-redis, which keeps no list of a user's sessions.`,
  ];
}

function targetsOf(results: Results): string[] {
  const verdicts = judge(results).filter(({ measured }) => measured !== null);
  if (verdicts.length === 0) return [];
  const count = (word: string) => verdicts.filter((verdict) => wordFor(verdict) === word).length;
  const [missed, open] = [count("missed"), count("no verdict")];
  return [
    `Of ${verdicts.length} aims it reached ${count("reached")} and missed ${missed}` +
      (open === 0
        ? "."
        : `; on ${open} there is no verdict, because the machine was busy or the rounds differ too much.`),
  ];
}
