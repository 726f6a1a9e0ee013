/** A master under Sentinel that dies or freezes, under load. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { afterFile } from "../../harness/fixtures.js";
import { type SentinelNode, startSentinel } from "../../harness/redis-sentinel.js";
import { startProxy } from "../../harness/tcp-proxy.js";
import { FULL, fault } from "../fault.js";
import { CONNECTION } from "../node-redis.js";
import { type Client, type Failing, failOver, type Hold, type Node, type Topology } from "./failover.js";
import { bothIoredis, nodeRedis, ROWS } from "./rows.js";

const DOWN_AFTER = 1500;
const REPLICAS = 2;

const setup = await startSentinel({ replicas: REPLICAS, downAfter: DOWN_AFTER });
afterFile(() => setup.close());

/** Leads to the master, as the address that a provider gives for it does: for clients that do not ask Sentinel. */
const endpoint = await startProxy((await setup.currentMaster()).port);
afterFile(() => endpoint.close());

/** As docs/operations.md recommends. */
const SETTINGS = { socketTimeout: 1000, retryStrategy: (times: number) => Math.min(times * 50, 500) };

const observer = new Redis({ ...setup.client, ...SETTINGS });
observer.on("error", () => {});
afterFile(() => observer.disconnect());

const topology: Topology = {
  label: `${setup.version}, master with ${REPLICAS} replicas and 3 Sentinels, down-after-milliseconds ${DOWN_AFTER}`,
  observer,
  concerns: () => true,
  async victim() {
    const master = await setup.currentMaster();
    return { master, replicas: setup.nodes.filter((node) => node !== master) };
  },
  async failedOver(from) {
    const master = await setup.failedOver(from as SentinelNode);
    endpoint.retarget(master.port);
    endpoint.reset();
    return master;
  },
  rejoin: (node) => setup.rejoin(node as SentinelNode),
  settle: () => setup.settle(),
};

/** Both ioredis. */
const ioredis = (settings: object, how?: string) =>
  bothIoredis((version) => {
    const Client = version === 5 ? Redis : (Redis6 as unknown as typeof Redis);
    return new Client({ ...setup.client, ...settings });
  }, how);
const { name, sentinels: sentinelRootNodes } = setup.client;
const ofSentinel = { name, sentinelRootNodes, nodeClientOptions: CONNECTION };
const ofEndpoint = { ...CONNECTION, url: endpoint.url };
/** By default a pool opens a hundred connections in an outage, and a busy machine takes long to open them all again at once. */
const POOL = { minimum: 2, maximum: 8 };

/** As docs/operations.md and docs/clients.md recommend. */
const CLIENTS: readonly Client[] = [
  ...ioredis(SETTINGS),
  nodeRedis(6, ({ createSentinel }) => createSentinel(ofSentinel)),
  nodeRedis(
    6,
    ({ createSentinel }) => createSentinel({ ...ofSentinel, masterPoolSize: 3, reserveClient: true }),
    " with a reserved client",
  ),
  nodeRedis(6, ({ createClientPool }) => createClientPool(ofEndpoint, POOL), " pool"),
  nodeRedis(5, ({ createClientPool }) => createClientPool(ofEndpoint, POOL), " pool"),
];
/** Its replies may be mixed up (docs/clients.md), so it carries no load. Its lookups must not be wrong, all the same. */
const UNFIT: readonly Client[] = [nodeRedis(5, ({ createSentinel }) => createSentinel(ofSentinel), " sentinel")];
/** As nobody should have them. */
const PLAIN: readonly Client[] = ioredis({}, " with its defaults");

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
    failOver(topology, {
      ...{ how: "kill", times: FULL ? 4 : 1, held: HELD, clients: CLIENTS, isRisky: false, ...failing },
      bystanders: failing.how === "freeze" ? [...UNFIT, ...PLAIN] : UNFIT,
    }),
  );
}
