/** The watches of a store: what they read, and where they listen. */
import type { Subscription } from "../../redis/subscription.js";
import { type Context, rejected } from "../context.js";
import { feedChannel } from "../feed.js";
import { lookUp, readTarget } from "../verbs/look-up.js";
import { Watches } from "./watches.js";

/** `lookUpEvery` on a Cluster, ms. */
const EVERY_ON_CLUSTER = 30_000;

/** Makes the watches of a store. Does no I/O. */
export function watchesOf<Claims extends object>(cx: Context<Claims>, subscription: Subscription): Watches<Claims> {
  const { prefix, timeout } = cx.options;
  return new Watches<Claims>({
    now: () => performance.now(),
    // The subscription adds the prefix of the client.
    channel: feedChannel("", prefix),
    subscription,
    timeout,
    lookUpEvery: cx.redis.inCluster ? EVERY_ON_CLUSTER : Number.POSITIVE_INFINITY,
    read: (target) => readTarget(cx, target),
    lookUp: (id) => lookUp(cx, id),
    malformed: () => void rejected(cx, "malformed"),
  });
}
