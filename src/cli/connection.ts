/**
 * The Redis client of a command: made of the options and the environment, with ioredis, or with node-redis if only that is
 * installed. Passwords come from the environment alone: every user of a machine can read the arguments of a program. It knows
 * no session.
 */
import { readFile } from "node:fs/promises";
import type { RedisClient } from "../redis/clients/supported.js";
import { Failure, NO_SUCH_DATABASE } from "./failure.js";
import { redacted } from "./printable.js";

export interface ConnectionOptions {
  readonly redis?: string | undefined;
  readonly cluster?: boolean | undefined;
  readonly sentinel?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly keyPrefix?: string | undefined;
}

export interface Connected {
  readonly client: RedisClient;
  /** Where it leads, without the password. */
  readonly where: string;
  /** `MEMORY USAGE` of a key; `null` if it is gone. */
  memoryUsage(key: string): Promise<number | null>;
  close(): void;
}

interface Destination {
  readonly urls: readonly URL[];
  readonly where: string;
  readonly cluster: boolean;
  readonly sentinel: string | undefined;
  readonly keyPrefix: string;
  readonly tls: Readonly<Record<string, string>> | undefined;
  readonly timeout: number;
  readonly environment: NodeJS.ProcessEnv;
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

/** Where the options lead, without passwords; for messages. */
export function addressOf({ redis }: ConnectionOptions, environment: NodeJS.ProcessEnv): string {
  return addressesOf(redis, environment).map(redacted).join(", ");
}

/** A variable that is set to nothing is not set. */
function addressesOf(redis: string | undefined, environment: NodeJS.ProcessEnv): readonly string[] {
  const text = redis ?? (environment["REDIS_URL"]?.trim() || "redis://127.0.0.1:6379");
  return text.split(",").map((each) => each.trim());
}

async function found<T>(load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function destinationOf(
  options: ConnectionOptions,
  environment: NodeJS.ProcessEnv,
  timeout: number,
): Promise<Destination> {
  const { redis, cluster = false, sentinel, keyPrefix = "" } = options;
  if (cluster && sentinel !== undefined)
    throw new Failure("--cluster and --sentinel exclude each other. Leave one out.");
  const urls = addressesOf(redis, environment).map(urlOf);
  if (redis !== undefined && urls.some(({ password }) => password !== "")) {
    throw new Failure(
      "A password in an argument can be read by every user of this machine. Put the whole URL into the variable REDIS_URL, and leave --redis out.",
    );
  }
  if (urls.length > 1 && !cluster && sentinel === undefined) {
    throw new Failure("Several addresses need --cluster, or --sentinel with the name of the master.");
  }
  if (cluster && urls.some((url) => databaseOf(url) !== 0)) {
    throw new Failure("A Redis Cluster has database 0 alone. Leave the number out of the address.");
  }
  const secure = urls.some(({ protocol }) => protocol === "rediss:");
  const files = { ca: options.tlsCa, cert: options.tlsCert, key: options.tlsKey };
  if (!secure && Object.values(files).some((file) => file !== undefined)) {
    throw new Failure("--tls-ca, --tls-cert and --tls-key need an address that begins with rediss://.");
  }
  const where = addressOf(options, environment);
  const tls = secure ? await readAll(files) : undefined;
  return { urls, where, cluster, sentinel, keyPrefix, tls, timeout, environment };
}

function urlOf(text: string): URL {
  let url: URL;
  try {
    // A path and a text in quotes would be taken for a host.
    url = new URL(/^(?:[\w+.-]+:\/\/|["'/])/.test(text) ? text : `redis://${text}`);
  } catch {
    const howToEscape = text.includes("@")
      ? " In a user or a password write %2F for /, %23 for #, %3F for ?, %40 for @."
      : "";
    throw new Failure(
      `The address of Redis must be a URL such as redis://127.0.0.1:6379. Check --redis or REDIS_URL.${howToEscape}`,
    );
  }
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new Failure(`The address of Redis must begin with redis:// or rediss://, got ${redacted(text)}.`);
  }
  if (!/^\/?\d*$/.test(url.pathname)) {
    throw new Failure(
      `After the host of Redis comes the number of the database, as in redis://127.0.0.1:6379/0, got ${redacted(text)}.`,
    );
  }
  if (url.searchParams.has("db")) {
    throw new Failure(
      "The number of the database is not read from ?db=. Put it after the last /, as in redis://127.0.0.1:6379/0.",
    );
  }
  return url;
}

async function readAll(files: Readonly<Record<string, string | undefined>>): Promise<Record<string, string>> {
  const read: Record<string, string> = {};
  for (const [name, file] of Object.entries(files)) {
    if (file === undefined) continue;
    try {
      read[name] = await readFile(file, "utf8");
    } catch (error) {
      throw new Failure(`--tls-${name}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
    }
  }
  return read;
}

/** User and password of an address; where it has none, those of the environment. */
function loginOf(
  { username, password }: URL,
  environment: NodeJS.ProcessEnv,
): { username?: string; password?: string } {
  const user = unescaped(username) || environment["REDIS_USERNAME"];
  const secret = unescaped(password) || environment["REDIS_PASSWORD"];
  return { ...(user && { username: user }), ...(secret && { password: secret }) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Failure(
      "The user or the password in the address of Redis has a % that begins no escape. Write %25 for %.",
    );
  }
}

const hostOf = ({ hostname, port }: URL, usual: number) => ({
  host: hostname.replace(/^\[|\]$/g, ""),
  port: port === "" ? usual : Number(port),
});

const databaseOf = ({ pathname }: URL) => Number(pathname.slice(1) || 0);

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
