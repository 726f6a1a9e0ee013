/** Puts the watches of a store together: what they read, where they listen, and how they know that they hear. */
import type { Subscription } from "../../redis/subscription.js";
import { type Context, rejected } from "../context.js";
import { feedChannel } from "../feed.js";
import { processClock } from "../near/process-clock.js";
import { pulseOf } from "../near/store-pulse.js";
import { lookUp, readTarget } from "../verbs/look-up.js";
import { Watches } from "./watches.js";

/** `lookUpEvery` on a Cluster, ms. */
const EVERY_ON_CLUSTER = 30_000;
/** ms; four beats are sent in it. If none is heard for twice as long, the subscriber connects anew. */
const LEASE = 4000;

/** Makes the watches of a store. Does no I/O. */
export function watchesOf<Claims extends object>(cx: Context<Claims>, subscription: Subscription): Watches<Claims> {
  const { redis, options } = cx;
  const pulse = pulseOf(cx, subscription, {
    clock: processClock,
    lease: LEASE,
    // The watches listen by themselves, because they need no beats to begin.
    pushed: () => {},
    heard: (sent) => watches.heard(sent),
    missed: () => watches.doubt(),
    changed: () => {},
  });
  const watches: Watches<Claims> = new Watches({
    clock: processClock,
    // The subscription adds the prefix of the client.
    channel: feedChannel("", options.prefix),
    subscription,
    pulse,
    timeout: options.timeout,
    lookUpEvery: redis.inCluster ? EVERY_ON_CLUSTER : Number.POSITIVE_INFINITY,
    read: (target) => readTarget(cx, target),
    lookUp: (id) => lookUp(cx, id),
    malformed: () => void rejected(cx, "malformed"),
  });
  return watches;
}
