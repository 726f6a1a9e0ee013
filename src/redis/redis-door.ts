/**
 * The door to Redis, for sessions and one-time tokens: it runs scripts, and lets replicas confirm revocations. It knows what a
 * script is, but not what any script does.
 */

import { NotReplicatedError } from "../leaves/errors.js";
import { inStep, PROOF } from "./call-number.js";
import { Deadline } from "./calls/deadline.js";
import type { Arguments, ClientPort, Connection, Evaluation, Reservation } from "./clients/client.js";
import {
  findMasters,
  type InTime,
  keyPageOn,
  type Master,
  NOTHING,
  type ScanPage,
  type Topology,
} from "./cluster/masters.js";
import { isNotYet, isPassing, redirectionOf } from "./cluster/redirection.js";
import { isErrorReply, isReply } from "./redis-errors.js";
import { Confirmations, type ReplicaOptions, type Shortfall } from "./replicas.js";
import { countOf } from "./replies.js";
import type { NeededRights } from "./rights.js";
import { type Script, sentWith } from "./script.js";
import { NOT_YET_PAUSE, PAUSE, ScriptRunner } from "./script-runner.js";
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
export class RedisDoor extends ScriptRunner {
  readonly #replicas: ReplicaOptions | undefined;
  /** By connection: a frozen master must not hold up the others. */
  readonly #confirmations = new WeakMap<Connection, Confirmations>();

  constructor(client: ClientPort, timeout: number, replicas?: ReplicaOptions) {
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

  /**
   * Asks the servers for the facts that `check` judges; in a Cluster every node, the masters first. `needed`: tries whether the
   * user may run these commands; its key is without the prefix of the client.
   */
  inspect(deadline = this.deadline(), needed?: NeededRights): Promise<ServerFacts[]> {
    const rights = needed && { ...needed, key: this.client.keyPrefix + needed.key };
    // A Cluster of node-redis that is connecting asks to be tried again.
    const inTime: InTime = (ask) =>
      this.settle(ask, asItIs, [], deadline, (error) =>
        this.client.isReady ? undefined : this.retryIfSafe(error, ask),
      );
    return inspectServers(this.client, inTime, rights);
  }

  /** Finds the masters as they are now, for a verb that goes through all keys. Two round trips in a Cluster, else one. */
  masters(): Promise<Topology> {
    const deadline = this.deadline();
    return findMasters(this.client, (ask) => this.settle(ask, asItIs, [], deadline));
  }

  /**
   * Reads one page of the keys on a master that begin with a prefix: the page after the `cursor`, which is `"0"` for the first.
   * The master looks at `about` keys.
   */
  keyPage({ server }: Master, cursor: string, prefix: string, about: number): Promise<ScanPage> {
    const own = this.client.keyPrefix;
    return keyPageOn(server, cursor, { own, prefix, about }, (scan) =>
      this.settle(scan, asItIs, [], undefined, this.retryIfSafe),
    );
  }

  /** The address of the master that serves a key; empty for a single server. */
  serverOf(key: string): string {
    return this.backlog.serverOf(key);
  }

  /** Sends a revocation to the connection that serves its keys, and follows the keys if they have moved. */
  async #revoke<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: Arguments,
    replicas: ReplicaOptions,
    deadline: Deadline,
  ): Promise<Revocation<Reply>> {
    const [key] = keys;
    let address = this.backlog.serverOf(key);
    let how = { known: true, asking: false };
    for (;;) {
      const reserved = await this.client.reserve(address);
      if (reserved === undefined) {
        // The client does not know yet which node serves the key, or it knows the node by another address than the Cluster
        // (`natMap`). Then the client has to find it, and we cannot send a WAIT there.
        const reply = await this.run(script, keys, args, deadline);
        return { reply, shortfall: Promise.resolve(new NotReplicatedError(0, replicas.count)) };
      }
      const outcome = await this.#revokeOn(reserved, script, keys, args, replicas, how);
      if ("reply" in outcome) return outcome;
      const { error } = outcome;
      if (deadline.left === 0) throw error;
      if (how.known && isReply(error, "NOSCRIPT")) {
        how = { ...how, known: false };
        continue;
      }
      const isRefusedYet = !this.inCluster && isNotYet(error);
      if (isRefusedYet && deadline.left <= NOT_YET_PAUSE) throw error;
      if (isRefusedYet || this.client.countLoss(error)) {
        await new Promise((resolve) => setTimeout(resolve, isRefusedYet ? NOT_YET_PAUSE : PAUSE));
        // Another master may have taken its place.
        address = this.backlog.serverOf(key);
        continue;
      }
      // Only the client knows which commands it lost with a node that has left the Cluster.
      if (!this.inCluster || (isErrorReply(error) && !isPassing(error))) throw error;
      // The connection to one node does not follow a redirection, but the client does: a script that does nothing lets it find
      // the slot, and connect.
      await this.client.evaluate(NOTHING, false, [key as string], []).catch(ignorePassing);
      const redirection = redirectionOf(error);
      if (redirection === null) await new Promise((resolve) => setTimeout(resolve, PAUSE));
      const asking = redirection?.once === true;
      how = { ...how, asking };
      address = redirection !== null && asking ? `${redirection.host}:${redirection.port}` : this.backlog.serverOf(key);
    }
  }

  /** Sends it through one connection, which is kept until the replicas have confirmed it, or will not. */
  async #revokeOn<Reply>(
    { connection, end }: Reservation,
    script: Script<Reply>,
    keys: readonly string[],
    args: Arguments,
    replicas: ReplicaOptions,
    how: Evaluation,
  ): Promise<Revocation<Reply> | { readonly error: Error }> {
    const confirmations = this.#confirmationsOn(connection, replicas);
    const ticket = confirmations.announce();
    const sent = sentWith(script, args);
    let reply: unknown;
    try {
      reply = await connection.evaluate(script, keys, sent, how);
    } catch (error) {
      end();
      return { error: error instanceof Error ? error : new Error(String(error)) };
    }
    const shortfall = confirmations.confirm(ticket);
    void shortfall.then(end);
    return { reply: script.decode(reply, keys, sent), shortfall };
  }

  #confirmationsOn(connection: Connection, replicas: ReplicaOptions): Confirmations {
    const known = this.#confirmations.get(connection);
    if (known !== undefined) return known;
    const wire = {
      wait: (count: number, timeout: number) =>
        this.settle(() => waitOn(connection, count, timeout), countOf, [], new Deadline(this.timeout + timeout)),
      get losses() {
        return connection.losses;
      },
    };
    // A call that is sent behind a WAIT must not miss its deadline because of it.
    const confirmations = new Confirmations(wire, replicas, Math.floor(this.timeout / 2));
    this.#confirmations.set(connection, confirmations);
    return confirmations;
  }
}

/** Waits on one connection, and gives how many replicas have confirmed. */
async function waitOn(connection: Connection, count: number, timeout: number): Promise<unknown> {
  // If the reply were that to another WAIT, it would confirm less than this revocation, or that to any other command.
  const answer = inStep(
    () => connection.wait(count, timeout),
    (number) => connection.evaluate(PROOF, [], [number], { known: false, asking: false }),
  );
  // Redis looks at its clock when a command arrives, and otherwise only ten times a second. So this sends a second WAIT, for no
  // replica, to end the first one in time. If it fails, the first one fails too.
  const nudge = setTimeout(() => connection.wait(0, 1).catch(() => {}), timeout + 1);
  try {
    return await answer;
  } finally {
    clearTimeout(nudge);
  }
}

function ignorePassing(error: unknown): void {
  if (!isPassing(error)) throw error;
}

function asItIs<T>(value: T): T {
  return value;
}
