/**
 * Clients of node-redis in front of faults, set up as docs/clients.md recommends, and faster. It knows what each version can do
 * in front of a fault, and no fault.
 */
import { createClient, createClientPool, createCluster, createSentinel } from "redis";
import {
  createClient as createClient5,
  createClientPool as createClientPool5,
  createCluster as createCluster5,
  createSentinel as createSentinel5,
} from "redis5";
import type { NodeRedisClient } from "../../src/index.js";

/** What ends a silent connection, and how soon there is another. */
export const CONNECTION = {
  pingInterval: 300,
  socket: { socketTimeout: 1000, reconnectStrategy: (retries: number) => Math.min(retries * 50, 500) },
};

export const NODE_REDIS = {
  6: { name: "node-redis 6", module: "redis", createClient, createClientPool, createCluster, createSentinel },
  5: {
    name: "node-redis 5",
    module: "redis5",
    createClient: createClient5 as unknown as typeof createClient,
    createClientPool: createClientPool5 as unknown as typeof createClientPool,
    createCluster: createCluster5 as unknown as typeof createCluster,
    createSentinel: createSentinel5 as unknown as typeof createSentinel,
  },
} as const;

/** Waits until a client that was just made can be used. It stays silent about what faults do to it. */
export async function connected<Client extends NodeRedisClient & { connect(): Promise<unknown> }>(
  client: Client,
): Promise<Client> {
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Ends a client of node-redis, which may have ended. */
export function closeNodeRedis(client: { readonly isOpen: boolean; destroy(): unknown }): void {
  if (client.isOpen) client.destroy();
}
