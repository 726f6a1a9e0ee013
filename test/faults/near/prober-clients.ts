/** The two clients of a store with a near cache, of whichever package. It asks them nothing. */
import { Redis, type RedisOptions } from "ioredis";
import type { RedisClient } from "../../../src/index.js";
import type { SubscriberClient } from "../../../src/redis/clients/subscriber.js";
import { CONNECTION, closeNodeRedis, connected, NODE_REDIS } from "../node-redis.js";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** How the two clients are to be connected, in a form that can be sent to another process. */
export type Connections =
  | { readonly client: "ioredis"; readonly data: RedisOptions; readonly subscriber: RedisOptions }
  /** Version 6 or 5 of node-redis. */
  | { readonly client: "redis" | "redis5"; readonly data: Address; readonly subscriber: Address };

export interface Clients {
  readonly data: RedisClient;
  readonly subscriber: SubscriberClient;
  /** Ends both. */
  close(): void;
}

export async function openClients(connections: Connections): Promise<Clients> {
  if (connections.client === "ioredis") {
    const [data, subscriber] = [ioredis(connections.data), ioredis(connections.subscriber)];
    const close = () => [data, subscriber].forEach((client) => void client.disconnect());
    return { data, subscriber, close };
  }
  const { createClient } = NODE_REDIS[connections.client === "redis" ? 6 : 5];
  const open = ({ host, port }: Address) => connected(createClient({ ...CONNECTION, url: `redis://${host}:${port}` }));
  const [data, subscriber] = await Promise.all([open(connections.data), open(connections.subscriber)]);
  return { data, subscriber, close: () => [data, subscriber].forEach(closeNodeRedis) };
}

function ioredis(options: RedisOptions): Redis {
  const redis = new Redis({ ...options, retryStrategy: (times) => Math.min(times * 50, 500) });
  // Faults break connections on purpose; without a listener ioredis prints each error.
  redis.on("error", () => {});
  return redis;
}
