/**
 * A private Redis master with replicas and Sentinels for tests: real servers on free ports of the loopback interface, each
 * with the guarantees of redis-server.ts (in a temporary folder, and gone when the process that started it is gone).
 */
import { Redis } from "ioredis";
import { answers, waitingFor } from "./nodes.ts";
import type { RedisBinary } from "./redis-binary.ts";
import { type RedisServer, startRedisServer } from "./redis-server.ts";

export interface RedisSentinelOptions {
  /** Default: 1. */
  readonly replicas?: number;
  /** How many watch; more than half of them have to agree that the master is down. Default: 3. */
  readonly sentinels?: number;
  /**
   * After how many ms of silence a Sentinel takes a node for down. Default: 15 000, so that a busy machine does not look like
   * a failure; tests of failover want less.
   */
  readonly downAfter?: number;
  /** Further settings of the master and its replicas, as on the command line. */
  readonly args?: readonly string[];
  /** The binary to run; what `findRedisBinary` finds by default. */
  readonly binary?: RedisBinary;
}

export interface SentinelNode extends RedisServer {
  /** A client of this node alone. */
  readonly admin: Redis;
}

export interface RedisSentinel {
  /** What was started as the master, then its replicas. A failover changes which is which. */
  readonly nodes: readonly SentinelNode[];
  readonly sentinels: readonly SentinelNode[];
  /** For ioredis: `new Redis(setup.client)`. */
  readonly client: { name: string; sentinels: { host: string; port: number }[] };
  /** What the servers say of themselves, such as `Redis server v=7.0.15`. */
  readonly version: string;
  /** The master that most Sentinels name. */
  currentMaster(): Promise<SentinelNode>;
  /** Waits until every Sentinel that runs names another master than this node, and that one is a master; gives it. */
  failedOver(from: SentinelNode): Promise<SentinelNode>;
  /** Starts a node that was killed as a replica of the current master. */
  rejoin(node: SentinelNode): Promise<void>;
  /**
   * Waits until every Sentinel that runs names the same master, sees all nodes and Sentinels that run, and every node but
   * the master is a replica of it that has caught up.
   */
  settle(): Promise<void>;
  /** Ends all nodes and Sentinels. May be called again. */
  close(): Promise<void>;
}

const HOST = "127.0.0.1";
const NAME = "sessions";
/** How long the nodes may take to agree, ms. A Sentinel that was held up itself trusts nobody for half a minute. */
const PATIENCE = 90_000;
const eventually = waitingFor("The nodes and Sentinels", { pause: 20, patience: PATIENCE });

export async function startSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { replicas = 1, sentinels = 3, downAfter = 15_000, args = [], binary } = options;
  if (replicas < 0 || sentinels < 1) throw new RangeError("Somebody has to watch the master.");
  const own = binary === undefined ? {} : { binary };
  const nodes: SentinelNode[] = [];
  const watchers: SentinelNode[] = [];
  try {
    const settings = ["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", ...args];
    const master = withAdmin(await startRedisServer({ ...own, args: settings }));
    nodes.push(master);
    await gather(nodes, replicas, () =>
      startRedisServer({ ...own, args: [...settings, "--replicaof", HOST, String(master.port)] }),
    );
    const configuration = [
      `sentinel monitor ${NAME} ${HOST} ${master.port} ${Math.floor(sentinels / 2) + 1}`,
      `sentinel down-after-milliseconds ${NAME} ${downAfter}`,
      // After twice this time a failover that came to nothing is tried again.
      `sentinel failover-timeout ${NAME} ${Math.max(5000, 3 * downAfter)}`,
      "",
    ].join("\n");
    await gather(watchers, sentinels, () => startRedisServer({ ...own, sentinel: configuration }));
    const sentinel = control(nodes, watchers);
    await sentinel.settle();
    return sentinel;
  } catch (error) {
    await Promise.all([...nodes, ...watchers].map((node) => stopNode(node)));
    throw error;
  }
}

/** Starts some at once; those that started are kept also where another did not. */
async function gather(into: SentinelNode[], count: number, start: () => Promise<RedisServer>): Promise<void> {
  const started = await Promise.allSettled(Array.from({ length: count }, start));
  for (const result of started) if (result.status === "fulfilled") into.push(withAdmin(result.value));
  for (const result of started) if (result.status === "rejected") throw result.reason;
}

function withAdmin(server: RedisServer): SentinelNode {
  const admin = new Redis(server.port, HOST, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  // A node that is killed on purpose breaks this connection; commands wait until it is back.
  admin.on("error", () => {});
  // A copy would freeze the pid, which changes with a restart.
  return Object.assign(Object.create(server) as RedisServer, { admin });
}

async function stopNode(node: SentinelNode): Promise<void> {
  node.admin.disconnect();
  await node.stop();
}

function control(nodes: readonly SentinelNode[], sentinels: readonly SentinelNode[]): RedisSentinel {
  const byPort = (port: number) => {
    const node = nodes.find((one) => one.port === port);
    if (node === undefined) throw new Error(`There is no node on port ${port}.`);
    return node;
  };
  /** The master that each Sentinel names which answers. */
  const named = async () => {
    const ports: number[] = [];
    for (const { admin } of sentinels) {
      if (!(await answers(admin))) continue;
      const address = (await admin.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)) as [string, string];
      ports.push(Number(address[1]));
    }
    return ports;
  };

  const sentinel: RedisSentinel = {
    nodes,
    sentinels,
    client: { name: NAME, sentinels: sentinels.map(({ port }) => ({ host: HOST, port })) },
    version: (nodes[0] as SentinelNode).version,
    async currentMaster() {
      const ports = await named();
      const port = ports.find((one) => ports.filter((other) => other === one).length > ports.length / 2);
      if (port === undefined) throw new Error(`The Sentinels name these masters: ${ports.join(", ")}.`);
      return byPort(port);
    },
    async failedOver(from) {
      let master: SentinelNode | undefined;
      await eventually("fail over", async () => {
        const ports = new Set(await named());
        const [port] = ports;
        if (ports.size !== 1 || port === from.port) return false;
        master = byPort(port as number);
        return (await answers(master.admin)) && (await roleOf(master)) === "master";
      });
      return master as SentinelNode;
    },
    async rejoin(node) {
      await node.restart();
      const master = await sentinel.currentMaster();
      if (master === node) throw new Error("The Sentinels still take this node for the master.");
      await node.admin.replicaof(HOST, master.port);
    },
    async settle() {
      await eventually("agree on their master", async () => {
        const running = await filter(nodes, ({ admin }) => answers(admin));
        const watching = await filter(sentinels, ({ admin }) => answers(admin));
        const ports = new Set(await named());
        const master = running.find(({ port }) => ports.has(port));
        if (ports.size !== 1 || master === undefined || (await roleOf(master)) !== "master") return false;
        for (const node of running) {
          const info = node === master ? "" : await node.admin.info("replication");
          if (node !== master && !/role:slave/.test(info)) return false;
          if (node !== master && !info.includes(`master_port:${master.port}\r\n`)) return false;
          if (node !== master && !/master_link_status:up/.test(info)) return false;
        }
        for (const { admin } of watching) {
          const [seen] = rows(await admin.call("SENTINEL", "MASTERS"));
          if (seen?.["flags"] !== "master") return false;
          const replicas = rows(await admin.call("SENTINEL", "REPLICAS", NAME));
          const healthy = replicas.filter((each) => each["flags"] === "slave" && each["master-link-status"] === "ok");
          if (healthy.length !== running.length - 1) return false;
          const others = rows(await admin.call("SENTINEL", "SENTINELS", NAME));
          if (others.filter((each) => each["flags"] === "sentinel").length !== watching.length - 1) return false;
        }
        return true;
      });
    },
    async close() {
      await Promise.all([...nodes, ...sentinels].map((node) => stopNode(node)));
    },
  };
  return sentinel;
}

async function roleOf({ admin }: SentinelNode): Promise<string | undefined> {
  return /role:(\w+)/.exec(await admin.info("replication"))?.[1];
}

/** A reply of SENTINEL: a list of fields and values in turn, or, in ioredis 6, of objects. */
function rows(reply: unknown): Record<string, string>[] {
  return (reply as (string[] | Record<string, string>)[]).map((row) => {
    if (!Array.isArray(row)) return row;
    return Object.fromEntries(row.flatMap((field, at) => (at % 2 === 0 ? [[field, row[at + 1] as string]] : [])));
  });
}

async function filter<T>(all: readonly T[], holds: (one: T) => Promise<boolean>): Promise<T[]> {
  const kept = await Promise.all(all.map(holds));
  return all.filter((_, at) => kept[at]);
}
