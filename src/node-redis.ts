/**
 * node-redis (the package `redis`) in the terms of ioredis, so that a drop-in store takes the client that connect-redis
 * was given. Translated once, when a store is made. It knows the two clients' ways to say the same, and nothing else.
 */
import type { KeyspaceClient, ScanReply } from "./keyspace.js";

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
  /** A cluster has these two. */
  readonly masters?: readonly object[];
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
  const adapted: KeyspaceClient = {
    ...adaptNode(commands, () => commands),
    // A cluster tells that it is up or down by other names.
    on: (event, listener) =>
      commands.on(commands.nodeClient === undefined ? event : (CLUSTER_EVENTS[event] ?? event), listener),
  };
  if (commands.nodeClient === undefined) return adapted;
  const nodeClient = commands.nodeClient.bind(commands);
  return {
    ...adapted,
    nodes: (role) => {
      // Only "master" is asked of a cluster; its connections need no watching, as node-redis never sends anything twice.
      if (role === "all") return [];
      return (commands.masters ?? []).map((master) => adaptNode(commands, () => nodeClient(master)));
    },
  };
}

const CLUSTER_EVENTS: Readonly<Record<string, string>> = { ready: "connect", end: "disconnect" };

/** `commands` reads keys and tells of events; `node` runs what is meant for one server. */
function adaptNode(commands: Commands, node: () => Commands | Promise<Commands>): KeyspaceClient {
  const callOf = (keys: number, args: (string | number)[]) => {
    const texts = args.map(String);
    return { keys: texts.slice(0, keys), arguments: texts.slice(keys) };
  };
  return {
    evalsha: async (sha, keys, ...args) => (await node()).evalSha(sha, callOf(keys, args)),
    eval: async (source, keys, ...args) => (await node()).eval(source, callOf(keys, args)),
    // Every request does this, so it is handed on as it is. A client with type mappings gives a Buffer.
    get: (key) => commands.get(key) as Promise<string | null>,
    scan: async (cursor, _match, pattern, _count, about): Promise<ScanReply> => {
      const reply = await (await node()).scan(cursor, { MATCH: pattern, COUNT: about });
      return [String(reply.cursor), reply.keys.map(String)];
    },
    zscan: async (key, cursor, _count, about): Promise<ScanReply> => {
      const reply = await (await node()).zScan(key, cursor, { COUNT: about });
      return [String(reply.cursor), reply.members.flatMap(({ value, score }) => [String(value), String(score)])];
    },
    on: (event, listener) => commands.on(event, listener),
  };
}
