/**
 * A master of a Cluster that has frozen, with its connections open, in front of clusters of node-redis: by themselves these would
 * not ask who has taken its place. One that is gone is among the faults (test/faults/failover).
 */
import { Command } from "ioredis";
import { createCluster } from "redis";
import { createCluster as createCluster5 } from "redis5";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createSessionStore } from "../../../../src/index.js";
import type { ClusterClient, SingleClient } from "../../../../src/redis/clients/node-redis/client.js";
import { Rediscovery } from "../../../../src/redis/clients/node-redis/rediscovery.js";
import { portOf } from "../../../../src/redis/clients/supported.js";
import { Keys } from "../../../../src/sessions/keys.js";
import { afterFile, uniquePrefix } from "../../../harness/fixtures.js";
import { type ClusterNode, startCluster } from "../../../harness/redis-cluster.js";

/** What a busy machine may take until everything is as it was. */
const PATIENCE = { timeout: 60_000 };

describe.each([
  ["6", createCluster],
  ["5", createCluster5 as unknown as typeof createCluster],
])("a cluster of node-redis %s", (_, create) => {
  it("follows a failover while the old master is frozen, with the calls that were under way", PATIENCE, async () => {
    const cluster = await running;
    const rootNodes = cluster.urls.map((url) => ({ url }));
    // Without a socketTimeout, so that a silent connection stays.
    const client = create({ rootNodes, defaults: { socket: { reconnectStrategy: () => 20 } } });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const prefix = uniquePrefix();
    const patient = createSessionStore(client, {
      ...{ prefix, timeout: 30_000, replicas: { count: 1, timeout: 30_000 } },
    });
    const hasty = createSessionStore(client, { prefix, timeout: 200 });
    const slot = new Command("GET", [new Keys(prefix).user("ada").index]).getSlot();
    const master = await cluster.ownerOf(slot);
    const replica = await replicaOf(master, cluster.nodes);
    const live = await patient.create({ userId: "ada" });
    const { token: dead } = await patient.create({ userId: "ada" });
    await master.admin.wait(2, 0);

    master.freeze();
    const asked = patient.get(live.token);
    const revoked = patient.revoke(dead);
    await replica.admin.cluster("FAILOVER", "TAKEOVER");
    await expect.poll(() => hasty.get(live.token).catch(() => undefined), PATIENCE).toEqual(live.session);
    expect(await asked).toEqual(live.session);
    // The other replica follows the new master, and confirms it.
    expect(await revoked).toBe(true);
    expect(await hasty.get(dead)).toBeNull();
    expect(portOf("", client).tally.losses).toBeGreaterThan(0);
    master.thaw();
    await cluster.settle();
  });

  it("asks when a node refuses to write, which was a master, and sends again what was refused", PATIENCE, async () => {
    const client = create({ rootNodes: (await running).urls.map((url) => ({ url })), useReplicas: true });
    client.on("error", () => {});
    await client.connect();
    afterFile(() => client.destroy());
    const store = createSessionStore(client, { prefix: uniquePrefix(), timeout: 30_000 });
    const { token } = await store.create({ userId: "ada" });
    const asked = vi.spyOn((client as unknown as Required<ClusterClient>)._slots, "rediscover");
    vi.spyOn(client, "evalSha").mockRejectedValueOnce(
      new Error("READONLY You can't write against a read only replica."),
    );
    expect(await store.revoke(token)).toBe(true);
    await expect.poll(() => asked.mock.calls.length, PATIENCE).toBe(1);
    // It had done nothing, so nothing can have run twice.
    expect(portOf("", client).tally.losses).toBe(0);
  });
});

const running = startCluster({ masters: 2, replicas: 2 });
afterFile(async () => (await running).close());

async function replicaOf(master: ClusterNode, nodes: readonly ClusterNode[]): Promise<ClusterNode> {
  for (const node of nodes) {
    if ((await node.admin.info("replication")).includes(`master_port:${master.port}\r\n`)) return node;
  }
  throw new Error("The master has no replica.");
}

describe("what it asks", () => {
  let now = 5000;
  afterEach(() => {
    vi.restoreAllMocks();
    now = 5000;
  });

  /** A cluster of masters that answer, or not, by their addresses. */
  function clusterOf(nodes: Readonly<Record<string, "answers" | "is silent" | "is lost">>) {
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const asked: string[] = [];
    const started: unknown[] = [];
    const masters = Object.entries(nodes).map(([address, how]) => ({
      address,
      client: {
        isReady: how !== "is lost",
        sendCommand: () => {
          asked.push(address);
          return how === "answers" ? Promise.resolve("PONG") : new Promise(() => {});
        },
      },
    }));
    const cluster = {
      masters,
      isOpen: true,
      nodeClient: ({ client }: (typeof masters)[number]) => client as unknown as SingleClient,
      _slots: { rediscover: async (client: unknown) => void started.push(client) },
    };
    const rediscovery = new Rediscovery(cluster as unknown as ClusterClient);
    return { cluster, rediscovery, asked, started, clientOf: (at: number) => masters[at]?.client };
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  it("is another master that answers, and none that is missing, silent or lost", async () => {
    const { rediscovery, asked, started, clientOf } = clusterOf({
      a: "answers",
      b: "is silent",
      c: "is lost",
      d: "answers",
    });
    rediscovery.missed("a");
    await settled();
    expect(asked).toEqual(["b", "d"]);
    expect(started).toEqual([clientOf(3)]);
  });

  it("is asked once at a time, and not again for a second", async () => {
    const { rediscovery, started } = clusterOf({ a: "answers" });
    for (let call = 0; call < 100; call++) rediscovery.missed("b");
    await settled();
    rediscovery.missed("b");
    now += 999;
    rediscovery.missed("b");
    await settled();
    expect(started).toHaveLength(1);
    now += 1;
    rediscovery.missed("b");
    await settled();
    expect(started).toHaveLength(2);
  });

  it("is nothing while no other can be asked, and a cluster that was closed meanwhile is left alone", async () => {
    const { cluster, rediscovery, started } = clusterOf({ a: "answers" });
    rediscovery.missed("a");
    await settled();
    expect(started).toEqual([]);
    now += 1000;
    rediscovery.missed("b");
    cluster.isOpen = false;
    await settled();
    expect(started).toEqual([]);
  });
});
