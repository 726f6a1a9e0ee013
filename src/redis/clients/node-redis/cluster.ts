/** The driver for a cluster of node-redis. */
import { isReply } from "../../redis-errors.js";
import type { Arguments, ClientFinding, Reservation, ScriptText, ServerPort } from "../client.js";
import type { SubscriberSource } from "../hearing.js";
import { type ClusterClient, type ClusterNode, type SingleClient, UNMAPPED, viewOf, viewOfCluster } from "./client.js";
import { clusterFindings } from "./findings.js";
import { holdBack } from "./late-writes.js";
import { CLOSED, isGivenUp } from "./lost.js";
import { NodeRedisPort, serverBy, shared } from "./port.js";
import { type Rediscovery, rediscoveryOf } from "./rediscovery.js";
import { connectionOf } from "./single.js";
import { nodeRedisSource } from "./subscriber.js";

/** A cluster has other names for the events. */
const EVENTS = { ready: "connect", end: "disconnect" } as const;

/** `createCluster`. */
export class ClusterPort extends NodeRedisPort<ClusterClient> {
  readonly inCluster = true;
  readonly underSentinel = false;
  readonly connections = "one";
  readonly readsMayLag: boolean;
  readonly #rediscovery: Rediscovery;

  constructor(cluster: ClusterClient) {
    super(cluster, viewOfCluster(cluster), () => {
      cluster.on("node-error", () => {
        for (const { client } of [...cluster.masters, ...cluster.replicas]) if (client !== undefined) holdBack(client);
        rediscoveryOf(cluster).missed();
      });
    });
    this.#rediscovery = rediscoveryOf(cluster);
    this.readsMayLag = cluster._options?.useReplicas === true || cluster.clientSideCache !== undefined;
  }

  override get isReady(): boolean {
    const { isReady, masters } = this.client;
    return masters.length > 0 && isReady !== false;
  }

  /** When a node has left the cluster, its client is destroyed, with all commands that wait in it. */
  protected override isLost(error: unknown): boolean {
    return super.isLost(error) || (isGivenUp(error) && this.client.isOpen === true);
  }

  /**
   * With `useReplicas`, the connection to a replica stays one that only reads when the replica becomes a master. If it is a replica
   * again, it answers what only reads, and refuses what writes, but never says that the slot has moved. So the cluster has to ask.
   * A command that was refused so has done nothing: it is sent again, and counts as no loss.
   */
  override countLoss(error: unknown): boolean {
    if (!isReply(error, "READONLY ")) return super.countLoss(error);
    this.#rediscovery.missed();
    return true;
  }

  missed(address: string): void {
    this.#rediscovery.missed(address);
  }

  override evaluate(script: ScriptText, known: boolean, keys: readonly string[], args: Arguments): Promise<unknown> {
    return this.isReady ? super.evaluate(script, known, keys, args) : Promise.reject(this.#notReady());
  }

  override get(key: string): Promise<string | null> {
    return this.isReady ? super.get(key) : Promise.reject(this.#notReady());
  }

  override getex(key: string, ms: number): Promise<string | null> {
    return this.isReady ? super.getex(key, ms) : Promise.reject(this.#notReady());
  }

  override masterOf(slot: number): string | undefined {
    return this.client.slots[slot]?.master.address;
  }

  servers(role: "master" | "all"): ServerPort[] {
    const { masters, replicas } = this.client;
    const nodes = role === "master" ? masters : [...masters, ...replicas];
    return nodes.map((node) =>
      serverBy(node.address, async (command) => (await this.#viewOf(node)).sendCommand(command, UNMAPPED)),
    );
  }

  /**
   * Every node hears what is published on any. If one fails, another is taken: one that is connected, if there is any, because a
   * cluster waits for a node that is down as long as its settings say.
   */
  subscribers(): SubscriberSource {
    const any = () => {
      const all = [...this.client.masters, ...this.client.replicas];
      const ready = all.filter(({ client }) => client?.isReady === true);
      const nodes = ready.length > 0 ? ready : all;
      const node = nodes[Math.floor(Math.random() * nodes.length)];
      return node === undefined ? undefined : this.client.nodeClient(node);
    };
    return nodeRedisSource(this.client, any, { reconnects: false });
  }

  async reserve(address: string): Promise<Reservation | undefined> {
    const node = [...this.client.masters, ...this.client.replicas].find((each) => each.address === address);
    return node === undefined ? undefined : shared(connectionOf(await this.client.nodeClient(node), this.keyPrefix));
  }

  override follow(ready: () => void, ended: () => void): () => void {
    return this.followBy(EVENTS, ready, ended);
  }

  findings(): ClientFinding[] {
    return [...clusterFindings(this.client)];
  }

  async #viewOf(node: ClusterNode): Promise<SingleClient> {
    return viewOf(await this.client.nodeClient(node));
  }

  /** A cluster that knows no nodes yet fails with a `TypeError`. While it connects, the call is to be tried again. */
  #notReady(): Error {
    return new Error(this.client.isOpen ? "CLUSTERDOWN The client is connecting" : CLOSED);
  }
}
