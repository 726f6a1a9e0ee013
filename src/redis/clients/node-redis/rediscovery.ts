/**
 * Makes a cluster of node-redis ask which master serves which slot, when one of them does not answer. By itself it asks when a
 * node replies that a slot has moved; version 6 also when a connection has been lost for five seconds. A master that has frozen
 * replies nothing and keeps its connections. So the calls for its slots would fail for as long as it is frozen, although a replica
 * has taken its place; with version 5 also those for a master that is gone.
 *
 * It knows one method of the cluster that node-redis itself calls after such a reply.
 */
import { type ClusterClient, ownerOf } from "./client.js";

/** How long to wait after an answer before it asks again, ms. */
const PAUSE = 1000;

/** One for each cluster, whatever the number of its views and stores. */
const rediscoveries = new WeakMap<object, Rediscovery>();

/** The questions of a cluster. */
export function rediscoveryOf(cluster: ClusterClient): Rediscovery {
  const owner = ownerOf(cluster);
  const known = rediscoveries.get(owner) ?? new Rediscovery(cluster);
  rediscoveries.set(owner, known);
  return known;
}

export class Rediscovery {
  readonly #cluster: ClusterClient;
  #isAsking = false;
  #asked = Number.NEGATIVE_INFINITY;

  constructor(cluster: ClusterClient) {
    this.#cluster = cluster;
  }

  /** A master has missed a deadline, or its connection was lost. `address`: of the master, where it is known. */
  missed(address?: string): void {
    if (this.#isAsking || performance.now() - this.#asked < PAUSE) return;
    this.#isAsking = true;
    void this.#ask(address).finally(() => {
      this.#isAsking = false;
      this.#asked = performance.now();
    });
  }

  async #ask(missing: string | undefined): Promise<void> {
    const others = this.#cluster.masters.filter(({ address, client }) => address !== missing && client?.isReady);
    try {
      // One that answers: with another one node-redis might wait for ever, and it asks only one at a time.
      const answering = await Promise.any(
        others.map(async (node) => {
          const client = await this.#cluster.nodeClient(node);
          await client.sendCommand(["PING"], {});
          return client;
        }),
      );
      if (this.#cluster.isOpen) await this.#cluster._slots?.rediscover(answering);
    } catch {
      // Nobody can tell now. The next call that is late makes it ask again, and the cluster has emitted what went wrong.
    }
  }
}
