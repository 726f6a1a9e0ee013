/** The option `near` of a store: what it may hold, and its defaults. */
import { checkInteger, checkNames, show } from "../../leaves/arguments.js";
import { hint } from "../../leaves/hints.js";
import type { ClientPort } from "../../redis/clients/client.js";
import { checkSubscriber, isClosedSubscriber, type SubscriberClient } from "../../redis/clients/subscriber.js";
import type { RedisClient } from "../../redis/clients/supported.js";

/** How a process keeps sessions in its memory. */
export interface NearOptions {
  /**
   * A second client to the same Redis, which does nothing but listen: `redis.duplicate()`. It stays yours: one of node-redis has to
   * be connected by you, and `close()` of the store only unsubscribes. Default: the store makes a duplicate, connects it, and closes
   * it itself.
   */
  readonly subscriber?: SubscriberClient | undefined;
  /**
   * How long this process may still answer from before a revocation or a change of claims that has been acknowledged anywhere, ms.
   * If the connection is silent for longer, all lookups go to Redis. At least 100, and four round trips. Default: 1 second.
   */
  readonly lease?: number | undefined;
  /** How many sessions are kept, of about 1 KB each; the least recently used one makes room. Default: 10 000. */
  readonly maxEntries?: number | undefined;
}

/** The same with its defaults filled in. */
export interface ResolvedNear {
  readonly subscriber: SubscriberClient | undefined;
  readonly lease: number;
  readonly maxEntries: number;
}

const SHORTEST_LEASE = 100;
const LONGEST_LEASE = 60_000;
const MOST_ENTRIES = 10_000_000;

/** Checks the option. `undefined`: there is no near cache. Throws `TypeError` and `RangeError` for a wrong one. */
export function resolveNear(
  near: NearOptions | boolean | undefined,
  redis: RedisClient,
  port: ClientPort,
): ResolvedNear | undefined {
  if (near === undefined || near === false) return undefined;
  if (near !== true && (typeof near !== "object" || near === null || Array.isArray(near))) {
    throw new TypeError(`near must be true or an object with its options, got ${show(near)}`);
  }
  const given = near === true ? {} : near;
  checkNames("near", given, ["subscriber", "lease", "maxEntries"]);
  const { subscriber, lease = 1000, maxEntries = 10_000 } = given;
  checkLease(lease);
  checkInteger("near.maxEntries", maxEntries, 1, MOST_ENTRIES);
  refuseClient(port);
  if (subscriber !== undefined) {
    checkSubscriber("near.subscriber", subscriber, redis);
    refuseClosed(subscriber);
  }
  return { subscriber, lease, maxEntries };
}

function checkLease(lease: unknown): void {
  if (typeof lease === "number" && Number.isInteger(lease) && lease > 0 && lease < SHORTEST_LEASE) {
    const seconds = lease <= 60 ? `; ${lease} seconds are ${lease * 1000}` : "";
    throw new RangeError(`near.lease (ms) must be at least ${SHORTEST_LEASE}, got ${lease}${seconds}`);
  }
  checkInteger("near.lease (ms)", lease, SHORTEST_LEASE, LONGEST_LEASE);
  if ((lease as number) > 10_000) {
    const message = `near.lease is ${lease} ms: a revoked session may be served for that long when Redis cannot be heard`;
    hint("COATCHECK_UNIT", "near.lease", message);
  }
}

function refuseClient({ inCluster, connections }: ClientPort): void {
  const why = "a beat proves the one connection on which it ran, and all lookups must run on that one";
  if (inCluster) throw new TypeError(`near does not work with the client of a Cluster: ${why}`);
  if (connections === "many") throw new TypeError(`near does not work with a client of several connections: ${why}`);
}

function refuseClosed(subscriber: SubscriberClient): void {
  // A client of node-redis looks the same before its `connect()`, and may be connected later.
  if ("evalSha" in subscriber || !isClosedSubscriber(subscriber)) return;
  throw new TypeError("near.subscriber has been closed: give a client that is open, such as redis.duplicate()");
}
