/** Masters of a Redis Cluster that die or freeze, under load. */
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Command } from "ioredis";
import { Cluster as Cluster6 } from "ioredis6";
import { Keys } from "../../../src/sessions/keys.js";
import { afterFile, connectCluster } from "../../harness/fixtures.js";
import { startCluster } from "../../harness/redis-cluster.js";
import { FULL, fault } from "../fault.js";
import { CONNECTION } from "../node-redis.js";
import { type Client, failOver, type Hold, type Node, type Topology } from "./failover.js";
import { bothIoredis, nodeRedis, ROWS } from "./rows.js";

const MASTERS = 3;
const SLOTS = 16_384;
const NODE_TIMEOUT = 1500;

const cluster = await startCluster({ masters: MASTERS, replicas: 1, nodeTimeout: NODE_TIMEOUT });
afterFile(() => cluster.close());

const topology: Topology = {
  label: `${cluster.version}, Cluster of ${MASTERS} + ${MASTERS}, cluster-node-timeout ${NODE_TIMEOUT}`,
  observer: connectCluster(cluster, { redisOptions: { socketTimeout: 1000 } }),
  concerns(userId, prefix, round) {
    const slot = new Command("GET", [new Keys(prefix).user(userId).index]).getSlot();
    return Math.floor((slot * MASTERS) / SLOTS) === round % MASTERS;
  },
  async victim(round) {
    const master = await cluster.ownerOf(Math.ceil((SLOTS * (round % MASTERS)) / MASTERS));
    const replicas: Node[] = [];
    for (const node of cluster.nodes) {
      if ((await node.admin.info("replication")).includes(`master_port:${master.port}\r\n`)) replicas.push(node);
    }
    return { master, replicas };
  },
  async failedOver(_, replicas) {
    for (;;) {
      for (const replica of replicas) {
        if ((await replica.admin.info("replication")).includes("role:master")) return replica;
      }
      await sleep(10);
    }
  },
  rejoin: (node) => node.restart(),
  settle: () => cluster.settle(),
};

/** Both ioredis, with options for each of their connections. */
const ioredis = (redisOptions: object, how?: string) =>
  bothIoredis((version) => {
    const Client = version === 5 ? Cluster : (Cluster6 as unknown as typeof Cluster);
    return new Client(cluster.startupNodes, { redisOptions });
  }, how);
const rootNodes = cluster.urls.map((url) => ({ url }));

/** As docs/operations.md and docs/clients.md recommend. */
const CLIENTS: readonly Client[] = [
  ...ioredis({ socketTimeout: 1000 }),
  nodeRedis(6, ({ createCluster }) => createCluster({ rootNodes, defaults: CONNECTION })),
  nodeRedis(5, ({ createCluster }) => createCluster({ rootNodes, defaults: CONNECTION })),
];
/** As nobody should have them. */
const PLAIN: readonly Client[] = ioredis({}, " with its defaults");

const HELD: readonly Hold[] = FULL
  ? [
      { ms: 300, replicas: "all" },
      { ms: 300, replicas: "none" },
    ]
  : [{ ms: 300, replicas: "all" }];

for (const [name, failing] of ROWS) {
  fault("Failover", `Cluster: ${name}`, 600_000, () =>
    failOver(topology, {
      ...{ ...failing, times: FULL ? 6 : 1, held: HELD, clients: CLIENTS },
      bystanders: failing.how === "freeze" ? PLAIN : [],
    }),
  );
}
