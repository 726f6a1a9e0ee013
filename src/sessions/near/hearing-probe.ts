/**
 * Finds out for `check()` whether the subscriber of a store hears what its client publishes: if the two are connected to different
 * servers, both work well, and the near cache never serves. It judges nothing.
 */
import { StoreUnavailableError } from "../../leaves/errors.js";
import { mintToken, randomBucket } from "../../leaves/token.js";
import type { Deadline } from "../../redis/calls/deadline.js";
import { newMark } from "../../redis/marks.js";
import { ignoreOutage, isReply } from "../../redis/redis-errors.js";
import type { Listener, Subscription } from "../../redis/subscription.js";
import type { Context } from "../context.js";
import { feedChannel } from "../feed.js";
import { runTryPublish } from "../scripts/try-publish.js";

/** How long a message may take to a replica at least, ms: a subscriber there hears everything too, only later. */
const REPLICATION = 250;

/** Hears one channel for a while. */
class Ear implements Listener {
  readonly channels: readonly string[];
  /** Whether something may have been missed. */
  isLost = false;
  readonly #texts = new Set<string>();
  #heard: () => void = () => {};

  constructor(channel: string) {
    this.channels = [channel];
  }

  message(_channel: string, text: string): void {
    this.#texts.add(text);
    this.#heard();
  }

  ready(): void {}

  lost(): void {
    this.isLost = true;
  }

  /** Whether a text has come, or comes within so many ms. */
  hears(text: string, ms: number): Promise<boolean> {
    if (this.#texts.has(text)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        resolve(this.#texts.has(text));
      };
      const timer = setTimeout(end, ms);
      this.#heard = () => this.#texts.has(text) && end();
    });
  }
}

/**
 * Whether the subscriber hears what the client of the store publishes. `"refused"`: it may not subscribe. `null` if nobody knows:
 * one of the two does not answer in time, or has lost its connection meanwhile, or the client may not publish. However slow a server is, it gives no wrong `false`: before Redis
 * answers to PUBLISH it puts the message into the output of each connection that has subscribed, so in front of its answer to a
 * SUBSCRIBE that is sent after that. A subscriber of a replica hears it when the replica does: `patience` is how long a message
 * may take and still be of use, ms.
 */
export async function askWhetherHeard(
  { redis, keys, options }: Pick<Context<object>, "redis" | "keys" | "options">,
  subscription: Subscription,
  deadline: Deadline,
  patience: number,
): Promise<boolean | "refused" | null> {
  const feed = feedChannel("", options.prefix);
  const { id } = mintToken(randomBucket());
  const [ear, later] = [new Ear(feed), new Ear(`${feed}:${newMark()}`)];
  try {
    subscription.add(ear);
    if (!(await isAllowed(subscription.whenReady(ear, deadline.left)))) return "refused";
    if ((await runTryPublish(redis, keys.session(id), deadline)) !== "told") return null;
    subscription.add(later);
    if (!(await isAllowed(subscription.whenReady(later, deadline.left)))) return "refused";
    const isHeard = await ear.hears(`~ ${id}`, Math.max(REPLICATION, Math.min(patience, deadline.left)));
    return isHeard || !ear.isLost ? isHeard : null;
  } catch (error) {
    return ignoreOutage(error) ?? null;
  } finally {
    subscription.remove(ear);
    subscription.remove(later);
  }
}

/** `false` if the user of Redis may not run `SUBSCRIBE`, or not on that channel. */
async function isAllowed(subscribing: Promise<void>): Promise<boolean> {
  try {
    await subscribing;
    return true;
  } catch (error) {
    if (error instanceof StoreUnavailableError && isReply(error.cause, "NOPERM ")) return false;
    throw error;
  }
}
