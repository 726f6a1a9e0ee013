/**
 * The client port: what the rest of the package needs of a Redis client. Each family of clients has a driver, ioredis/ and
 * node-redis/, and nothing above this folder knows either. It runs nothing.
 */
import type { Corkable } from "../calls/corking.js";
import type { SubscriberSource } from "./hearing.js";

/** What a script gets beside its keys. */
export type Arguments = readonly (string | number)[];

/** A script by its text, and by the SHA-1 under which `EVALSHA` finds it. */
export interface ScriptText {
  readonly source: string;
  readonly sha: string;
}

/** How often a client has lost a connection. */
export interface LossTally {
  readonly losses: number;
  /** Why a client of one connection has none now, if it has said so. */
  readonly trouble?: unknown;
}

/** A client as the package uses it. There is one for each client, whatever the number of its stores. */
export interface ClientPort {
  /** What the client puts before every key, but not before patterns. */
  readonly keyPrefix: string;
  readonly inCluster: boolean;
  readonly underSentinel: boolean;
  /** How many connections to one server the client has: what holds for one of many says nothing of the others. */
  readonly connections: "one" | "many";
  /** Whether `get` may be answered by a replica or a cache, which may not have the last write yet. */
  readonly readsMayLag: boolean;
  /** The connection to a single server, if the client makes a write of each command. */
  readonly stream: Partial<Corkable> | undefined;
  /** If this grows during a call, its script may have run twice, and others in between. */
  readonly tally: LossTally;
  /**
   * Whether this is the error of a command that was lost with its connection, and which the client does not send again. Then it
   * counts as a loss, because the caller sends it again.
   */
  countLoss(error: unknown): boolean;
  /** The server of an address has not answered a call in time. A client for a Cluster may have to be told. */
  missed?(address: string): void;
  /** Runs a script; `known`: by its SHA-1. */
  evaluate(script: ScriptText, known: boolean, keys: readonly string[], args: Arguments): Promise<unknown>;
  get(key: string): Promise<string | null>;
  /** `GETEX` with a time to live, ms; absent if the client does not have it. */
  getex?(key: string, ms: number): Promise<string | null>;
  /** The address of the master of a slot, in a Cluster; `undefined` if the client does not know it yet. */
  masterOf(slot: number): string | undefined;
  /** Whether a client for a Cluster knows the nodes. */
  readonly isReady: boolean;
  /** The servers: one, or the nodes of a Cluster as far as the client knows them, the masters first. */
  servers(role: "master" | "all"): ServerPort[];
  /**
   * Reserves the connection to a server for a write and the `WAIT` for it; in a Cluster to the node of an address. `undefined`:
   * the client does not know the node. It is shared if the client has only one.
   */
  reserve(address: string): Promise<Reservation | undefined>;
  /**
   * Tells when the client can be used (again), and when it has been closed or has given up, until the function is called that
   * it returns.
   */
  follow(ready: () => void, ended: () => void): () => void;
  /**
   * What the channels of scripts begin with: they come from `KEYS`, to which the client adds its prefix, but not to SUBSCRIBE.
   */
  readonly channelPrefix: string;
  /** Makes subscribers of the client, for a subscription of our own. Throws `TypeError` if it cannot. */
  subscribers(): SubscriberSource;
  /** What `check` finds in the settings of the client. */
  findings(): ClientFinding[];
}

/** One server, asked for what `check` judges, or gone through key by key. */
export interface ServerPort {
  /** `host:port` as the client names it, if it does. */
  readonly address: string | undefined;
  info(): Promise<unknown>;
  time(): Promise<unknown>;
  /** `CONFIG GET`. */
  configOf(parameter: string): Promise<unknown>;
  cluster(subcommand: "SLOTS" | "INFO"): Promise<unknown>;
  /** One page of `SCAN`: the next cursor, and the keys with the client's prefix. */
  scan(cursor: string, pattern: string, about: number): Promise<unknown>;
  /** Gives a text back, by a script: what the proof of `inStep` in call-number.ts is. */
  readonly prove: (number: string) => Promise<unknown>;
  /** Absent where there are no users, as on ioredis-mock. */
  readonly trials?: Trials;
}

/** What `check` tries, to see whether the user may: scripts without keys, and `WAIT` for no replica. */
export interface Trials {
  evaluate(script: ScriptText, known: boolean, args: readonly string[]): Promise<unknown>;
  confirm(): Promise<unknown>;
}

/** One connection: what is sent through it arrives in the order of sending. */
export interface Connection {
  /** How often this connection was lost. A `WAIT` counts what its own connection has written before. */
  readonly losses: number;
  /** `asking`: for a slot of a Cluster that is moving to this node. */
  evaluate(script: ScriptText, keys: readonly string[], args: Arguments, how: Evaluation): Promise<unknown>;
  /** `WAIT`: how many replicas have all that this connection has written. */
  wait(count: number, timeout: number): Promise<unknown>;
}

export interface Evaluation {
  readonly known: boolean;
  readonly asking: boolean;
}

export interface Reservation {
  readonly connection: Connection;
  /** Gives the connection back. */
  readonly end: () => void;
}

/** A setting of a client that can break a promise, as `check` reports it. */
export interface ClientFinding {
  readonly code: string;
  readonly level: "danger" | "warning";
  readonly found: string;
  readonly consequence: string;
  readonly mend: string;
}
