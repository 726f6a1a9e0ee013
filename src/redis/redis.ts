/**
 * The door of a session store to Redis: scripts, revocations that wait for replicas, and what the servers say of themselves.
 * It knows what a script is, but not what any script does.
 */

import { show } from "../leaves/arguments.js";
import { NotReplicatedError } from "../leaves/errors.js";
import { Deadline } from "./calls/deadline.js";
import { isPassing, redirectionOf } from "./cluster/redirection.js";
import { Confirmations } from "./confirmations.js";
import { isReply } from "./redis-errors.js";
import type { Script } from "./script.js";
import { type Arguments, PAUSE, type ScriptClient, type ScriptPipeline, ScriptRunner } from "./script-runner.js";

/**
 * What the store needs of a Redis client: the part that ioredis 5 and 6 (`Redis` and `Cluster`), iovalkey and
 * ioredis-mock have in common. Structural, so that two copies or versions of ioredis do not clash.
 */
export interface RedisClient extends ScriptClient {
  /** Used with the `replicas` option: a script and its `WAIT` must travel on one connection. */
  pipeline(): RedisPipeline;
  /** Used by `check` alone, as is what follows. */
  info(): Promise<string>;
  config(operation: "GET", parameter: string): Promise<unknown>;
  time(): Promise<(string | number)[]>;
  /** A Cluster has this. */
  nodes?(role: "master" | "all"): RedisClient[];
}

/** What the store needs of a client's pipeline. */
export interface RedisPipeline extends ScriptPipeline {
  wait(replicas: number, timeout: number): unknown;
  /** Used in a Cluster, for a slot that is being moved. */
  asking?(): unknown;
}

/** How many replicas must confirm a revocation, and for how long to wait for them. */
export interface ReplicaOptions {
  /** At least this many replicas. */
  readonly count: number;
  /**
   * How long to wait for them, ms. The connection is held meanwhile: commands behind it wait too. So at most four
   * revocations wait at once, and after one has waited in vain, those of the next five timeouts reject without a wait.
   */
  readonly timeout: number;
}

/** What a revocation came to. */
export interface Revocation {
  /** What the script replied. */
  readonly result: unknown;
  /** The error to end with, when too few replicas confirmed in time. The revocation itself has taken effect. */
  readonly shortfall: NotReplicatedError | null;
}

/** What a server says of itself. */
export interface ServerFacts {
  /** `INFO`, by field. */
  readonly info: Readonly<Record<string, string>>;
  /** `CONFIG GET`, by parameter; without what the server does not know or forbids to ask. */
  readonly config: Readonly<Record<string, string>>;
  /** How far its clock is ahead of this process's, ms. */
  readonly clockAhead: number;
}

type Reply = [error: Error | null, result: unknown];

/** Throws `TypeError` unless a value looks like such a client. `where` is what it was given to. */
export function checkClient(where: string, client: RedisClient): void {
  if ([client?.evalsha, client?.eval, client?.on].every((method) => typeof method === "function")) return;
  // Two that happen: the client of another library, and options as the drop-in stores take them.
  const { evalSha, client: wrapped } = (client ?? {}) as { evalSha?: unknown; client?: unknown };
  let got = wrapped === undefined ? show(client) : "an object with the client in it";
  if (typeof evalSha === "function") got = "a client of node-redis, which the drop-in stores alone can use";
  throw new TypeError(`${where} needs an ioredis client (Redis or Cluster) as its first argument, got ${got}`);
}

/** Runs the scripts of a session store, and looks at its servers. */
export class Redis extends ScriptRunner<RedisClient> {
  readonly #replicas: ReplicaOptions | undefined;
  /** By the master's address, so that one that is frozen does not hold up the others. */
  readonly #confirmations = new Map<string, Confirmations>();

  constructor(client: RedisClient, timeout: number, replicas?: ReplicaOptions) {
    super(client, timeout);
    this.#replicas = replicas;
  }

  /** What tells a script that revokes whether a `WAIT` follows, which needs something to wait for. */
  get traced(): "1" | "" {
    return this.#replicas === undefined ? "" : "1";
  }

  /**
   * Runs a script that revokes, and where the `replicas` option asks for it, waits in the same round trip until enough
   * replicas have all that this connection has written.
   */
  async runRevocation(
    script: Script,
    keys: readonly string[],
    args: Arguments,
    deadline = this.deadline(),
  ): Promise<Revocation> {
    const replicas = this.#replicas;
    if (replicas === undefined) return { result: await this.run(script, keys, args, deadline), shortfall: null };
    // The replicas get their own time, on top of Redis's.
    const both = new Deadline(deadline.left + replicas.timeout);
    const ask = (timeout: number) => this.#evaluateAndWait(script, keys, args, { ...replicas, timeout }, deadline);
    return this.settle(() => this.#confirmationsFor(keys[0], replicas.timeout).seek(both.left, ask), keys, both);
  }

  #confirmationsFor(key: string | undefined, timeout: number): Confirmations {
    const server = this.backlog.serverOf(key);
    const known = this.#confirmations.get(server) ?? new Confirmations(timeout);
    this.#confirmations.set(server, known);
    return known;
  }

  /** Asks the server for what `check` judges; in a Cluster every node, the masters first. */
  inspect(): Promise<ServerFacts[]> {
    const masters = this.client.nodes?.("master") ?? [this.client];
    const nodes = [...new Set([...masters, ...(this.client.nodes?.("all") ?? [])])];
    return this.settle(() => Promise.all(nodes.map(inspectNode)), []);
  }

  async #evaluateAndWait(
    script: Script,
    keys: readonly string[],
    args: Arguments,
    replicas: ReplicaOptions,
    deadline: Deadline,
  ): Promise<Revocation> {
    const outcome = (result: unknown, confirmed: number) => ({
      result,
      shortfall: confirmed < replicas.count ? new NotReplicatedError(confirmed, replicas.count) : null,
    });
    if (deadline.left === 0) throw new Error("There was no time left to send it");
    let client = this.client;
    let asking = false;
    let known = true;
    for (;;) {
      const [run, wait] = await evaluateAndWaitOn(
        client,
        script,
        this.#named(keys, client),
        args,
        replicas,
        known,
        asking,
      );
      const error = run[0] ?? wait[0];
      if (error === null) return outcome(run[1], Number(wait[1]));
      if (deadline.left === 0) throw error;
      if (known && isReply(error, "NOSCRIPT")) {
        known = false;
        continue;
      }
      if (!this.inCluster || !isPassing(error)) throw error;
      // ioredis does not follow a redirection for a part of a pipeline. It does for a script that does nothing, and so
      // learns where the slot is, and connects.
      await this.client.eval("return 1", 1, keys[0] as string);
      const redirection = redirectionOf(error);
      if (redirection === null) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      const target = redirection?.once ? this.#node(redirection) : this.client;
      // Behind a `natMap` the node goes by another address: then the client has to find it, and nobody can wait there.
      if (target === undefined) return outcome(await this.run(script, keys, args, deadline), 0);
      [client, asking] = [target, target !== this.client];
    }
  }

  #node({ host, port }: { host: string; port: number }): RedisClient | undefined {
    return this.client.nodes?.("all").find(({ options }) => {
      const address = options as { host?: unknown; port?: unknown } | undefined;
      return address?.host === host && address.port === port;
    });
  }

  /** The keys as a node of the Cluster is to be told of them, which does not always know the Cluster's `keyPrefix`. */
  #named(keys: readonly string[], { options }: RedisClient): readonly string[] {
    const [whole, own] = [this.clientOptions["keyPrefix"], (options as { keyPrefix?: unknown } | undefined)?.keyPrefix];
    return typeof whole === "string" && own !== whole ? keys.map((key) => whole + key) : keys;
  }
}

/** Runs a script and waits for its replicas. WAIT speaks of its own connection: only a pipeline is sure to use one for both. */
async function evaluateAndWaitOn(
  client: RedisClient,
  { source, sha }: Script,
  keys: readonly string[],
  args: Arguments,
  { count, timeout }: ReplicaOptions,
  known: boolean,
  asking: boolean,
): Promise<[run: Reply, wait: Reply]> {
  const pipeline = client.pipeline();
  if (asking) pipeline.asking?.();
  if (known) pipeline.evalsha(sha, keys.length, ...keys, ...args);
  else pipeline.eval(source, keys.length, ...keys, ...args);
  // For 0 replicas it waits for nobody, and says how many have confirmed; with a timeout of 0 it would wait for ever.
  if (timeout === 0) pipeline.wait(0, 1);
  else pipeline.wait(count, timeout);
  const [run, wait] = ((await pipeline.exec()) ?? []).slice(-2);
  if (run === undefined || wait === undefined) throw new Error("The pipeline was not executed");
  return [run, wait];
}

async function inspectNode(node: RedisClient): Promise<ServerFacts> {
  const before = Date.now();
  const [[seconds, micros], info, ...values] = await Promise.all([
    node.time(),
    node.info(),
    ...["save", "appendfsync", "hash-max-listpack-value"].map((name) => configOf(node, name)),
  ]);
  // The first reply came no later than half of what all of them took.
  const clockAhead = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000) - (before + Date.now()) / 2;
  const fields = info.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(":");
    return line.startsWith("#") || colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
  });
  return { info: Object.fromEntries(fields), config: Object.assign({}, ...values), clockAhead: Math.round(clockAhead) };
}

/** `CONFIG GET`, which hosted servers often forbid, and ioredis 6 answers with an object where 5 has an array. */
async function configOf(node: RedisClient, parameter: string): Promise<Record<string, string>> {
  try {
    const reply = await node.config("GET", parameter);
    const value = Array.isArray(reply) ? reply[1] : (reply as Record<string, unknown> | null)?.[parameter];
    return value === undefined ? {} : { [parameter]: String(value) };
  } catch (error) {
    if (isReply(error, "NOPERM") || isReply(error, "ERR unknown command")) return {};
    throw error;
  }
}
