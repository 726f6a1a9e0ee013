/**
 * The door of a session store to Redis: scripts, and revocations that replicas confirm. It knows what a script is, but not
 * what any script does.
 */

import { NotReplicatedError } from "../leaves/errors.js";
import { Deadline } from "./calls/deadline.js";
import { tallyLosses } from "./calls/losses.js";
import type { RedisClient } from "./clients/client.js";
import { keysOn, nodeAt } from "./cluster/nodes.js";
import { isPassing, redirectionOf } from "./cluster/redirection.js";
import { lastOf, replyOf } from "./pipeline.js";
import { isReply } from "./redis-errors.js";
import { Confirmations, type ReplicaOptions, type Shortfall } from "./replicas.js";
import { countOf } from "./replies.js";
import type { Script } from "./script.js";
import { type Arguments, PAUSE, ScriptRunner } from "./script-runner.js";
import { inspectServers, type ServerFacts } from "./server-facts.js";

/** What a revocation came to. It is made by then. */
export interface Revocation<Reply> {
  /** What the script replied. */
  readonly reply: Reply;
  /** What replicas make of it. */
  readonly shortfall: Shortfall;
}

/** How a revocation is run. */
export interface RevocationOptions {
  /** If it is one step of a longer call. */
  readonly deadline?: Deadline | undefined;
  /** Whether it waits for replicas, where the `replicas` option asks for that. Default: `true`. */
  readonly confirmed?: boolean;
}

const CONFIRMED: Shortfall = Promise.resolve(null);

/** Runs the scripts of a session store, and looks at its servers. */
export class RedisDoor extends ScriptRunner<RedisClient> {
  readonly #replicas: ReplicaOptions | undefined;
  /** By connection, so that a master that is frozen does not hold up the others. */
  readonly #confirmations = new WeakMap<RedisClient, Confirmations>();

  constructor(client: RedisClient, timeout: number, replicas?: ReplicaOptions) {
    super(client, timeout);
    this.#replicas = replicas;
  }

  /**
   * Runs a script that revokes, and gives its reply as soon as it has run. If the `replicas` option asks for it, a `WAIT`
   * follows it on its heels, in the same round trip, and the script is told of it.
   */
  async runRevocation<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: Arguments,
    { deadline = this.deadline(), confirmed = true }: RevocationOptions = {},
  ): Promise<Revocation<Reply>> {
    const replicas = confirmed ? this.#replicas : undefined;
    const all = script.traced ? [...args, replicas === undefined ? "" : "1"] : args;
    if (replicas === undefined) {
      return { reply: await this.run(script, keys, all, deadline), shortfall: CONFIRMED };
    }
    return this.settle(() => this.#revoke(script, keys, all, replicas, deadline), asItIs, keys, deadline);
  }

  /** Asks the servers for what `check` judges; in a Cluster every node, the masters first. */
  inspect(): Promise<ServerFacts[]> {
    return inspectServers(this.client, (ask) => this.settle(ask, asItIs, []));
  }

  /** Sends a revocation to the connection that serves its keys, and follows the keys where they have moved. */
  async #revoke<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: Arguments,
    replicas: ReplicaOptions,
    deadline: Deadline,
  ): Promise<Revocation<Reply>> {
    let connection = this.#connectionOf(keys[0]);
    let asking = false;
    let known = true;
    for (;;) {
      if (connection === undefined) {
        // The client does not know yet who serves the key, or knows the node by another address than the Cluster does
        // (`natMap`): then the client has to find it, and nobody can wait there.
        const reply = await this.run(script, keys, args, deadline);
        return { reply, shortfall: Promise.resolve(new NotReplicatedError(0, replicas.count)) };
      }
      const confirmations = this.#confirmationsOn(connection, replicas);
      const ticket = confirmations.announce();
      const [error, reply] = await evaluateOn(connection, script, keysOn(connection, this.client, keys), args, {
        known,
        asking,
      });
      if (error === null) return { reply: script.decode(reply), shortfall: confirmations.confirm(ticket) };
      if (deadline.left === 0) throw error;
      if (known && isReply(error, "NOSCRIPT")) {
        known = false;
        continue;
      }
      // ioredis alone knows what it lost with a node that has left the Cluster.
      if (!this.inCluster || (error.name === "ReplyError" && !isPassing(error))) throw error;
      // A node knows nothing of the others. The client does: it follows a script that does nothing, and so learns where
      // the slot is, and connects.
      await this.client.eval("return 1", 1, keys[0] as string);
      const redirection = redirectionOf(error);
      if (redirection === null) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      asking = redirection?.once === true;
      connection =
        redirection !== null && asking
          ? nodeAt(this.client, `${redirection.host}:${redirection.port}`)
          : this.#connectionOf(keys[0]);
    }
  }

  /** The one connection to the server of a key. */
  #connectionOf(key: string | undefined): RedisClient | undefined {
    return this.inCluster ? nodeAt(this.client, this.backlog.serverOf(key)) : this.client;
  }

  #confirmationsOn(connection: RedisClient, replicas: ReplicaOptions): Confirmations {
    const known = this.#confirmations.get(connection);
    if (known !== undefined) return known;
    const tally = tallyLosses(connection);
    const wire = {
      wait: (count: number, timeout: number) =>
        this.settle(() => waitOn(connection, count, timeout), countOf, [], new Deadline(this.timeout + timeout)),
      get losses() {
        return tally.losses;
      },
    };
    // No call that comes behind a WAIT may lose its deadline to it.
    const confirmations = new Confirmations(wire, replicas, Math.floor(this.timeout / 2));
    this.#confirmations.set(connection, confirmations);
    return confirmations;
  }
}

/** Runs a script on one connection. In a pipeline, because pipelines arrive in the order in which they are sent. */
function evaluateOn(
  connection: RedisClient,
  { source, sha }: Script,
  keys: readonly string[],
  args: Arguments,
  { known, asking }: { readonly known: boolean; readonly asking: boolean },
): Promise<[error: Error | null, result: unknown]> {
  const pipeline = connection.pipeline();
  if (asking) pipeline.asking?.();
  if (known) pipeline.evalsha(sha, keys.length, ...keys, ...args);
  else pipeline.eval(source, keys.length, ...keys, ...args);
  return lastOf(pipeline);
}

/** Waits on one connection, and gives how many replicas have confirmed. */
async function waitOn(connection: RedisClient, count: number, timeout: number): Promise<unknown> {
  const answer = askReplicas(connection, count, timeout);
  // Redis looks at its clock whenever something arrives, and else ten times a second: nobody is to be held up until then.
  // This one waits for nobody. Should it fail, so does the one before it.
  const nudge = setTimeout(() => askReplicas(connection, 0, 1).catch(() => {}), timeout + 1);
  try {
    return await answer;
  } finally {
    clearTimeout(nudge);
  }
}

function askReplicas(connection: RedisClient, count: number, timeout: number): Promise<unknown> {
  const pipeline = connection.pipeline();
  pipeline.wait(count, timeout);
  return replyOf(pipeline);
}

function asItIs<T>(value: T): T {
  return value;
}
