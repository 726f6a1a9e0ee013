/**
 * A private Redis Cluster for tests: real servers on free ports of the loopback interface, each with the guarantees of
 * redis-server.ts (in a temporary folder, and gone when the process that started it is gone). It forms the cluster with
 * CLUSTER commands alone, and can move a slot at one go or be stopped half-way.
 */
import { Redis } from "ioredis";
import { answers, waitingFor } from "./nodes.ts";
import type { RedisBinary } from "./redis-binary.ts";
import { type RedisServer, startRedisServer } from "./redis-server.ts";

export interface RedisClusterOptions {
  /** Default: 3. */
  readonly masters?: number;
  /** Replicas of each master. Default: 0. */
  readonly replicas?: number;
  /** Further masters that serve no slot, as a new node does. Default: 0. */
  readonly spares?: number;
  /**
   * After how many ms of silence the nodes take one of them for failed, and a replica takes over. Default: 15 000, so
   * that a busy machine does not look like a failure; tests of failover want less.
   */
  readonly nodeTimeout?: number;
  /**
   * Further settings of every node, as on the command line; of each by its number where a function is given, which is asked
   * anew for each attempt to start it.
   */
  readonly args?: readonly string[] | ((at: number) => readonly string[] | Promise<readonly string[]>);
  /** The binary to run; what `findRedisBinary` finds by default. */
  readonly binary?: RedisBinary;
}

export interface ClusterNode extends RedisServer {
  /** What the node was started as; a failover changes what it is. */
  readonly role: "master" | "replica";
  /** Its node id, 40 hexadecimal digits. */
  readonly id: string;
  /** A client of this node alone, with no key prefix and no redirections. */
  readonly admin: Redis;
}

/** A slot under way from one node to another. Until `finish()` its keys may lie on either. */
export interface SlotMove {
  readonly slot: number;
  readonly from: ClusterNode;
  readonly to: ClusterNode;
  /** The keys that are still where they were. */
  waiting(): Promise<string[]>;
  /** Moves some keys over. */
  carry(...keys: readonly string[]): Promise<void>;
  /** Moves what is left, and gives the slot to its new node. */
  finish(): Promise<void>;
}

export interface RedisCluster {
  /** All nodes: first the masters, in the order of their slots, then the replicas, then the spares. */
  readonly nodes: readonly ClusterNode[];
  /** What was started as a master. */
  readonly masters: readonly ClusterNode[];
  /** What was started as a replica; of each master in turn. */
  readonly replicas: readonly ClusterNode[];
  /** What was started without slots. */
  readonly spares: readonly ClusterNode[];
  /** For ioredis: `new Cluster(cluster.startupNodes)`. */
  readonly startupNodes: { host: string; port: number }[];
  /** `redis://127.0.0.1:<port>` of every node. */
  readonly urls: readonly string[];
  /** What the servers say of themselves, such as `Redis server v=7.0.15`. */
  readonly version: string;
  /** The slot of a key. */
  slotOf(key: string): Promise<number>;
  /** The node that serves a slot now. */
  ownerOf(slot: number): Promise<ClusterNode>;
  /** The nodes that are masters now. */
  currentMasters(): Promise<ClusterNode[]>;
  /** Begins to move a slot to another master: no key moves before `carry` or `finish`. */
  beginMove(slot: number, to: ClusterNode): Promise<SlotMove>;
  /** Moves a slot with all its keys to another master, as `redis-cli --cluster reshard` does. */
  moveSlot(slot: number, to: ClusterNode): Promise<void>;
  /** Waits until every node that runs says that all slots are served, and agrees with the others on who serves them. */
  settle(): Promise<void>;
  /** Ends all nodes. May be called again. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const SLOTS = 16_384;
/** News of a replica travels with the pings, and every node is pinged within half the node timeout. */
const FORMING_TIMEOUT = 1000;
/** How long the nodes may take to agree, ms. */
const PATIENCE = 60_000;
const eventually = waitingFor("The nodes of the cluster", { pause: 5, patience: PATIENCE });

export async function startCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, spares = 0, nodeTimeout = 15_000, args = [], binary } = options;
  if (masters < 1 || replicas < 0) throw new RangeError("A cluster has at least one master.");
  const nodes: ClusterNode[] = [];
  try {
    const started = await Promise.allSettled(
      Array.from({ length: masters * (1 + replicas) + spares }, (_, at) =>
        startNode(at < masters || at >= masters * (1 + replicas) ? "master" : "replica", {
          cluster: "member",
          ...(binary === undefined ? {} : { binary }),
          args: async () => [
            ...["--cluster-node-timeout", String(FORMING_TIMEOUT)],
            ...["--cluster-replica-validity-factor", "0"],
            ...["--repl-diskless-sync-delay", "0"],
            // A replica that has replicated nothing yet, not even a ping, is not told of to clients.
            ...["--repl-ping-replica-period", "1"],
            ...(typeof args === "function" ? await args(at) : args),
          ],
        }),
      ),
    );
    for (const result of started) if (result.status === "fulfilled") nodes.push(result.value);
    for (const result of started) if (result.status === "rejected") throw result.reason;
    await join(nodes, masters, masters * replicas);
    const cluster = control(nodes, masters, masters * replicas);
    await cluster.settle();
    await Promise.all(nodes.map(({ admin }) => admin.config("SET", "cluster-node-timeout", nodeTimeout)));
    return cluster;
  } catch (error) {
    await Promise.all(nodes.map((node) => stopNode(node)));
    throw error;
  }
}

async function startNode(
  role: ClusterNode["role"],
  options: Parameters<typeof startRedisServer>[0],
): Promise<ClusterNode> {
  const server = await startRedisServer(options);
  const admin = new Redis(server.port, HOST, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  // A node that is killed on purpose breaks this connection; commands wait until it is back.
  admin.on("error", () => {});
  const id = String(await admin.cluster("MYID"));
  // A copy would freeze the pid, which changes with a restart.
  return Object.assign(Object.create(server) as RedisServer, { role, id, admin });
}

async function stopNode(node: ClusterNode): Promise<void> {
  node.admin.disconnect();
  await node.stop();
}

/** Gives the masters their slots, makes all nodes know each other, and the replicas follow their masters. */
async function join(nodes: readonly ClusterNode[], masters: number, replicas: number): Promise<void> {
  const [first] = nodes as [ClusterNode];
  await Promise.all(
    nodes.slice(0, masters).map(async ({ admin }, at) => {
      // Two masters of one epoch would have to settle whose word counts, which takes them a while.
      await admin.call("CLUSTER", "SET-CONFIG-EPOCH", String(at + 1));
      const [from, to] = [Math.ceil((SLOTS * at) / masters), Math.ceil((SLOTS * (at + 1)) / masters) - 1];
      await admin.call("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
    }),
  );
  for (const node of nodes.slice(1)) {
    const bus = await node.admin.config("GET", "cluster-port");
    const port = Array.isArray(bus) ? bus[1] : (bus as Record<string, string>)["cluster-port"];
    await first.admin.call("CLUSTER", "MEET", HOST, String(node.port), String(port));
  }
  await eventually("get to know each other", async () => {
    for (const { admin } of nodes) {
      const known = await peersOf(admin);
      if (known.length < nodes.length || known.some(({ flags }) => flags.includes("handshake"))) return false;
    }
    return true;
  });
  await Promise.all(
    nodes
      .slice(masters, masters + replicas)
      .map(({ admin }, at) => admin.cluster("REPLICATE", (nodes[at % masters] as ClusterNode).id)),
  );
}

function control(nodes: readonly ClusterNode[], masters: number, replicas: number): RedisCluster {
  const byId = (id: string) => {
    const node = nodes.find((one) => one.id === id);
    if (node === undefined) throw new Error(`The cluster has no node ${id}.`);
    return node;
  };
  const anyAdmin = async () => {
    for (const { admin } of nodes) if (await answers(admin)) return admin;
    throw new Error("No node of the cluster answers.");
  };

  const cluster: RedisCluster = {
    nodes,
    masters: nodes.slice(0, masters),
    replicas: nodes.slice(masters, masters + replicas),
    spares: nodes.slice(masters + replicas),
    startupNodes: nodes.map(({ port }) => ({ host: HOST, port })),
    urls: nodes.map(({ url }) => url),
    version: (nodes[0] as ClusterNode).version,
    async slotOf(key) {
      return Number(await (await anyAdmin()).cluster("KEYSLOT", key));
    },
    async ownerOf(slot) {
      for (const { id, ranges } of await peersOf(await anyAdmin())) {
        if (ranges.some(([from, to]) => from <= slot && slot <= to)) return byId(id);
      }
      throw new Error(`No node serves slot ${slot}.`);
    },
    async currentMasters() {
      const peers = await peersOf(await anyAdmin());
      return peers.filter(({ ranges }) => ranges.length > 0).map(({ id }) => byId(id));
    },
    async beginMove(slot, to) {
      const from = await cluster.ownerOf(slot);
      if (from === to) throw new Error(`Slot ${slot} lies on that node already.`);
      // The order that Redis documents: a node that sends clients over before the other takes them would lose them.
      await to.admin.cluster("SETSLOT", slot, "IMPORTING", from.id);
      await from.admin.cluster("SETSLOT", slot, "MIGRATING", to.id);
      return moveOf(cluster, slot, from, to);
    },
    async moveSlot(slot, to) {
      await (await cluster.beginMove(slot, to)).finish();
    },
    async settle() {
      await eventually("agree on who serves which slot", async () => {
        const views = new Set<string>();
        for (const { admin } of nodes) {
          if (!(await answers(admin))) continue;
          if (!String(await admin.cluster("INFO")).includes("cluster_state:ok")) return false;
          const info = await admin.info("replication");
          if (/role:slave/.test(info) && !/master_link_status:up/.test(info)) return false;
          const peers = (await peersOf(admin)).filter(({ flags }) => !flags.includes("fail"));
          const view = peers.map(({ id, master, ranges }) => `${id} ${master} ${JSON.stringify(ranges)}`);
          views.add(view.sort().join("\n"));
          // Clients ask for CLUSTER SLOTS, which lists a replica only once it has caught up.
          const listed = (await admin.cluster("SLOTS")) as [number, number, ...unknown[]][];
          for (const [, , ...serving] of listed) {
            const [[, , owner]] = serving as [[string, number, string]];
            if (serving.length - 1 !== peers.filter(({ master }) => master === owner).length) return false;
          }
        }
        return views.size === 1;
      });
    },
    async close() {
      await Promise.all(nodes.map((node) => stopNode(node)));
    },
  };
  return cluster;
}

function moveOf(cluster: RedisCluster, slot: number, from: ClusterNode, to: ClusterNode): SlotMove {
  const keysOn = async ({ admin }: ClusterNode) =>
    (await admin.cluster("GETKEYSINSLOT", slot, Number(await admin.cluster("COUNTKEYSINSLOT", slot)))) as string[];
  const carry = async (...keys: readonly string[]) => {
    // As many at a time as redis-cli takes. MIGRATE names the target as the source reaches it.
    for (let at = 0; at < keys.length; at += 10) {
      const some = keys.slice(at, at + 10);
      await from.admin.call("MIGRATE", HOST, String(to.port), "", "0", "30000", "KEYS", ...some);
    }
  };
  return {
    slot,
    from,
    to,
    waiting: () => keysOn(from),
    carry,
    async finish() {
      // New keys are made on the target while the slot moves, so what is left can only become less.
      await carry(...(await keysOn(from)));
      await to.admin.cluster("SETSLOT", slot, "NODE", to.id);
      // The new owner has a new epoch now, and tells the others. Should the next move come before they have heard, two
      // masters would claim slots in one epoch, and send clients to and fro for as long as it takes to settle that.
      const epoch = (await peersOf(to.admin)).find(({ id }) => id === to.id)?.epoch ?? Number.NaN;
      await eventually("hear of a slot's new owner", async () => {
        for (const { admin } of cluster.nodes) {
          const known = (await answers(admin)) ? (await peersOf(admin)).find(({ id }) => id === to.id) : undefined;
          if (known !== undefined && known.epoch < epoch) return false;
        }
        return true;
      });
      for (const { admin } of [from, ...(await cluster.currentMasters())]) {
        await admin.cluster("SETSLOT", slot, "NODE", to.id);
      }
    },
  };
}

interface Peer {
  readonly id: string;
  readonly flags: readonly string[];
  /** Node id of its master, `-` for a master. */
  readonly master: string;
  readonly ranges: readonly (readonly [from: number, to: number])[];
  /** Of two masters that claim a slot, the one of the later epoch has it. */
  readonly epoch: number;
}

/** CLUSTER NODES, as one node sees it. */
async function peersOf(admin: Redis): Promise<Peer[]> {
  const lines = String(await admin.cluster("NODES"))
    .trim()
    .split("\n");
  return lines.map((line) => {
    const [id = "", , flags = "", master = "", , , epoch, , ...slots] = line.split(" ");
    const ranges = slots
      // A slot under way is listed again, in brackets.
      .filter((range) => !range.startsWith("["))
      .map((range) => range.split("-").map(Number))
      .map(([from = Number.NaN, to = from]) => [from, to] as const);
    return { id, flags: flags.split(","), master, ranges, epoch: Number(epoch) };
  });
}
