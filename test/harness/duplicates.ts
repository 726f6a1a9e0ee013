/**
 * Where the duplicates of a client go, for tests that break the connection of a subscriber and leave that of its client alone. A
 * twin on node-redis sends its duplicates there too.
 */
import type { Redis } from "ioredis";

const ports = new WeakMap<object, number>();

/** Lets the duplicates of a client connect to another port. Call it before a store is given the client. */
export function sendDuplicatesTo(port: number, client: Redis): Redis {
  const make = client.duplicate.bind(client);
  client.duplicate = (overrides) => make({ ...overrides, port });
  ports.set(client, port);
  return client;
}

/** The port that was said for the duplicates of a client. */
export function portOfDuplicates(client: object): number | undefined {
  return ports.get(client);
}
