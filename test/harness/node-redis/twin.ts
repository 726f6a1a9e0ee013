/**
 * On a run for node-redis: the client of node-redis that a store gets in place of the client of ioredis that a test has given
 * it. It goes to the same server or Cluster with the same settings, and lives as long. What a test puts in front of the scripts
 * (pass-through.ts) is in front of its scripts too.
 *
 * ioredis-mock has no server, and stays what it is. So does a client with a `keyPrefix` on node-redis 5, which has none, and a
 * `subscriber` that a test gives, because the test makes it deaf. Without one, a store listens on a duplicate of the twin.
 */
import type { Cluster, Redis, RedisOptions } from "ioredis";
import { createClient, createCluster } from "redis";
import { createClient as createClient5, createCluster as createCluster5 } from "redis5";
import type { IoredisClient, RedisClient } from "../../../src/index.js";
import { clientUnderTest } from "../client-under-test.js";
import { portOfDuplicates } from "../duplicates.js";
import { originOf, passThrough } from "../pass-through.js";

type Twin = ReturnType<typeof createClient>;
type ScriptCall = { keys: string[]; arguments: string[] };

const isSix = clientUnderTest().name === "node-redis-6";
const newClient = isSix ? createClient : (createClient5 as unknown as typeof createClient);
const newCluster = isSix ? createCluster : (createCluster5 as unknown as typeof createCluster);
const twins = new WeakMap<object, RedisClient>();

/** The client for a store instead of one of ioredis. */
export function twinOf(client: RedisClient): RedisClient {
  if (typeof client !== "object" || client === null) return client;
  const known = twins.get(client);
  if (known !== undefined) return known;
  const origin = originOf(client);
  const twin =
    origin === undefined
      ? newTwin(client as Redis | Cluster)
      : inFront(twinOf(origin.client as Redis) as Twin, origin.own);
  twins.set(client, twin);
  return twin;
}

function newTwin(client: Redis | Cluster): RedisClient {
  const options = settingsOf(client);
  // A stub, a mock, or a client of node-redis that a test has made itself.
  if (options === undefined || (options.keyPrefix && !isSix)) return client;
  const twin = "startupNodes" in client ? clusterTwin(client, options) : newClient(clientOptions(options));
  const port = portOfDuplicates(client);
  if (port !== undefined) {
    const make = twin.duplicate.bind(twin);
    const { socket } = clientOptions(options);
    twin.duplicate = ((overrides: object) =>
      make({ ...overrides, socket: { ...socket, port } })) as typeof twin.duplicate;
  }
  twin.on("error", () => {});
  twin.connect().catch(() => {});
  const end = () => void (twin.isOpen && twin.destroy());
  client.once("end", end);
  const { disconnect } = client;
  client.disconnect = (reconnect) => {
    if (reconnect !== true) end();
    disconnect.call(client, reconnect);
  };
  // What a test puts in front of these calls them in the end.
  client.evalsha = ((sha: string, count: number, ...rest: (string | number)[]) =>
    twin.evalSha(sha, callOf(count, rest))) as typeof client.evalsha;
  client.eval = ((source: string, count: number, ...rest: (string | number)[]) =>
    twin.eval(source, callOf(count, rest))) as typeof client.eval;
  return twin;
}

function settingsOf(client: Redis | Cluster): RedisOptions | undefined {
  if ("startupNodes" in client) return { ...client.options.redisOptions, keyPrefix: client.options.keyPrefix };
  const { options } = client as { options?: RedisOptions };
  return options?.port === undefined || client.status === undefined ? undefined : options;
}

function clusterTwin(client: Cluster, { keyPrefix, ...options }: RedisOptions): Twin {
  const { startupNodes } = client as unknown as { startupNodes: { host: string; port: number }[] };
  const { host: _, port: __, ...socket } = clientOptions(options).socket;
  return newCluster({
    rootNodes: startupNodes.map(({ host, port }) => ({ socket: { host, port } })),
    defaults: { ...clientOptions(options), socket },
    // Without it, node-redis does not know of replicas.
    ...(client.options.scaleReads === "slave" ? { useReplicas: true } : {}),
    ...(keyPrefix ? { keyPrefix } : {}),
  }) as unknown as Twin;
}

function clientOptions(options: RedisOptions) {
  const { host, port, username, password, db, keyPrefix, tls, retryStrategy, enableOfflineQueue, socketTimeout } =
    options;
  return {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(db ? { database: db } : {}),
    ...(keyPrefix ? { keyPrefix } : {}),
    ...(enableOfflineQueue === false ? { disableOfflineQueue: true } : {}),
    // Without it, a socketTimeout of node-redis ends a connection that is merely idle, as that of ioredis does not.
    ...(socketTimeout === undefined ? {} : { pingInterval: Math.ceil(socketTimeout / 3) }),
    socket: {
      ...(tls ? { ...tls, tls: true as const } : {}),
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(socketTimeout === undefined ? {} : { socketTimeout }),
      reconnectStrategy: (retries: number) => {
        const pause = retryStrategy?.(retries + 1);
        return typeof pause === "number" ? pause : (false as const);
      },
    },
  };
}

function callOf(count: number, rest: (string | number)[]): ScriptCall {
  const texts = rest.map(String);
  return { keys: texts.slice(0, count), arguments: texts.slice(count) };
}

/** Puts methods of a test, in the form of ioredis, in front of a client of node-redis. */
function inFront(twin: Twin, own: Partial<IoredisClient>): RedisClient {
  if (typeof (twin as Partial<Twin>).evalSha !== "function") return passThrough(twin, own) as unknown as RedisClient;
  const { evalsha, eval: evaluate, on, scan } = own;
  return passThrough(twin, {
    ...(on === undefined ? {} : { on }),
    ...(evalsha === undefined
      ? {}
      : {
          evalSha: (sha: string, call: ScriptCall) => evalsha(sha, call.keys.length, ...call.keys, ...call.arguments),
        }),
    ...(evaluate === undefined
      ? {}
      : {
          eval: (text: string, call: ScriptCall) => evaluate(text, call.keys.length, ...call.keys, ...call.arguments),
        }),
    ...(scan === undefined
      ? {}
      : {
          sendCommand: (words: string[], options?: Parameters<Twin["sendCommand"]>[1]) => {
            const [command, cursor = "", , pattern = "", , about] = words;
            if (command !== "SCAN") return twin.sendCommand(words, options);
            return scan(cursor, "MATCH", pattern, "COUNT", Number(about));
          },
        }),
    // The store's view of the client has them in front, too.
    withCommandOptions: (options: object) => inFront(twin.withCommandOptions(options) as unknown as Twin, own),
  }) as unknown as RedisClient;
}
