/**
 * Makes a client of node-redis (the package `redis`) look like one of ioredis, so that a drop-in store takes the client that
 * connect-redis was given. This is done once, when a store is made. It knows how the two clients name the same things, and
 * nothing else.
 */
import type { KeyspaceClient } from "../keyspace.js";

// biome-ignore lint/suspicious/noExplicitAny: a method of any signature: those of node-redis 5 and 6 are not assignable to each other.
type AnyMethod = (...args: any[]) => unknown;

/** A client, pool, cluster or sentinel of node-redis 5 or 6, by the methods that no other client has. */
export interface NodeRedisClient {
  readonly evalSha: AnyMethod;
  readonly eval: AnyMethod;
  readonly get: AnyMethod;
  readonly on: AnyMethod;
}

/** What we use of a client of node-redis, or of a node of its cluster. */
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
  /** The prefix that node-redis 6 puts before keys, but not before patterns. It stays on the keys that come back. */
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

/** One for each client, whatever the number of its stores, so that each event of a client has one listener. */
const adapters = new WeakMap<NodeRedisClient, KeyspaceClient>();

/** Gives the adapter of a client, which can be used like a client of ioredis. */
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
    // A cluster has other names for the events.
    on: (event, listener) => commands.on(CLUSTER_EVENTS[event] ?? event, listener),
    nodes: (role) => {
      // Only masters are asked. The connections need no watching, because node-redis never sends a command twice.
      if (role === "all") return [];
      return (commands.masters ?? []).map((master) => ({
        ...adapted,
        scan: async (...args) => adapt(viewOf(await nodeClient(master))).scan(...args),
      }));
    },
  };
}

/** A sentinel does not say whether it reads from replicas, so we assume that it does. */
function adaptSentinel(adapted: KeyspaceClient, view: Commands): KeyspaceClient {
  return {
    ...adapted,
    readsMayLag: true,
    scan: async (cursor, match, pattern, count, about) =>
      view.sendCommand?.(false, ["SCAN", cursor, match, pattern, count, String(about)], UNMAPPED),
  };
}

/**
 * The store's own view of a client; the client itself stays as it is. In this view replies are text, whatever the application
 * has set in `typeMapping`: a status must not be a Buffer. And node-redis 6 starts no timer for each command: it would watch
 * whether the command is sent within five seconds, but every call of a store has its own deadline, and the second timer took a
 * third of the time of a read. A timeout that the application has set stays.
 */
function viewOf(commands: Commands): Commands {
  if (commands.getMasterNode !== undefined) {
    // The commands of a sentinel of node-redis 5 ignore `withCommandOptions`, and read this property.
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
