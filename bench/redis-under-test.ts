/**
 * The Redis that is measured: a private one, as the tests start it, or the user's own. It counts what its server has spent
 * and sweeps up after a run. Nothing is ever flushed, and nothing outside of a run's own prefix is touched.
 */
import { randomBytes } from "node:crypto";
import { Redis, ReplyError } from "ioredis";
import type { RedisBinary } from "../test/harness/redis-binary.ts";
import { type RedisServer, startRedisServer } from "../test/harness/redis-server.ts";

export interface RedisUnderTest {
  readonly url: string;
  /** Such as `Redis 7.0.15`. */
  readonly version: string;
  /** Process id of a server on this machine; `undefined` where it is not known to be here. */
  readonly pid: number | undefined;
  readonly port: number;
  /** Begins every key that this run writes. */
  readonly prefix: string;
  readonly client: Redis;
  /** What the server has spent until now. */
  spent(): Promise<Spent>;
  /** Bytes that the server has allocated. */
  usedMemory(): Promise<number>;
  /** Deletes every key that begins like this. */
  sweep(prefix: string): Promise<void>;
  /** Sweeps, disconnects, and ends the server if it is a private one. */
  close(): Promise<void>;
}

export interface Spent {
  /** CPU time of the server, µs. */
  readonly cpu: number;
  /** Bytes that came in and went out. */
  readonly network: number;
}

/** What a private server is to be like. A server of somebody else is as it is. */
export interface ServerWish {
  /** Writes an append-only file, flushed every second, as an application's would. Without it nothing reaches the disk. */
  readonly durable?: true;
  /** Another server than the machine's own. */
  readonly binary?: RedisBinary;
}

/** A rewrite of the file would take a core in the middle of a round. */
const DURABLE = ["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"];

/** Starts a private server. */
export async function startPrivate({ durable, binary }: ServerWish = {}): Promise<RedisUnderTest> {
  const server = await startRedisServer({ args: durable ? DURABLE : [], ...(binary && { binary }) });
  try {
    return await open(server.url, server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Opens a corner of somebody else's server. Throws a sentence where none answers there. */
export async function openShared(url: string): Promise<RedisUnderTest> {
  return open(url, undefined);
}

async function open(url: string, server: RedisServer | undefined): Promise<RedisUnderTest> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: (times) => (times > 3 ? null : 100),
    connectTimeout: 5_000,
  });
  let lastError: Error | undefined;
  client.on("error", (error: Error) => {
    lastError = error;
  });
  let info: string;
  try {
    await client.connect();
    info = await client.info("server");
  } catch (error) {
    client.disconnect();
    const reason = lastError ?? (error as Error);
    const said = reason.message || "connection refused";
    // It may be there and want a password, or another one.
    throw new Error(
      reason instanceof ReplyError
        ? `The Redis at ${withoutPassword(url)} refuses this run (${said}).`
        : `No Redis answers at ${withoutPassword(url)} (${said}).`,
    );
  }
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1];
  const valkey = field("valkey_version");
  const version = valkey === undefined ? `Redis ${field("redis_version")}` : `Valkey ${valkey}`;
  const { hostname, port, protocol } = new URL(url);
  const isHere = protocol === "redis:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  const prefix = `coatcheck-bench:${randomBytes(6).toString("hex")}:`;
  let closed = false;

  const sweep = async (start: string) => {
    if (!start.startsWith(prefix)) throw new Error(`${start} is not this run's to delete.`);
    const pattern = `${start.replace(/[*?[\]\\^-]/g, "\\$&")}*`;
    for (let cursor = "0"; ; ) {
      const [next, keys] = await client.scan(cursor, "MATCH", pattern, "COUNT", 2_000);
      if (keys.length > 0) await client.unlink(...keys);
      if (next === "0") return;
      cursor = next;
    }
  };

  return {
    url,
    version,
    pid: isHere ? Number(field("process_id")) : undefined,
    port: Number(port || 6379),
    prefix,
    client,
    spent: () => spentBy(client),
    async usedMemory() {
      return Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))?.[1]);
    },
    sweep,
    async close() {
      if (closed) return;
      closed = true;
      try {
        // A private server takes its keys along.
        if (server === undefined) await sweep(prefix);
      } finally {
        client.disconnect();
        await server?.stop();
      }
    },
  };
}

/** What the server behind a client has spent until now. */
export async function spentBy(client: Redis): Promise<Spent> {
  const facts = await client.info("everything");
  const sum = (names: readonly string[]) =>
    names.reduce((total, name) => total + Number(new RegExp(`^${name}:(\\S+)`, "m").exec(facts)?.[1] ?? 0), 0);
  return {
    cpu: sum(["used_cpu_user", "used_cpu_sys"]) * 1e6,
    network: sum(["total_net_input_bytes", "total_net_output_bytes"]),
  };
}

/** A URL as it may be shown. */
export function withoutPassword(url: string): string {
  const parsed = new URL(url);
  if (parsed.password !== "") parsed.password = "***";
  return parsed.href;
}
