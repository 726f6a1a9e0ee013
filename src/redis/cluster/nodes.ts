/** The nodes of a Cluster, each of which is a client of one connection, and the names that keys have on them. */
import type { RedisClient } from "../clients/client.js";

/** The node of an address, `host:port`; `undefined` if the client knows none. */
export function nodeAt(client: RedisClient, address: string): RedisClient | undefined {
  return client.nodes?.("all").find((node) => addressOf(node) === address);
}

/** Where a node listens, as its client says; `undefined` if it does not say. */
export function addressOf({ options }: RedisClient): string | undefined {
  const { host, port } = { ...options } as { host?: unknown; port?: unknown };
  return host === undefined || port === undefined ? undefined : `${host}:${port}`;
}

/** The keys as they are sent to a node, which does not always add the `keyPrefix` of the Cluster. */
export function keysOn(node: RedisClient, client: RedisClient, keys: readonly string[]): readonly string[] {
  const [whole, own] = [keyPrefixOf(client), keyPrefixOf(node)];
  return typeof whole === "string" && own !== whole ? keys.map((key) => whole + key) : keys;
}

function keyPrefixOf({ options }: RedisClient): unknown {
  return ({ ...options } as { keyPrefix?: unknown }).keyPrefix;
}
