/**
 * What is used of a client of node-redis (the package `redis`) 5 and 6, and the view of it that a store takes. It knows how
 * node-redis names things, and sends nothing.
 */
import { isProxy } from "node:util/types";
import type { Pausable } from "./late-writes.js";
import type { Duplicable } from "./subscriber.js";

// biome-ignore lint/suspicious/noExplicitAny: a method of any signature: those of node-redis 5 and 6 are not assignable to each other.
export type AnyMethod = (...args: any[]) => unknown;

/** A client, pool, cluster or sentinel of node-redis 5 or 6, by the methods that no other client has. */
export interface NodeRedisClient {
  readonly evalSha: AnyMethod;
  readonly eval: AnyMethod;
  readonly get: AnyMethod;
  readonly on: AnyMethod;
}

interface ScriptCall {
  readonly keys: string[];
  readonly arguments: string[];
}

/** What a client, a pool, a cluster and a sentinel have in common. */
export interface Commands {
  evalSha(sha: string, call: ScriptCall): Promise<unknown>;
  eval(source: string, call: ScriptCall): Promise<unknown>;
  get(key: string): Promise<string | null>;
  getEx(key: string, options: { type: "PX"; value: number }): Promise<string | null>;
  on(event: string, listener: (...args: never[]) => void): unknown;
  off(event: string, listener: (...args: never[]) => void): unknown;
  withCommandOptions?(options: object): this;
  /** The client itself, of which the application may hold a view: `withTypeMapping` and the like make one. */
  readonly _self?: object;
  readonly isOpen?: boolean;
  /** What caches replies in the process. */
  readonly clientSideCache?: unknown;
  /** The prefix that node-redis 6 puts before keys, but not before patterns. It stays on the keys that come back. */
  readonly _keyPrefix?: string | undefined;
  readonly options?: ClientOptions;
}

/** What is looked at of the options of commands. */
export interface CommandOptions {
  readonly timeout?: number | undefined;
  readonly asap?: boolean;
  readonly abortSignal?: unknown;
}

/** What is looked at of a client's options. */
export interface ClientOptions {
  readonly commandOptions?: CommandOptions;
  readonly socket?: {
    readonly host?: string;
    readonly port?: number;
    readonly socketTimeout?: number;
    readonly reconnectStrategy?: unknown;
  };
  readonly pingInterval?: number;
}

/** A client of one connection: `createClient`, and each node of a cluster, and each client of a pool. */
export interface SingleClient extends Commands, Duplicable, Pausable {
  sendCommand(command: readonly string[], options: object): Promise<unknown>;
}

/** `createClientPool`. */
export interface Pool extends Commands {
  sendCommand(command: readonly string[], options: object): Promise<unknown>;
  execute<T>(task: (client: SingleClient) => Promise<T>): Promise<T>;
}

/** `createCluster`. */
export interface ClusterClient extends Commands {
  /** node-redis 5 does not tell. */
  readonly isReady?: boolean;
  readonly _options?: ClusterOptions;
  readonly masters: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  readonly slots: readonly ({ readonly master: ClusterNode } | undefined)[];
  nodeClient(node: ClusterNode): SingleClient | Promise<SingleClient>;
  /** `rediscover` asks a node which master serves which slot, and closes the connections to nodes that serve none any more. */
  readonly _slots?: { rediscover(startWith: SingleClient): Promise<unknown> };
}

/** What is looked at of a cluster's options. */
export interface ClusterOptions {
  readonly useReplicas?: boolean;
  readonly commandOptions?: CommandOptions;
  readonly defaults?: ClientOptions;
}

export interface ClusterNode {
  readonly address: string;
  /** If it is connected, or was. */
  readonly client?: Pausable | undefined;
}

/** `createSentinel`. The first argument of `sendCommand` and `addCommand` says whether a replica may answer. */
export interface Sentinel extends Commands {
  getMasterNode(): { readonly host: string; readonly port: number } | undefined;
  readonly commandOptions?: CommandOptions;
  sendCommand(mayLag: boolean, command: readonly string[], options: object): Promise<unknown>;
  multi(): SentinelPipeline;
}

export interface SentinelPipeline {
  addCommand(mayLag: boolean, command: readonly string[]): unknown;
  execAsPipeline(): Promise<unknown[]>;
}

/**
 * Replies are text, whatever the application has set in `typeMapping`: a status must not be a Buffer. Raw commands of node-redis 5
 * know nothing of the view.
 */
export const UNMAPPED = { typeMapping: {} };

/** How long node-redis 6 waits by itself until a command is sent, ms. */
const DEFAULT_TIMEOUT = 5000;

/**
 * What the store asks of every command. Replies are text. An `abortSignal` or `asap` that the application has set does not count: a
 * signal would end the store, and `asap` would turn the order of commands around. And node-redis 6 starts no timer for each command:
 * it would watch whether the command is sent within five seconds, but every call of a store has its own deadline, and the second
 * timer took a third of the time of a read. A timeout that the application has set stays.
 */
function commandOptionsOf({ timeout, ...set }: CommandOptions): object {
  // Only what has to be undone: node-redis copies these options twice for each command.
  const undone = Object.keys(set).filter((name) => name === "abortSignal" || name === "asap");
  return { ...UNMAPPED, timeout, ...Object.fromEntries(undone.map((name) => [name, undefined])) };
}

/**
 * The store's own view of a client; the client itself stays as it is. A method that the application has replaced on its client, to
 * count calls or to let them fail in a test, is replaced for the store too.
 */
export function viewOf<Client extends Commands>(client: Client): Client {
  if (client.withCommandOptions === undefined) return client;
  const options = commandOptionsOf(client.options?.commandOptions ?? {});
  // A Proxy may bind methods to what is behind it, and they would not see the options of the view.
  if (isProxy(client)) return client.withCommandOptions(options);
  // The client itself, because a view of a view would keep the options of that.
  const itself = ownerOf(client) as Client;
  return Object.setPrototypeOf(itself.withCommandOptions?.(options) ?? itself, client);
}

/** The same of a cluster, which keeps the options of its nodes among its own. */
export function viewOfCluster(cluster: ClusterClient): ClusterClient {
  const { commandOptions = {}, defaults } = cluster._options ?? {};
  const ofNodes = defaults?.commandOptions ?? {};
  return cluster.withCommandOptions?.(commandOptionsOf({ ...ofNodes, ...commandOptions })) ?? cluster;
}

/** The same of a sentinel: the commands of node-redis 5 ignore `withCommandOptions` there, and read this property. */
export function viewOfSentinel(sentinel: Sentinel): Sentinel {
  const { timeout, ...set } = sentinel.commandOptions ?? {};
  const value = commandOptionsOf({ ...set, timeout: timeout === DEFAULT_TIMEOUT ? undefined : timeout });
  return Object.create(sentinel, { commandOptions: { value } });
}

/** What all views of a client have in common, the client itself among them: their connections. */
export function ownerOf(client: { readonly _self?: object }): object {
  return client._self ?? client;
}

/** Keys and arguments as node-redis takes them. */
export function callOf(keys: readonly string[], args: readonly (string | number)[]): ScriptCall {
  return { keys: [...keys], arguments: args.map(String) };
}
