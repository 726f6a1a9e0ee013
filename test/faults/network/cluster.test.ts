/** A Cluster behind networks that break: each node has a proxy, and the clients know the nodes by those alone. */
import { setTimeout as sleep } from "node:timers/promises";
import { Cluster as Cluster5, type ClusterOptions } from "ioredis";
import { Cluster as Cluster6 } from "ioredis6";
import { Cluster as ValkeyCluster } from "iovalkey";
import { createSessionStore } from "../../../src/index.js";
import { Keys } from "../../../src/sessions/keys.js";
import { afterFile, connectCluster, uniquePrefix } from "../../harness/fixtures.js";
import { startCluster } from "../../harness/redis-cluster.js";
import { startProxy, type TcpProxy } from "../../harness/tcp-proxy.js";
import { FULL, faultsAtOnce, type Outcome } from "../fault.js";
import { Ledger } from "../ledger.js";
import { closeNodeRedis, connected, NODE_REDIS, CONNECTION as NODE_REDIS_CONNECTION } from "../node-redis.js";
import { queuedIn } from "../queued.mjs";
import { blackHole, halfOpen, replyLost, resetInMidReply } from "./network-faults.js";
import { type ClientName, closeAfterFile, networkFault, PATIENT, type Site, TIMEOUT, titleOf } from "./rig.js";
import { type Settling, startSettling } from "./settling.js";

const cluster = await startCluster();
afterFile(() => cluster.close());
const observer = connectCluster(cluster);

/** As docs/operations.md recommends. */
const CONNECTION = { socketTimeout: 1000, connectTimeout: 1000 };

const kinds: readonly (readonly [name: string, module: ClientName, Client: typeof Cluster5])[] = [
  ["ioredis 5", "ioredis", Cluster5],
  ["ioredis 6", "ioredis6", Cluster6 as unknown as typeof Cluster5],
  ["iovalkey", "iovalkey", ValkeyCluster as unknown as typeof Cluster5],
];

interface ClusterSite extends Site {
  /** How many commands the client holds for all masters. */
  queued(): number;
}

/** A client that reaches each node through a proxy of its own. */
async function open(
  module: ClientName,
  Client: typeof Cluster5,
  redisOptions: object = CONNECTION,
): Promise<ClusterSite> {
  const proxies = await Promise.all(cluster.nodes.map(({ port }) => startProxy(port)));
  closeAfterFile(proxies);
  const natMap: Record<string, { host: string; port: number }> = {};
  for (const [at, { host, port }] of cluster.nodes.entries()) {
    natMap[`${host}:${port}`] = { host, port: (proxies[at] as TcpProxy).port };
  }
  const options: ClusterOptions = { natMap, redisOptions };
  const client = new Client(
    proxies.map(({ host, port }) => ({ host, port })),
    options,
  );
  client.on("error", () => {});
  const close = () => client.disconnect();
  afterFile(close);
  await client.get("any");
  const queued = () => client.nodes("master").reduce((sum, node) => sum + queuedIn(node), 0);
  return { servers: serversOf(module, "natMap"), client, close, minds: true, proxies, observer, queued };
}

/** The same of node-redis. */
async function openNodeRedis(
  { module, createCluster }: (typeof NODE_REDIS)[5 | 6],
  defaults: object = NODE_REDIS_CONNECTION,
): Promise<ClusterSite> {
  const proxies = await Promise.all(cluster.nodes.map(({ port }) => startProxy(port)));
  closeAfterFile(proxies);
  const nodeAddressMap: Record<string, { host: string; port: number }> = {};
  for (const [at, { host, port }] of cluster.nodes.entries()) {
    nodeAddressMap[`${host}:${port}`] = { host, port: (proxies[at] as TcpProxy).port };
  }
  const rootNodes = proxies.map(({ url }) => ({ url }));
  const client = await connected(createCluster({ rootNodes, nodeAddressMap, defaults }));
  const close = () => closeNodeRedis(client);
  afterFile(close);
  const queued = () => client.masters.reduce((sum, node) => sum + (node.client ? queuedIn(node.client) : 0), 0);
  return { servers: serversOf(module, "nodeAddressMap"), client, close, minds: false, proxies, observer, queued };
}

function serversOf(module: ClientName, map: string): string {
  const [server, version] = titleOf(cluster.version, module).split("; ");
  return `${server}, Cluster of 3 behind a ${map}; ${version}`;
}

/** As recommended; or, as `bare`, without what would end a connection that went silent. */
const clients = [
  ...kinds.map(([name, module, Client]) => ({
    name: `Cluster, ${name}`,
    open: () => open(module, Client),
    bare: () => open(module, Client, {}),
  })),
  ...Object.values(NODE_REDIS).map((made) => ({
    name: `Cluster, ${made.name}`,
    open: () => openNodeRedis(made),
    bare: () => openNodeRedis(made, {}),
  })),
];

networkFault(clients, () => blackHole("black hole before every master"));
networkFault(clients, () => halfOpen("half-open: every connection is forgotten without a word"));
networkFault(clients, resetInMidReply);
networkFault(clients, replyLost);

/** A user whose sessions are on a certain master. */
async function userOn(at: number, prefix: string): Promise<string> {
  for (let user = 0; ; user++) {
    const name = `user ${user} of ${at}`;
    const slot = await cluster.slotOf(new Keys(prefix).user(name).index);
    if ((await cluster.ownerOf(slot)) === cluster.nodes[at]) return name;
  }
}

/** How many calls are made into the hole: many more than the client may hold. */
const INTO_THE_HOLE = FULL ? 8000 : 3200;

/** Waits for a lookup that begins from now on and is answered. Whoever has none by the limit is held up by another's fault. */
async function answers(settling: Settling): Promise<boolean> {
  const since = performance.now();
  while (!settling.answeredSince(since)) {
    if (performance.now() - since > PATIENT) return false;
    await sleep(20);
  }
  return true;
}

/** Makes many calls to a master that does not answer: each is refused in time, and no call to another master fails. */
async function floodOneMaster(bare: () => Promise<ClusterSite>): Promise<Outcome> {
  // Without `socketTimeout` the client holds every call, so that there is a bound to reach.
  const { servers, client, close, proxies, queued } = await bare();
  const prefix = uniquePrefix();
  const store = createSessionStore(client, { prefix, timeout: TIMEOUT });
  // What is asked of the other masters goes through the same client, and fails only if that fails it: not where this
  // process or a master is late.
  const patient = createSessionStore(client, { prefix, timeout: PATIENT });
  const ledger = new Ledger();
  const direct = createSessionStore(observer, { prefix, timeout: PATIENT });
  const issued = await Promise.all([0, 1, 2].map(async (at) => direct.create({ userId: await userOn(at, prefix) })));
  const [inTheHole, ...others] = issued.map(({ token }, at) => ({
    token,
    settling: startSettling(at === 0 ? store : patient, {
      ...{ timeout: at === 0 ? TIMEOUT : PATIENT, every: 60_000, ledger, token },
    }),
  }));
  if (inTheHole === undefined) throw new Error("There is no master.");
  let [calls, unavailable, answered] = [0, 0, 0];
  const load = setInterval(() => {
    for (let i = 0; i < 16; i++) {
      calls++;
      store.touch(inTheHole.token).then(
        () => answered++,
        () => unavailable++,
      );
    }
  }, 20);
  await sleep(500);
  const [proxy] = proxies as [TcpProxy];
  proxy.blackhole();
  const before = calls;
  while (calls - before < INTO_THE_HOLE) await sleep(20);
  for (const { settling } of others) {
    if (!(await answers(settling))) ledger.accuse("P8", "a call was held up whose own master could be reached");
  }
  const held = queued();
  if (held > 1800) ledger.accuse("P8", `the client holds ${held} calls for a master that does not answer`);
  proxy.restore();
  const ended = performance.now();
  if (!(await answers(inTheHole.settling))) ledger.accuse("P8", "calls still fail after the end of the fault");
  clearInterval(load);
  const all = [inTheHole, ...others].map(({ settling }) => settling);
  await Promise.all(all.map((settling) => settling.stop()));
  while (answered + unavailable < calls && performance.now() - ended < 60_000) await sleep(50);
  if (answered + unavailable < calls) ledger.accuse("P8", `${calls - answered - unavailable} calls never settled`);
  for (const { settling } of others) {
    if (settling.outage !== null) ledger.accuse("P8", "a call failed whose own master could be reached");
  }
  if ((await patient.get(inTheHole.token)) === null) ledger.accuse("P8", "a live session was not found afterwards");
  close();
  return {
    ...{ servers, times: 1, broken: ledger.broken, outage: inTheHole.settling.outage },
    operations: calls + all.reduce((sum, settling) => sum + settling.calls, 0),
    errors: {
      STORE_UNAVAILABLE: all.reduce((sum, { errors }) => sum + (errors["STORE_UNAVAILABLE"] ?? 0), unavailable),
    },
    recovery: inTheHole.settling.recovery(ended),
    further: {
      "settled after the deadline at most": `${Math.ceil(Math.max(...all.map(({ latest }) => latest)))} ms`,
      "commands waiting at its end": held,
      "lookups on other masters that failed": others.reduce((sum, { settling }) => sum + settling.failures, 0),
    },
  };
}

faultsAtOnce(
  "Networks",
  300_000,
  clients.map(({ name, bare }) => ({
    name: `black hole before one master of three, 800 calls/s to it (${name})`,
    inject: () => floodOneMaster(bare),
  })),
);
