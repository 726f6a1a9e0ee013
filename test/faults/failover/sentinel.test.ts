/** A master under Sentinel that dies or freezes, under load. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { afterFile } from "../../harness/fixtures.js";
import { type SentinelNode, startSentinel } from "../../harness/redis-sentinel.js";
import { FULL, fault } from "../fault.js";
import { type Failing, failOver, type Hold, type Node, type Topology } from "./failover.js";
import { bothClients, ROWS } from "./rows.js";

const DOWN_AFTER = 1500;
const REPLICAS = 2;

const setup = await startSentinel({ replicas: REPLICAS, downAfter: DOWN_AFTER });
afterFile(() => setup.close());

const topology: Topology = {
  label: `${setup.version}, master with ${REPLICAS} replicas and 3 Sentinels, down-after-milliseconds ${DOWN_AFTER}`,
  connect({ version, connection }) {
    const Client = version === 5 ? Redis : (Redis6 as unknown as typeof Redis);
    const client = new Client({ ...setup.client, ...connection });
    client.on("error", () => {});
    return client;
  },
  concerns: () => true,
  async victim() {
    const master = await setup.currentMaster();
    return { master, replicas: setup.nodes.filter((node) => node !== master) };
  },
  failedOver: (from) => setup.failedOver(from as SentinelNode),
  rejoin: (node) => setup.rejoin(node as SentinelNode),
  settle: () => setup.settle(),
};

/** As docs/operations.md recommends. */
const CLIENTS = bothClients({ socketTimeout: 1000, retryStrategy: (times: number) => Math.min(times * 50, 500) });

const HELD: readonly Hold[] = FULL
  ? [
      { ms: 300, replicas: "all" },
      { ms: 300, replicas: "one" },
      { ms: 300, replicas: "none" },
    ]
  : [{ ms: 300, replicas: "all" }];

/** Makes Sentinel prefer one replica to the other, though it has less. */
const favour = async (replica: Node) => {
  for (const { admin } of setup.nodes) await admin.config("SET", "replica-priority", admin === replica.admin ? 1 : 100);
  // A Sentinel asks once in ten seconds.
  await sleep(11_000);
};

/** What only takes time: no code of coatcheck does anything here that it does not do above. */
const FURTHER_ROWS: readonly (readonly [string, Partial<Failing>])[] = [
  [
    "master killed, `replicas: { count: 1 }`, while one of two replicas lags and has the better replica-priority",
    { times: 2, confirmedBy: 1, isRisky: true, held: [{ ms: 300, replicas: "one" }], favour },
  ],
  ["the same, `replicas: { count: 2 }`", { times: 2, confirmedBy: 2, held: [{ ms: 300, replicas: "one" }], favour }],
  [
    "master frozen, and woken in the moment of its failover, without `replicas`",
    { times: 2, isRisky: true, how: "freeze", wokenAfter: 0, held: [{ ms: 300, replicas: "none" }] },
  ],
];
for (const [name, failing] of FULL ? [...ROWS, ...FURTHER_ROWS] : ROWS) {
  fault("Failover", `Sentinel: ${name}`, 600_000, () =>
    failOver(topology, { how: "kill", times: FULL ? 4 : 1, held: HELD, clients: CLIENTS, isRisky: false, ...failing }),
  );
}
