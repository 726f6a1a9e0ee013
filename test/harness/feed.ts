/** The feed of a store, as a process that listens hears it. */
import { once } from "node:events";
import type { Cluster, Redis } from "ioredis";
import { type FeedMessage, feedChannel, parseFeed } from "../../src/sessions/feed.js";

export interface FeedEar {
  /** What was said while `act` did its work, in the order in which it was heard. Nothing else may be said meanwhile. */
  during(act: () => Promise<unknown>): Promise<FeedMessage[]>;
  /** The same as the server has sent it. */
  rawDuring(act: () => Promise<unknown>): Promise<string[]>;
}

/**
 * Listens to the feed of the store with this prefix. `publisher` ends each listening: what a server publishes on one channel
 * arrives in order, so nothing that was said before is still under way. In a Cluster each node has its publisher.
 */
export async function listenToFeed(
  subscriber: Redis | Cluster,
  publishers: readonly Redis[],
  prefix: string,
  keyPrefix = "",
): Promise<FeedEar> {
  const channel = feedChannel(keyPrefix, prefix);
  const heard: string[] = [];
  let ends = 0;
  let onEnd = () => {};
  subscriber.on("message", (name: string, message: string) => {
    if (name !== channel) return;
    if (message.startsWith("end ")) {
      ends++;
      onEnd();
    } else {
      heard.push(message);
    }
  });
  // A client that is still greeting its server may lose the answer; ioredis-mock has no status.
  if (subscriber.status !== undefined && subscriber.status !== "ready") await once(subscriber, "ready");
  await subscriber.subscribe(channel);
  /** Resolves when everything that was said before has been heard. */
  async function end() {
    const wanted = ends + publishers.length;
    const ended = new Promise<void>((resolve) => {
      onEnd = () => {
        if (ends === wanted) resolve();
      };
    });
    for (const publisher of publishers) await publisher.publish(channel, `end ${wanted}`);
    await ended;
  }
  async function rawDuring(act: () => Promise<unknown>) {
    await end();
    heard.length = 0;
    await act();
    await end();
    return [...heard];
  }
  return {
    rawDuring,
    async during(act) {
      const messages = await rawDuring(act);
      return messages.map((message) => {
        const read = parseFeed(message);
        if (read === undefined) throw new Error(`Not a message of the feed: ${JSON.stringify(message)}`);
        return read;
      });
    },
  };
}
