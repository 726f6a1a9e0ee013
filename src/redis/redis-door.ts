/**
 * The door to Redis, for sessions and one-time tokens: it runs scripts, and lets replicas confirm revocations. It knows what a
 * script is, but not what any script does.
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

/** The result of a revocation that has been made. */
export interface Revocation<Reply> {
  /** What the script replied. */
  readonly reply: Reply;
  /** Whether replicas have confirmed it. */
  readonly shortfall: Shortfall;
}

/** How a revocation is run. */
export interface RevocationOptions {
  /** Given if it is one step of a longer call. */
  readonly deadline?: Deadline | undefined;
  /** Whether it waits for replicas, if the `replicas` option asks for that. Default: `true`. */
  readonly confirmed?: boolean;
}

const CONFIRMED: Shortfall = Promise.resolve(null);

/** Runs the scripts of a session store, and looks at its servers. */
export class RedisDoor extends ScriptRunner<RedisClient> {
  readonly #replicas: ReplicaOptions | undefined;
  /** By connection: a frozen master must not hold up the others. */
  readonly #confirmations = new WeakMap<RedisClient, Confirmations>();

  constructor(client: RedisClient, timeout: number, replicas?: ReplicaOptions) {
    super(client, timeout);
    this.#replicas = replicas;
  }

  /**
   * Runs a script that revokes, and gives its reply as soon as it has run. If the `replicas` option asks for it, a `WAIT` is
   * sent right behind it, and the script is told so.
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

  /** Asks the servers for the facts that `check` judges; in a Cluster every node, the masters first. */
  inspect(): Promise<ServerFacts[]> {
    const deadline = this.deadline();
    return inspectServers(this.client, (ask) => this.settle(ask, asItIs, [], deadline));
  }

  /** Sends a revocation to the connection that serves its keys, and follows the keys if they have moved. */
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
        // The client does not know yet which node serves the key, or it knows the node by another address than the Cluster
        // (`natMap`). Then the client has to find it, and we cannot send a WAIT there.
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
      // Only ioredis knows which commands it lost with a node that has left the Cluster.
      if (!this.inCluster || (error.name === "ReplyError" && !isPassing(error))) throw error;
      // The connection to one node does not follow a redirection, but the client does: a script that does nothing lets it find
      // the slot, and connect.
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
    // A call that is sent behind a WAIT must not miss its deadline because of it.
    const confirmations = new Confirmations(wire, replicas, Math.floor(this.timeout / 2));
    this.#confirmations.set(connection, confirmations);
    return confirmations;
  }
}

/** Runs a script on one connection. It uses a pipeline, because pipelines arrive in the order in which they are sent. */
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
  // Redis looks at its clock when a command arrives, and otherwise only ten times a second. So this sends a second WAIT, for no
  // replica, to end the first one in time. If it fails, the first one fails too.
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
