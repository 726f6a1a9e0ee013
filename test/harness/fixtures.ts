/** What nearly every test file needs: a client, a prefix of its own, and the rule that no key outlives its session. */
import { randomBytes } from "node:crypto";
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { afterAll, afterEach, expect, inject } from "vitest";
// Declares `redisUrl` for every TypeScript program that these fixtures are part of.
import type {} from "./global-setup.js";

const cleanups: Array<() => unknown> = [];

// Vitest loads this module anew for each test file, so this belongs to the file that imports it.
afterAll(async () => {
  const errors: unknown[] = [];
  for (const cleanup of cleanups.splice(0).reverse()) {
    try {
      await cleanup();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, "Not everything could be cleaned up after the test file.");
});

/** Runs `cleanup` after the last test of the file; the last registered runs first. May be called inside a test, too. */
export function afterFile(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** A client to the server of this test run, or to `options.port` or `url`; it is disconnected after the test file. */
export function connect(options: RedisOptions & { url?: string } = {}): Redis {
  const { url = options.port === undefined ? inject("redisUrl") : undefined, ...rest } = options;
  const redis = url === undefined ? new Redis({ host: "127.0.0.1", ...rest }) : new Redis(url, rest);
  // Tests break connections on purpose. Without a listener ioredis prints each error; the commands still reject.
  redis.on("error", () => {});
  afterFile(() => redis.disconnect());
  return redis;
}

/** A client of a whole Cluster; it is disconnected after the test file. */
export function connectCluster(
  { startupNodes }: { startupNodes: { host: string; port: number }[] },
  options: ClusterOptions = {},
): Cluster {
  const cluster = new Cluster(startupNodes, options);
  cluster.on("error", () => {});
  afterFile(() => cluster.disconnect());
  return cluster;
}

/** A key prefix that no other test file, run or call has. */
export function uniquePrefix(): string {
  return `coatcheck-test:${randomBytes(8).toString("hex")}:`;
}

/** Every key that begins with `prefix`, sorted. `redis` must have no `keyPrefix` of its own. */
export async function keysUnder(redis: Redis | Cluster, prefix: string): Promise<string[]> {
  const pattern = `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`;
  const keys = new Set<string>();
  for (const node of redis instanceof Cluster ? redis.nodes("master") : [redis]) {
    let cursor = "0";
    do {
      const [next, page] = await node.scan(cursor, "MATCH", pattern, "COUNT", 1000);
      for (const key of page) keys.add(key);
      cursor = next;
    } while (cursor !== "0");
  }
  return [...keys].sort();
}

/**
 * The same without the marks of calls, which are left for as long as a reply may get lost, and without the lists of arrivals and
 * the whereabouts of guests, which are left for minutes.
 */
export async function lastingKeysUnder(redis: Redis | Cluster, prefix: string): Promise<string[]> {
  return (await keysUnder(redis, prefix)).filter((key) => !isMark(key) && !/\}:[ng]:/.test(key));
}

/** Whether a key is the mark of a call of a store, or of one-time tokens. */
export function isMark(key: string): boolean {
  return /\}:m:(?:[\w.-]+:)?(?:[\w-]{12}|\w{26})$/.test(key);
}

/** Asserts that every key under `prefix` expires by itself. Only a block without end, `…}:b:…`, may last for ever. */
export async function expectCleanKeyspace(redis: Redis | Cluster, prefix: string): Promise<void> {
  const keys = await keysUnder(redis, prefix);
  const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
  const isBlock = (key: string) => /^\{[^{}]*\}:b:/.test(key.slice(prefix.length));
  const eternal = keys.filter((key, at) => ttls[at] === -1 && !isBlock(key));
  expect(eternal, `keys without a time to live: ${JSON.stringify(eternal)}`).toEqual([]);
}

/** Holds every test of the file, or of the `describe` it is called in, to `expectCleanKeyspace`. */
export function guardKeyspace(redis: Redis | Cluster, prefix: string): void {
  afterEach(() => expectCleanKeyspace(redis, prefix));
}
