/** Puts the watches of a store together: what they read, where they listen, and how they know that they hear. */
import { newMark } from "../../redis/marks.js";
import type { Subscription } from "../../redis/subscription.js";
import { type Context, rejected } from "../context.js";
import { feedChannel } from "../feed.js";
import { processClock } from "../near/process-clock.js";
import { Pulse } from "../near/pulse.js";
import { runBeat } from "../scripts/beat.js";
import { lookUp, readTarget } from "../verbs/look-up.js";
import { Watches } from "./watches.js";

/** `lookUpEvery` on a Cluster, ms. */
const EVERY_ON_CLUSTER = 30_000;
/** ms; a beat is sent four times in it. After two of them without one that is heard, the subscriber connects anew. */
const LEASE = 4000;
/** How long Redis keeps the canary of a process that beats no more, ms. */
const CANARY_LIFE = 60_000;

/** Makes the watches of a store. Does no I/O. */
export function watchesOf<Claims extends object>(cx: Context<Claims>, subscription: Subscription): Watches<Claims> {
  const { redis, keys, options } = cx;
  // The subscription adds the prefix of the client.
  const feed = feedChannel("", options.prefix);
  const name = newMark();
  const key = keys.canary(name);
  const pulse = new Pulse({
    clock: processClock,
    lease: LEASE,
    channels: { feed, own: `${feed}:${name}` },
    subscription,
    losses: () => redis.losses,
    beat: (number, known) => runBeat(redis, { key, number, known, ttl: CANARY_LIFE }),
    // The watches listen by themselves, because they need no beats to begin.
    pushed: () => {},
    heard: (sent) => watches.heard(sent),
    missed: () => watches.doubt(),
    changed: () => {},
  });
  const watches: Watches<Claims> = new Watches({
    now: processClock.now,
    channel: feed,
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
