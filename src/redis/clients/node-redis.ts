/**
 * node-redis (the package `redis`) in the terms of ioredis, so that a drop-in store takes the client that connect-redis
 * was given. Translated once, when a store is made. It knows the two clients' ways to say the same, and nothing else.
 */
import type { KeyspaceClient } from "../keyspace.js";

// biome-ignore lint/suspicious/noExplicitAny: a method of any signature: those of node-redis 5 and 6 are not assignable to each other.
type AnyMethod = (...args: any[]) => unknown;

/** A client, pool, cluster or sentinel of node-redis 5 or 6, by the methods that tell it from all others. */
export interface NodeRedisClient {
  readonly evalSha: AnyMethod;
  readonly eval: AnyMethod;
  readonly get: AnyMethod;
  readonly on: AnyMethod;
}

/** What a client of node-redis, or one of a cluster's nodes, does for us. */
interface Commands {
  evalSha(sha: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(source: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>;
  get(key: string): Promise<string | null>;
  getEx(key: string, options: { type: "PX"; value: number }): Promise<string | null>;
  scan(cursor: string, options: { MATCH: string; COUNT: number }): Promise<{ cursor: unknown; keys: unknown }>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  readonly options?: { readonly commandOptions?: { readonly timeout?: number } };
  /** A client that caches replies in the process has this; a cluster keeps it among its options. */
  readonly clientSideCache?: unknown;
  /** What node-redis 6 puts before each key, but neither before patterns nor takes off the keys that come back. */
  readonly _keyPrefix?: string | undefined;
  withCommandOptions?(options: object): Commands;
  /** A cluster has these. */
  readonly _options?: { readonly useReplicas?: boolean };
  readonly masters?: readonly object[];
  readonly slots?: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  nodeClient?(node: object): Commands | Promise<Commands>;
  /** A sentinel has these. The first argument of `sendCommand` says whether a replica may answer. */
  getMasterNode?(): unknown;
  readonly commandOptions?: object;
  sendCommand?(mayLag: boolean, command: string[], options: object): Promise<unknown>;
}

/** Whether a value looks like a client of node-redis. */
export function isNodeRedis(client: unknown): client is NodeRedisClient {
  return typeof (client as NodeRedisClient | null | undefined)?.evalSha === "function";
}

/** One for each client, however many stores are on it, so that what listens to a client does so once. */
const adapters = new WeakMap<NodeRedisClient, KeyspaceClient>();

/** Lets a client of node-redis be used like one of ioredis. */
export function adaptNodeRedis(client: NodeRedisClient): KeyspaceClient {
  const adapter = adapters.get(client) ?? newAdapter(client);
  adapters.set(client, adapter);
  return adapter;
}

function newAdapter(client: NodeRedisClient): KeyspaceClient {
  const commands = client as Commands;
  if (commands.nodeClient !== undefined) return adaptCluster(commands, commands.nodeClient.bind(commands));
  const adapted = {
    ...adapt(viewOf(commands)),
    on: commands.on.bind(commands),
    options: { keyPrefix: commands._keyPrefix },
    readsMayLag: commands.clientSideCache !== undefined,
  };
  return commands.getMasterNode === undefined ? adapted : adaptSentinel(adapted, viewOf(commands));
}

function adaptCluster(commands: Commands, nodeClient: (node: object) => Commands | Promise<Commands>): KeyspaceClient {
  const adapted = adapt(viewOf(commands));
  return {
    ...adapted,
    options: { keyPrefix: commands._keyPrefix },
    readsMayLag: commands._options?.useReplicas === true || commands.clientSideCache !== undefined,
    masterOf: (slot) => commands.slots?.[slot]?.master.address,
    // A cluster tells that it is up or down by other names.
    on: (event, listener) => commands.on(CLUSTER_EVENTS[event] ?? event, listener),
    nodes: (role) => {
      // Only "master" is asked of a cluster; its connections need no watching, as node-redis never sends anything twice.
      if (role === "all") return [];
      return (commands.masters ?? []).map((master) => ({
        ...adapted,
        scan: async (...args) => adapt(viewOf(await nodeClient(master))).scan(...args),
      }));
    },
  };
}

/** A sentinel does not say whether it reads from replicas, so it is taken for one that does. */
function adaptSentinel(adapted: KeyspaceClient, view: Commands): KeyspaceClient {
  return {
    ...adapted,
    readsMayLag: true,
    scan: async (cursor, match, pattern, count, about) =>
      view.sendCommand?.(false, ["SCAN", cursor, match, pattern, count, String(about)], UNMAPPED),
  };
}

/**
 * The store's own view of a client, which leaves the client as it is. Replies come as text, whatever types the application
 * has mapped them to: a status that is a Buffer could be taken for any other. And node-redis 6 starts no timer for each
 * command, in case it cannot be sent within five seconds: every call of a store has its own deadline, and a second timer
 * took a third of what a read costs. A timeout that the application has set stays.
 */
function viewOf(commands: Commands): Commands {
  if (commands.getMasterNode !== undefined) {
    // The commands of node-redis 5's sentinel take no notice of `withCommandOptions`, and look here.
    return Object.create(commands, { commandOptions: { value: { ...commands.commandOptions, ...UNMAPPED } } });
  }
  if (commands.withCommandOptions === undefined) return commands;
  const set = commands.options?.commandOptions;
  const untimed = commands.options !== undefined && set?.timeout === undefined ? { timeout: undefined } : {};
  return commands.withCommandOptions({ ...set, ...untimed, ...UNMAPPED });
}

const UNMAPPED = { typeMapping: {} };

const CLUSTER_EVENTS: Readonly<Record<string, string>> = { ready: "connect", end: "disconnect" };

function adapt(commands: Commands): KeyspaceClient {
  const callOf = (keys: number, args: (string | number)[]) => {
    const texts = args.map(String);
    return { keys: texts.slice(0, keys), arguments: texts.slice(keys) };
  };
  return {
    get: (key) => commands.get(key),
    getex: (key, type, value) => commands.getEx(key, { type, value }),
    evalsha: (sha, keys, ...args) => commands.evalSha(sha, callOf(keys, args)),
    eval: (source, keys, ...args) => commands.eval(source, callOf(keys, args)),
    scan: async (cursor, _match, pattern, _count, about) => {
      const { cursor: next, keys } = await commands.scan(cursor, { MATCH: pattern, COUNT: about });
      return [next, keys];
    },
    on: (event, listener) => commands.on(event, listener),
  };
}
