/**
 * node-redis (the package `redis`) in the terms of ioredis, so that a drop-in store takes the client that connect-redis
 * was given. Translated once, when a store is made. It knows the two clients' ways to say the same, and nothing else.
 */
import type { KeyspaceClient, ScanReply } from "../keyspace.js";

// biome-ignore lint/suspicious/noExplicitAny: a method of any signature: those of node-redis 5 and 6 are not assignable to each other.
type AnyMethod = (...args: any[]) => unknown;

/** A client or cluster of node-redis 5 or 6, by the methods that tell it from all others. */
export interface NodeRedisClient {
  readonly evalSha: AnyMethod;
  readonly eval: AnyMethod;
  readonly get: AnyMethod;
  readonly on: AnyMethod;
}

/** What a client of node-redis, a cluster or one of a cluster's nodes does for us. */
interface Commands {
  evalSha(sha: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(source: string, call: { keys: string[]; arguments: string[] }): Promise<unknown>;
  get(key: string): Promise<string | Buffer | null>;
  scan(cursor: string, options: { MATCH: string; COUNT: number }): Promise<{ cursor: unknown; keys: unknown[] }>;
  zScan(key: string, cursor: string, options: { COUNT: number }): Promise<Scored>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  readonly options?: { readonly commandOptions?: { readonly timeout?: number } };
  withCommandOptions?(options: object): Commands;
  /** A cluster has these three. */
  readonly masters?: readonly object[];
  readonly slots?: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  nodeClient?(node: object): Commands | Promise<Commands>;
}

type Scored = { cursor: unknown; members: { value: unknown; score: unknown }[] };

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
  if (commands.nodeClient === undefined) return { ...adapt(unwatched(commands)), on: commands.on.bind(commands) };
  const adapted = adapt(commands);
  const nodeClient = commands.nodeClient.bind(commands);
  return {
    ...adapted,
    masterOf: (slot) => commands.slots?.[slot]?.master.address,
    // A cluster tells that it is up or down by other names.
    on: (event, listener) => commands.on(CLUSTER_EVENTS[event] ?? event, listener),
    nodes: (role) => {
      // Only "master" is asked of a cluster; its connections need no watching, as node-redis never sends anything twice.
      if (role === "all") return [];
      return (commands.masters ?? []).map((master) => ({
        ...adapted,
        scan: async (...args) => adapt(await nodeClient(master)).scan(...args),
      }));
    },
  };
}

/**
 * The client without the timer that node-redis 6 starts for each command, in case it cannot be sent within five seconds:
 * every call of a store has its own deadline, and a second timer took a third of what a read costs. Where the application
 * has set one, that stays.
 */
function unwatched(commands: Commands): Commands {
  const set = commands.options?.commandOptions;
  if (set?.timeout !== undefined || commands.withCommandOptions === undefined) return commands;
  return commands.withCommandOptions({ ...set, timeout: undefined });
}

const CLUSTER_EVENTS: Readonly<Record<string, string>> = { ready: "connect", end: "disconnect" };

function adapt(commands: Commands): KeyspaceClient {
  const callOf = (keys: number, args: (string | number)[]) => {
    const texts = args.map(String);
    return { keys: texts.slice(0, keys), arguments: texts.slice(keys) };
  };
  return {
    // Every request does these, so they are handed on as they are. A client with type mappings gives a Buffer.
    get: (key) => commands.get(key) as Promise<string | null>,
    evalsha: (sha, keys, ...args) => commands.evalSha(sha, callOf(keys, args)),
    eval: (source, keys, ...args) => commands.eval(source, callOf(keys, args)),
    scan: async (cursor, _match, pattern, _count, about): Promise<ScanReply> => {
      const reply = await commands.scan(cursor, { MATCH: pattern, COUNT: about });
      return [String(reply.cursor), reply.keys.map(String)];
    },
    zscan: async (key, cursor, _count, about): Promise<ScanReply> => {
      const reply = await commands.zScan(key, cursor, { COUNT: about });
      return [String(reply.cursor), reply.members.flatMap(({ value, score }) => [String(value), String(score)])];
    },
    on: (event, listener) => commands.on(event, listener),
  };
}
