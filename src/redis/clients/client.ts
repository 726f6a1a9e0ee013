/**
 * The client port: what this package needs of a Redis client. It is structural, so that two copies or versions of one client do
 * not clash, and another client can be adapted (see node-redis.ts). It runs nothing.
 */
import { show } from "../../leaves/arguments.js";
import type { Served } from "../calls/backlog.js";
import type { Corkable } from "../calls/corking.js";
import type { Connections } from "../calls/losses.js";

/** What is needed to run scripts. */
export interface ScriptClient extends Connections, Served {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(source: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  /** Used in a Cluster with `enableAutoPipelining`. */
  pipeline?(): ScriptPipeline;
  readonly options?: object;
  /** The connection of a single server. */
  readonly stream?: Partial<Corkable>;
}

/** What is needed to run scripts in a pipeline. */
export interface ScriptPipeline {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): unknown;
  eval(source: string, keys: number, ...args: (string | number)[]): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/**
 * What the store needs of a Redis client: the part that ioredis 5 and 6 (`Redis` and `Cluster`), iovalkey and
 * ioredis-mock have in common.
 */
export interface RedisClient extends ScriptClient {
  /**
   * Used with the `replicas` option. A client has one connection to each server, and its pipelines arrive in the order of their
   * `exec()`: a `WAIT` counts what its own connection has written before.
   */
  pipeline(): RedisPipeline;
  /** Only `check` uses this and the members below. */
  info(): Promise<string>;
  config(operation: "GET", parameter: string): Promise<unknown>;
  time(): Promise<(string | number)[]>;
  /** A node of a Cluster has this. */
  cluster?(subcommand: "SLOTS" | "INFO"): Promise<unknown>;
  /** A Cluster has this. */
  nodes?(role: "master" | "all"): RedisClient[];
}

/** What the store needs of a client's pipeline. */
export interface RedisPipeline extends ScriptPipeline {
  wait(replicas: number, timeout: number): unknown;
  /** Used in a Cluster, for a slot that is moving. */
  asking?(): unknown;
}

/** Throws `TypeError` unless a value looks like such a client. `where` is what it was given to. */
export function checkClient(where: string, client: RedisClient): void {
  if ([client?.evalsha, client?.eval, client?.on].every((method) => typeof method === "function")) return;
  // Two usual mistakes: the client of another library, and options as the drop-in stores take them.
  const { evalSha, client: wrapped } = (client ?? {}) as { evalSha?: unknown; client?: unknown };
  let got = wrapped === undefined ? show(client) : "an object with the client in it";
  if (typeof evalSha === "function") got = "a client of node-redis, which the drop-in stores alone can use";
  throw new TypeError(`${where} needs an ioredis client (Redis or Cluster) as its first argument, got ${got}`);
}
