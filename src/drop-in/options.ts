/** The options that all drop-in stores have: their checks and defaults. It knows no framework. */

import { checkInteger, checkNames, checkString, show } from "../leaves/arguments.js";
import { hintAtSeconds, hintAtShortUnit } from "../leaves/hints.js";
import { isClient, portOf, type RedisClient } from "../redis/clients/supported.js";
import { Keyspace } from "../redis/keyspace.js";
import type { UserId } from "./user-id.js";

/** A stored session as `userId`, `ttl` and the calls that list sessions give it: whatever the application has put in. */
// biome-ignore lint/suspicious/noExplicitAny: a session has no type here until the application gives it one.
export type SessionRecord = Record<string, any>;

/** Turns a session into a string and back; `JSON` is one. */
export interface Serializer {
  /** May be asynchronous. */
  parse(text: string): unknown;
  stringify(session: object): string;
}

/** The options that every drop-in store has. */
export interface DropInOptions<Data extends object = SessionRecord> {
  /**
   * The Redis client: ioredis 5 or 6 (`Redis` or `Cluster`), iovalkey, or node-redis 5 or 6 (`createClient`,
   * `createClientPool`, `createCluster` or `createSentinel`). It stays yours: the store never connects or closes it.
   */
  readonly client: RedisClient;
  /** What the key of every session begins with. */
  readonly prefix?: string | undefined;
  /** Turns sessions into strings and back. Default: `JSON`. */
  readonly serializer?: Serializer | undefined;
  /** How many keys Redis looks at in each step of `all`, `ids`, `length` and `clear`. Default: 100. */
  readonly scanCount?: number | undefined;
  /** How long a call waits for Redis before it fails with `StoreUnavailableError`, ms. Default: 1 second. */
  readonly timeout?: number | undefined;
  /**
   * Whose session it is; `undefined` for a guest's. With it the store keeps an index, and `listForUser`, `destroyAllForUser`
   * and `updateForUser` work. A session is in the index after its first save or touch with this option. A number stands for its
   * digits, and an ObjectId for its JSON. A value that is no user id counts as a guest's; a process warning with the code
   * `COATCHECK_USER_ID` tells of the first one. The function is called on every load and save, so it must be quick. Default:
   * none.
   * @example userId: (session) => session.passport?.user
   */
  readonly userId?: ((session: Data) => UserId | { toJSON(): unknown } | null | undefined) | undefined;
}

/** The names of {@link DropInOptions}. */
export const DROP_IN_OPTIONS = ["client", "prefix", "serializer", "scanCount", "timeout", "userId"] as const;

/** The options of a store with their defaults filled in. */
export interface ResolvedDropInOptions {
  readonly keyspace: Keyspace;
  readonly prefix: string;
  readonly serializer: Serializer;
  readonly scanCount: number;
  readonly userId: ((session: object) => unknown) | undefined;
}

/** Checks the options; `names` are those that the store knows. `null` means "not given", as with connect-redis. */
export function resolveDropInOptions<Data extends object>(
  where: string,
  options: DropInOptions<Data>,
  names: readonly string[],
  defaultPrefix: string,
): ResolvedDropInOptions {
  if (isClient(options)) {
    throw new TypeError(`${where} takes its client as an option: { client }`);
  }
  checkNames(where, options, names);
  const client = portOf(`client of ${where}`, options.client);
  hintAtShortUnit("timeout", options.timeout);
  const serializer = options.serializer ?? JSON;
  if (typeof serializer.parse !== "function" || typeof serializer.stringify !== "function") {
    throw new TypeError(`serializer must have the methods parse and stringify, got ${show(serializer)}`);
  }
  const userId = options.userId ?? undefined;
  if (userId !== undefined && typeof userId !== "function") {
    throw new TypeError(`userId must be a function of the session, got ${show(userId)}`);
  }
  return {
    keyspace: new Keyspace(client, checkInteger("timeout (ms)", options.timeout ?? 1000, 1, 2 ** 31 - 1)),
    prefix: checkString("prefix", options.prefix ?? defaultPrefix),
    serializer,
    scanCount: checkInteger("scanCount", options.scanCount ?? 100, 1),
    userId: userId as ResolvedDropInOptions["userId"],
  };
}

/** The last instant that `Date` knows, ms: anything later is not a time. */
const FURTHEST_DATE = 8.64e15;

/** Checks a time to live in ms, and rounds it up. 0 or less means that it has passed. */
export function checkLife(name: string, ms: unknown): number {
  if (typeof ms !== "number" || !(Math.abs(ms) <= FURTHEST_DATE)) {
    throw new TypeError(`${name} must be a time in ms, got ${show(ms)}`);
  }
  return Math.ceil(ms);
}

/** Converts a time to live in seconds, as in the options of connect-redis, to ms. */
export function millisecondsOf(name: string, seconds: unknown): number {
  if (typeof seconds !== "number" || !(Math.abs(seconds) <= FURTHEST_DATE / 1000)) {
    throw new TypeError(`${name} must be a number of seconds, got ${show(seconds)}`);
  }
  return Math.ceil(seconds * 1000);
}

/** Checks a time to live that is the same for all sessions, in seconds. Returns it. */
export function checkTtl(seconds: unknown): number {
  if (millisecondsOf("ttl", seconds) <= 0) {
    throw new RangeError(`ttl must be more than 0 seconds, got ${String(seconds)}`);
  }
  hintAtSeconds("ttl", seconds as number);
  return seconds as number;
}
