/**
 * The client that a test run is on: `COATCHECK_CLIENT`, by default `ioredis-5`. The tests are written with ioredis. On ioredis 6
 * and on iovalkey they import that in its place; on node-redis each store gets a client of node-redis instead of the one that
 * the test has given it (see node-redis/twin.ts), while the test looks behind it through ioredis.
 */
const CLIENTS = {
  "ioredis-5": { ioredis: "ioredis", package: "ioredis" },
  "ioredis-6": { ioredis: "ioredis6", package: "ioredis6" },
  iovalkey: { ioredis: "iovalkey", package: "iovalkey" },
  "node-redis-5": { ioredis: "ioredis", package: "redis5" },
  "node-redis-6": { ioredis: "ioredis", package: "redis" },
} as const;

export interface ClientUnderTest {
  readonly name: keyof typeof CLIENTS;
  /** What `ioredis` is in the tests. */
  readonly ioredis: string;
  /** The package of the client that stores get. */
  readonly package: string;
  readonly isNodeRedis: boolean;
}

/** Throws for a name that is none. */
export function clientUnderTest(env: Readonly<Record<string, string | undefined>> = process.env): ClientUnderTest {
  const name = env["COATCHECK_CLIENT"] ?? "ioredis-5";
  if (!Object.hasOwn(CLIENTS, name)) {
    throw new Error(`COATCHECK_CLIENT must be one of ${Object.keys(CLIENTS).join(", ")}, not ${JSON.stringify(name)}.`);
  }
  const known = name as keyof typeof CLIENTS;
  return { name: known, ...CLIENTS[known], isNodeRedis: known.startsWith("node-redis") };
}
