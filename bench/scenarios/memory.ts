/** What a session weighs in Redis, its share of the index included. */
import { randomUUID } from "node:crypto";
import { createSessionStore } from "coatcheck";
import { ulid } from "ulid";
import { figuresOf } from "../figures.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { claimsOf, storeOptions } from "../subject.ts";

const PER_USER = [1, 3, 100];
const BATCH = 500;
const TTL = 3600;
const USER_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

/** A layout of sessions: how one is written. */
interface Layout extends Contender {
  /** Whether it keeps an index, so that the number of sessions per user matters. */
  readonly indexed: boolean;
  /** What its keys begin with by default: it is a part of every key, and so of what is weighed. */
  readonly prefix: string;
  /** Settings of the server, beyond what it comes with. */
  readonly config?: Readonly<Record<string, string>>;
  open(server: RedisUnderTest): Promise<{
    write(session: number, userId: string): Promise<unknown>;
    close(): unknown;
  }>;
}

const FLOOR = "least: a hash and its index entry";

const layouts: readonly Layout[] = [
  {
    name: "coatcheck",
    does: "the store's create, with three claims",
    ours: true,
    indexed: true,
    prefix: "coatcheck:",
    async open({ client, prefix }) {
      const store = createSessionStore(client, storeOptions(prefix));
      return { write: (_, userId) => store.create({ userId, claims: claimsOf(userId) }), close: () => {} };
    },
  },
  {
    name: "coatcheck, with address and user agent",
    does: "the same, told of the client for a list of devices; Redis's hash-max-listpack-value raised from 64 to 512, as check() advises",
    ours: true,
    indexed: true,
    prefix: "coatcheck:",
    config: { "hash-max-listpack-value": "512" },
    async open({ client, prefix }) {
      const store = createSessionStore(client, storeOptions(prefix));
      const device = { ip: "203.0.113.195", userAgent: USER_AGENT };
      return {
        write: (_, userId) => store.create({ userId, claims: claimsOf(userId), client: device }),
        close: () => {},
      };
    },
  },
  {
    name: FLOOR,
    does: "raw ioredis: a hash of one short field with a TTL, and a member of a sorted set with one; less is not possible with an index",
    givesUp: "all content",
    indexed: true,
    prefix: "coatcheck:",
    async open({ client, prefix }) {
      const later = Date.now() + TTL * 1000;
      return {
        write(_, userId) {
          const id = ulid();
          const key = `${prefix}{000}:s:${id}`;
          const index = `${prefix}{000}:u:${userId}`;
          return client
            .pipeline()
            .hset(key, "h", 1)
            .pexpireat(key, later)
            .zadd(index, later, id)
            .pexpireat(index, later)
            .exec();
        },
        close: () => {},
      };
    },
  },
  {
    name: "connect-redis",
    does: "its set, as express-session calls it: a JSON string with a TTL",
    givesUp: "an index: no list of a user's sessions, no log-out everywhere; and the hashing of its ids",
    indexed: false,
    prefix: "sess:",
    async open({ url, prefix }) {
      const { RedisStore } = await import("connect-redis");
      const { createClient } = await import("redis");
      const client = await createClient({ url }).connect();
      const store = new RedisStore({ client, prefix, ttl: TTL });
      const cookie = { originalMaxAge: null, httpOnly: true, path: "/" };
      return {
        // Its ids are 32 characters (uid-safe of 24 bytes).
        write: (_, userId) =>
          store.set(randomUUID().replaceAll("-", ""), { cookie, userId, ...claimsOf(userId) } as never),
        close: () => client.destroy(),
      };
    },
  },
  {
    name: "redis-sessions",
    does: "its create: a hash, three sorted sets and a set over all sessions of the application, none with a TTL",
    givesUp: "expiry by Redis: its keys stay until its own timer has wiped them",
    indexed: true,
    prefix: "rs:",
    async open({ url, prefix }) {
      const { default: imported } = await import("redis-sessions");
      const RedisSessions = ((imported as { default?: unknown }).default ?? imported) as typeof imported;
      const sessions = new RedisSessions({ namespace: prefix.slice(0, -1), wipe: 0, options: { url } });
      return {
        write: (_, id) => sessions.create({ app: "bench", id, ip: "127.0.0.1", ttl: TTL, d: { ...claimsOf(id) } }),
        close: () => sessions.quit(),
      };
    },
  },
];

export const memory: Scenario = {
  name: "memory",
  shows: "How many bytes of Redis a session takes, its share of the index included.",
  method: [
    "Growth of used_memory over all sessions, divided by their number; each on a server that was empty before, and with the prefix that it has by default (on a server of your own, with a longer one).",
  ],
  limits: [
    "used_memory is what Redis has allocated: fragmentation, replication buffers and the copy-on-write of a snapshot come on top.",
    "Other claims weigh otherwise: every byte of a name or a value counts once.",
  ],
  contenders: layouts,

  async run(bench) {
    const { weighed } = bench.settings;
    bench.progress.begin(
      "memory",
      layouts.reduce((steps, { indexed }) => steps + (indexed ? PER_USER.length : 1), 0),
    );
    for (const layout of layouts) {
      // Without an index it is the same for any number.
      for (const perUser of layout.indexed ? PER_USER : PER_USER.slice(0, 1)) {
        try {
          const bytes = await weigh(bench, layout, weighed, perUser);
          if (bytes === null) break;
          const at = layout.indexed ? { perUser } : { perUser: "any" };
          const series = [{ contender: layout.name, ours: layout.ours ?? false, values: { memory: [bytes] } }];
          bench.record(figuresOf("memory", at, series, undefined));
        } catch (error) {
          bench.signal.throwIfAborted();
          bench.fail(layout.name, error);
          break;
        }
        bench.progress.step(`${layout.name}, ${perUser} per user`);
      }
    }
    bench.progress.end();
  },
};

/** Bytes for each session. `null`: not on this server, which has been reported. */
async function weigh(bench: Bench, layout: Layout, sessions: number, perUser: number): Promise<number | null> {
  if (bench.sharedServer && layout.config !== undefined) {
    bench.skip(layout.name, "it needs another setting of Redis, and somebody else's server is left as it is");
    return null;
  }
  const server = await bench.server();
  for (const [name, value] of Object.entries(layout.config ?? {})) await server.client.config("SET", name, value);
  const prefix = bench.sharedServer ? server.prefix : layout.prefix;
  const { write, close } = await layout.open({ ...server, prefix });
  try {
    // What the first call brings with it, a connection and a script, is not a session's.
    await write(-1, "user-first");
    const before = await server.usedMemory();
    for (let from = 0; from < sessions; from += BATCH) {
      bench.signal.throwIfAborted();
      const size = Math.min(BATCH, sessions - from);
      await Promise.all(
        Array.from({ length: size }, (_, at) => write(from + at, `user${Math.floor((from + at) / perUser)}`)),
      );
    }
    return ((await server.usedMemory()) - before) / sessions;
  } finally {
    await close();
    await server.close();
  }
}
