/**
 * What is used of a client of ioredis 5 and 6 (`Redis` and `Cluster`), iovalkey and ioredis-mock. It is structural, so that two
 * copies or versions of one client do not clash.
 */
import type { Corkable } from "../../calls/corking.js";
import type { Connections } from "./losses.js";

/** A client of ioredis or iovalkey. */
export interface IoredisClient extends Connections {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  eval(source: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  /**
   * Used with the `replicas` option, and in a Cluster with `enableAutoPipelining`. A client has one connection to each server,
   * and its pipelines arrive in the order of their `exec()`.
   */
  pipeline(): IoredisPipeline;
  /** The drop-in stores alone read and search for keys. */
  get(key: string): Promise<string | null>;
  getex?(key: string, unit: "PX", ms: number): Promise<string | null>;
  scan(cursor: string, match: "MATCH", pattern: string, count: "COUNT", about: number): Promise<unknown>;
  /** Only `check` uses these. */
  info(): Promise<string>;
  config(operation: "GET", parameter: string): Promise<unknown>;
  time(): Promise<(string | number)[]>;
  /** A node of a Cluster has this. */
  cluster?(subcommand: "SLOTS" | "INFO"): Promise<unknown>;
  /** A Cluster has these: its nodes, and for each slot the addresses of its nodes, the master first. */
  nodes?(role: "master" | "all"): IoredisClient[];
  readonly slots?: readonly (readonly string[])[];
  readonly options?: object;
  /** The connection of a single server. */
  readonly stream?: Partial<Corkable>;
}

/** What is used of a pipeline. */
export interface IoredisPipeline {
  evalsha(sha: string, keys: number, ...args: (string | number)[]): unknown;
  eval(source: string, keys: number, ...args: (string | number)[]): unknown;
  wait(replicas: number, timeout: number): unknown;
  /** Used in a Cluster, for a slot that is moving. */
  asking?(): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

/** The options of a client, as far as it shows them. */
export function optionsOf({ options }: Pick<IoredisClient, "options">): Record<string, unknown> {
  return { ...options };
}
