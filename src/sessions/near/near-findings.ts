/** What `check()` finds about the near cache: whether pushes can be sent and heard, and whether the lease is long enough. */
import { mintToken, randomBucket } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import { isClosedSubscriber } from "../../redis/clients/subscriber.js";
import { ignoreOutage } from "../../redis/redis-errors.js";
import type { Subscription } from "../../redis/subscription.js";
import type { CheckFinding } from "../check.js";
import type { Context } from "../context.js";
import { runTryPublish } from "../scripts/try-publish.js";
import { askWhetherHeard } from "./hearing-probe.js";
import type { ResolvedNear } from "./near-options.js";

/** How often the way to Redis and back is measured: the shortest time counts, because anything can hold a process up. */
const TRIES = 3;
/** A beat is sent four times a lease, and each takes a round trip. */
const ROUND_TRIPS = 4;

/** What was found out about pushes. */
export interface PushFacts {
  /** Whether the user of Redis may publish; `null` if nobody knows. */
  readonly publishes: boolean | null;
  /** The shortest round trip, ms. */
  readonly roundTrip: number;
  /** Whether the subscriber hears what the client of the store publishes; `null` if nobody knows. */
  readonly isHeard: boolean | null;
  /** Whether the user of the subscriber was refused a channel. */
  readonly isRefused?: boolean;
}

/** Publishes about a session that never was, and listens for it if there is a near cache, on its `subscription`. */
export async function askToPublish(
  { redis, keys, options }: Pick<Context<object>, "redis" | "keys" | "options">,
  deadline: Deadline,
  subscription: Subscription | undefined,
  lease = 0,
): Promise<PushFacts> {
  let publishes: boolean | null = null;
  let roundTrip = Number.POSITIVE_INFINITY;
  for (let n = 0; n < TRIES && deadline.left > 0; n++) {
    const begun = performance.now();
    const status = await runTryPublish(redis, keys.session(mintToken(randomBucket()).id), deadline).catch(ignoreOutage);
    if (status !== undefined) publishes = status === "told";
    roundTrip = Math.min(roundTrip, performance.now() - begun);
  }
  const heard = subscription ? await askWhetherHeard({ redis, keys, options }, subscription, deadline, lease) : null;
  const isRefused = heard === "refused";
  return { publishes, roundTrip, isHeard: isRefused ? null : heard, isRefused };
}

/** Judges these facts, for a store with or without a near cache. */
export function* judgePushes(
  { publishes, roundTrip, isHeard, isRefused }: PushFacts,
  near: ResolvedNear | undefined,
): Generator<CheckFinding> {
  if (publishes === false) {
    yield {
      code: "publish",
      level: near === undefined ? "warning" : "danger",
      found: "the user of Redis may not publish on the channel of the store",
      consequence:
        near === undefined
          ? "no process with near or watch hears of the sessions that this one ends or changes"
          : "no process hears of the sessions that this one ends or changes, and its own near cache never answers",
      mend: "allow it to the user of the store (ACL SETUSER … +publish &<prefix>near), as docs/operations.md has it",
    };
  }
  if (near === undefined) return;
  if (near.subscriber !== undefined && isClosedSubscriber(near.subscriber)) {
    yield {
      code: "near-subscriber",
      level: "warning",
      found: "near.subscriber is not connected, or has been closed",
      consequence: "the near cache never answers, and every lookup goes to Redis",
      mend: "connect it, and close it after the store",
    };
  }
  if (isRefused) {
    yield {
      code: "near-refused",
      level: "warning",
      found: "the user of Redis may not subscribe to the channels of the store",
      consequence:
        "the near cache never answers, every lookup goes to Redis, and watch rejects with StoreUnavailableError",
      mend: "allow it to the user of the subscriber (ACL SETUSER … +subscribe +unsubscribe &<prefix>near &<prefix>near:*), as docs/operations.md has it",
    };
  }
  if (isHeard === false) {
    yield {
      code: "near-deaf",
      level: "warning",
      found:
        "the subscriber of near does not hear in time what the client of the store publishes: they are on different servers, of which the one is not a replica of the other or lags behind it by more than a lease",
      consequence: "the near cache never answers, every lookup goes to Redis, and a watch hears of nothing, or late",
      mend: "connect both to the same server, as redis.duplicate() does",
    };
  }
  if (publishes !== null && near.lease < ROUND_TRIPS * roundTrip) {
    yield {
      code: "near-lease",
      level: "warning",
      found: `near.lease is ${near.lease} ms, and a round trip takes ${Math.ceil(roundTrip)} ms`,
      consequence: "beats come back too late, and the near cache hardly ever answers",
      mend: `set it to at least ${Math.ceil(ROUND_TRIPS * roundTrip)}, or bring Redis nearer`,
    };
  }
}
