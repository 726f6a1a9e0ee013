/**
 * Which clients are taken, and which other values people pass by mistake: the error names what each of these is. It chooses the
 * driver.
 */
import { show } from "../../leaves/arguments.js";
import type { ClientPort } from "./client.js";
import { has, isFour, isLegacy, isNodeRedis } from "./families.js";
import type { IoredisClient } from "./ioredis/client.js";
import { IoredisPort } from "./ioredis/port.js";
import type { ClusterClient, NodeRedisClient, Pool, Sentinel, SingleClient } from "./node-redis/client.js";
import { ClusterPort } from "./node-redis/cluster.js";
import { SentinelPort } from "./node-redis/sentinel.js";
import { PoolPort, SinglePort } from "./node-redis/single.js";

/**
 * A Redis client: of ioredis 5 or 6 (`Redis` or `Cluster`), iovalkey, or node-redis 5 or 6 (`createClient`,
 * `createClientPool`, `createCluster` or `createSentinel`).
 */
export type RedisClient = IoredisClient | NodeRedisClient;

/** One for each client, whatever the number of its stores, so that each event of a client has one listener. */
const ports = new WeakMap<RedisClient, ClientPort>();

/** Whether a value is a client, and not options that hold one. */
export function isClient(value: unknown): boolean {
  return isNodeRedis(value) || has(value, "evalsha");
}

/**
 * A client as the package uses it. It need not be connected yet. `what`: how to name it in the `TypeError` for anything else,
 * such as "the first argument of createSessionStore".
 */
export function portOf(what: string, client: RedisClient): ClientPort {
  const misfit = misfitOf(client);
  if (misfit !== undefined) {
    throw new TypeError(`${what} must be a client of ioredis, iovalkey or node-redis 5 or 6, got ${misfit}`);
  }
  const port = ports.get(client) ?? driverOf(client);
  ports.set(client, port);
  return port;
}

function driverOf(client: RedisClient): ClientPort {
  if (!isNodeRedis(client)) return new IoredisPort(client);
  if (has(client, "nodeClient")) return new ClusterPort(client as ClusterClient);
  if (has(client, "getMasterNode")) return new SentinelPort(client as Sentinel);
  return has(client, "execute") ? new PoolPort(client as Pool) : new SinglePort(client as SingleClient);
}

/** What is wrong with a client; `undefined` if nothing is. */
function misfitOf(client: unknown): string | undefined {
  // The address of a server often has a password in it, so it is not shown.
  if (typeof client === "string") return "a string: give a client that was made with it, such as new Redis(url)";
  if (client instanceof URL) return "a URL: give a client that was made with it, such as new Redis(url.href)";
  if (has(client, "then")) return "a promise: await it first";
  if (has(client, "exec") && !has(client, "on"))
    return "a pipeline or transaction: give the client that it was made of";
  const isNode = isNodeRedis(client);
  if (isNode && has(client, "release")) return "one connection that a sentinel lends: give the sentinel itself";
  if (isNode && !has(client, "on")) return "a client in legacy mode: give the client that legacy() was called on";
  if (isNode && isLegacy(client)) return "a client in legacy mode: make it without legacyMode";
  if (isNode && isFour(client)) return "a client of node-redis 4: update it to 5 or 6";
  if (has(client, "internal_send_command")) return "a client of node-redis 3 or older: update it to 5 or 6";
  const needed = isNode ? ["eval", "on"] : ["evalsha", "eval", "on"];
  if (needed.every((method) => has(client, method))) return undefined;
  if (typeof client === "function") {
    return /^class\b/.test(Function.prototype.toString.call(client)) || isClient(client.prototype)
      ? "a class: give a client that was made of it, such as new Redis(url)"
      : "a function: give the client that it makes";
  }
  const { client: one, redis: other } = (client ?? {}) as { client?: unknown; redis?: unknown };
  if (isClient(one) || isClient(other)) return "an object with the client in it";
  // No word of what is in them: a password often is.
  const isSettings = CONNECTION_OPTIONS.some((name) => typeof client === "object" && client !== null && name in client);
  return isSettings
    ? "options of a connection: give a client that was made with them, such as new Redis(options)"
    : show(client);
}

/** The options of ioredis and node-redis that tell of an object that it holds options, and is no client. */
const CONNECTION_OPTIONS = ["host", "port", "path", "url", "socket", "sentinels", "rootNodes", "sentinelRootNodes"];
