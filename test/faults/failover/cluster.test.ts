/** Masters of a Redis Cluster that die or freeze, under load. */
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster, Command } from "ioredis";
import { Cluster as Cluster6 } from "ioredis6";
import { Keys } from "../../../src/sessions/keys.js";
import { afterFile } from "../../harness/fixtures.js";
import { startCluster } from "../../harness/redis-cluster.js";
import { FULL, fault } from "../fault.js";
import { failOver, type Hold, type Node, type Topology } from "./failover.js";
import { bothClients, ROWS } from "./rows.js";

const MASTERS = 3;
const SLOTS = 16_384;
const NODE_TIMEOUT = 1500;

const cluster = await startCluster({ masters: MASTERS, replicas: 1, nodeTimeout: NODE_TIMEOUT });
afterFile(() => cluster.close());

const topology: Topology = {
  label: `${cluster.version}, Cluster of ${MASTERS} + ${MASTERS}, cluster-node-timeout ${NODE_TIMEOUT}`,
  connect({ version, connection, cluster: options = {} }) {
    const Client = version === 5 ? Cluster : (Cluster6 as unknown as typeof Cluster);
    const client = new Client(cluster.startupNodes, { ...options, redisOptions: connection });
    client.on("error", () => {});
    return client;
  },
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

/** As docs/operations.md recommends. */
const CLIENTS = bothClients({ socketTimeout: 1000 });

const HELD: readonly Hold[] = FULL
  ? [
      { ms: 300, replicas: "all" },
      { ms: 300, replicas: "none" },
    ]
  : [{ ms: 300, replicas: "all" }];

for (const [name, failing] of ROWS) {
  fault("Failover", `Cluster: ${name}`, 600_000, () =>
    failOver(topology, { ...failing, times: FULL ? 6 : 1, held: HELD, clients: CLIENTS }),
  );
}
