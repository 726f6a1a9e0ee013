/** The nodes of a Cluster of ioredis, each of which is a client of one connection, and the names that keys have on them. */
import { type IoredisClient, optionsOf } from "./client.js";

/** The node of an address, `host:port`; `undefined` if the client knows none. */
export function nodeAt(client: IoredisClient, address: string): IoredisClient | undefined {
  return client.nodes?.("all").find((node) => addressOf(node) === address);
}

/** Where a node listens, as its client says; `undefined` if it does not say. */
export function addressOf(client: IoredisClient): string | undefined {
  const { host, port } = optionsOf(client);
  return host === undefined || port === undefined ? undefined : `${host}:${port}`;
}

/** The keys as they are sent to a node, which does not always add the `keyPrefix` of the Cluster. */
export function keysOn(node: IoredisClient, client: IoredisClient, keys: readonly string[]): readonly string[] {
  const [whole, own] = [keyPrefixOf(client), keyPrefixOf(node)];
  return own !== whole ? keys.map((key) => whole + key) : keys;
}

/** What a client puts before every key. */
export function keyPrefixOf(client: IoredisClient): string {
  const { keyPrefix } = optionsOf(client);
  return typeof keyPrefix === "string" ? keyPrefix : "";
}
