/** The pulse of a store, for its near cache or its watches: which channels it hears, and what its beats leave in Redis. */
import { newMark } from "../../redis/marks.js";
import type { Subscription } from "../../redis/subscription.js";
import type { Context } from "../context.js";
import { feedChannel } from "../feed.js";
import { runBeat } from "../scripts/beat.js";
import { Pulse, type PulseParts } from "./pulse.js";

/** How long Redis keeps the canary of a process that has stopped to beat, in addition to twenty leases, ms. */
const CANARY_LIFE = 60_000;

/** Makes a pulse. Does no I/O. */
export function pulseOf<Claims extends object>(
  { redis, keys, options }: Context<Claims>,
  subscription: Subscription,
  parts: Omit<PulseParts, "channels" | "subscription" | "losses" | "beat">,
): Pulse {
  // The canary's name has 12 characters, as a mark has.
  const name = newMark();
  const key = keys.canary(name);
  const ttl = CANARY_LIFE + 20 * parts.lease;
  // The subscription adds the prefix of the client.
  const feed = feedChannel("", options.prefix);
  return new Pulse({
    ...parts,
    channels: { feed, own: `${feed}:${name}` },
    subscription,
    losses: () => redis.losses,
    beat: (number, known) => runBeat(redis, { key, number, known, ttl }),
  });
}
