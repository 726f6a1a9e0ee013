/**
 * The Redis client of a command, with ioredis, or with node-redis if only that is installed. Where it leads is in address.ts. It
 * knows no session.
 */
import type { RedisClient } from "../redis/clients/supported.js";
import { type ConnectionOptions, type Destination, databaseOf, destinationOf, hostOf, loginOf } from "./address.js";
import { Failure, NO_SUCH_DATABASE } from "./failure.js";

export interface Connected {
  readonly client: RedisClient;
  /** Where it leads, without the password. */
  readonly where: string;
  /** `MEMORY USAGE` of a key; `null` if it is gone. */
  memoryUsage(key: string): Promise<number | null>;
  close(): void;
}

/** Connects, and throws what the client says if it cannot. */
export async function connect(
  options: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  timeout: number,
): Promise<Connected> {
  const target = await destinationOf(options, environment, timeout);
  const ioredis = await found(() => import("ioredis"));
  if (ioredis !== undefined) return connectIoredis(ioredis, target);
  const nodeRedis = await found(() => import("redis"));
  if (nodeRedis !== undefined) return connectNodeRedis(nodeRedis, target);
  throw new Failure(
    "There is no Redis client. Install one beside coatcheck: npm install ioredis, or npm install redis",
  );
}

async function found<T>(load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/**
 * Rejects if a client is not ready in time: the clients limit how long a connection takes, and not how long a server lets them
 * wait that has accepted it. Each address may take its time, and the master that Sentinels name.
 */
async function readyInTime(connecting: Promise<unknown>, { urls, sentinel, timeout }: Destination): Promise<void> {
  const most = timeout * (urls.length + (sentinel === undefined ? 0 : 1));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${most} ms`)), most);
  });
  try {
    await Promise.race([connecting, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a server says before it serves, and a client does not pass on: ioredis waits, or tries again. */
const UNTOLD: readonly (readonly [said: RegExp, means: string])[] = [
  [/^loading:1\b/m, "LOADING Redis is loading the dataset in memory"],
  [/^-ERR max number of clients reached/, "ERR max number of clients reached"],
];

async function connectIoredis({ Redis, Cluster }: typeof import("ioredis"), target: Destination): Promise<Connected> {
  const { urls, sentinel, tls, timeout, environment, keyPrefix } = target;
  const [first] = urls as [URL];
  const login = sentinel === undefined ? loginOf(first, environment) : loginOf(new URL("redis://-"), environment);
  const common = {
    ...login,
    ...(tls && { tls }),
    connectTimeout: timeout,
    socketTimeout: 2 * timeout,
    maxRetriesPerRequest: 2,
    // Its pause between two looks at a server that reads its file would outlast the command.
    maxLoadingRetryTime: Math.min(timeout, 1000),
  };
  // Who is connected waits for the end of an outage: `tail` goes on after it, and the calls of a store have a deadline.
  let hasConnected = false;
  const retry = (times: number) => (times > 3 && !hasConnected ? null : Math.min(times * 100, 1000));
  const client = target.cluster
    ? new Cluster(
        urls.map((url) => hostOf(url, 6379)),
        {
          redisOptions: common,
          keyPrefix,
          lazyConnect: true,
          clusterRetryStrategy: retry,
          slotsRefreshTimeout: timeout,
        },
      )
    : new Redis({
        ...common,
        db: databaseOf(first),
        ...(sentinel === undefined
          ? hostOf(first, 6379)
          : {
              sentinels: urls.map((url) => hostOf(url, 26379)),
              name: sentinel,
              sentinelRetryStrategy: retry,
              ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
              ...(environment["REDIS_SENTINEL_PASSWORD"] && {
                sentinelPassword: environment["REDIS_SENTINEL_PASSWORD"],
              }),
            }),
        keyPrefix,
        lazyConnect: true,
        retryStrategy: retry,
      });
  // The client tells the reason by this event, and of the command only that the connection is closed.
  let last: unknown;
  client.on("error", (error: unknown) => {
    last = error;
  });
  client.on("node error", (error: unknown) => {
    last = error;
  });
  // A TLS handshake that fails may tell two errors, of which ioredis hears one. The other would end the process.
  client.on("connecting", () => {
    setImmediate(() => "stream" in client && client.stream?.on("error", () => {}));
  });
  client.on("connect", () => {
    if (!("stream" in client)) return;
    client.stream?.on("data", (chunk: Buffer) => {
      if (hasConnected) return;
      const [, means] = UNTOLD.find(([said]) => said.test(chunk.toString("latin1"))) ?? [];
      if (means !== undefined) last = new Error(means);
    });
  });
  try {
    await readyInTime(client.connect(), target);
    // ioredis goes on in database 0 when the server refuses the one it was given.
    if (last instanceof Error && NO_SUCH_DATABASE.test(last.message)) throw last;
    hasConnected = true;
  } catch (error) {
    client.disconnect();
    throw last instanceof Error ? new Error("Redis cannot be reached", { cause: last }) : error;
  }
  return {
    client: client as unknown as RedisClient,
    where: target.where,
    memoryUsage: (key) => client.memory("USAGE", key),
    close: () => client.disconnect(),
  };
}

async function connectNodeRedis(redis: typeof import("redis"), target: Destination): Promise<Connected> {
  const { urls, sentinel, tls, timeout, environment, keyPrefix } = target;
  const [first] = urls as [URL];
  const login = sentinel === undefined ? loginOf(first, environment) : loginOf(new URL("redis://-"), environment);
  if (keyPrefix !== "")
    throw new Failure("--key-prefix is a setting of ioredis. With node-redis put it into --prefix.");
  let hasConnected = false;
  const reconnectStrategy = (retries: number, cause: Error) => {
    if (hasConnected) return Math.min((retries + 1) * 100, 1000);
    // What has not answered in time will not do so in four more times.
    return retries > 3 || /timeout/i.test(cause.message) ? cause : 100;
  };
  const socket = { ...(tls && { tls: true as const, ...tls }), connectTimeout: timeout, reconnectStrategy };
  const client = target.cluster
    ? redis.createCluster({
        rootNodes: urls.map((url) => ({ socket: hostOf(url, 6379) })),
        defaults: { ...login, socket } as never,
      })
    : sentinel === undefined
      ? redis.createClient({
          ...login,
          database: databaseOf(first),
          socket: { ...socket, ...hostOf(first, 6379) } as never,
        })
      : redis.createSentinel({
          name: sentinel,
          sentinelRootNodes: urls.map((url) => hostOf(url, 26379)),
          // It waits for a second before each.
          maxCommandRediscovers: 3,
          nodeClientOptions: { ...login, database: databaseOf(first), socket } as never,
        });
  let last: unknown;
  client.on("error", (error: unknown) => {
    // That the socket has closed follows from the error before, which says why.
    if (last === undefined || !(error instanceof redis.SocketClosedUnexpectedlyError)) last = error;
  });
  try {
    await readyInTime(client.connect(), target);
    hasConnected = true;
  } catch (error) {
    if (client.isOpen) client.destroy();
    throw new Error("Redis cannot be reached", { cause: last ?? error });
  }
  return {
    client: client as unknown as RedisClient,
    where: target.where,
    memoryUsage: (key) => client.memoryUsage(key),
    close: () => client.destroy(),
  };
}
