/** What a session weighs in Redis, its share of the index included. */
import { randomUUID } from "node:crypto";
import { createSessionStore } from "coatcheck";
import { ulid } from "ulid";
import { findNewerServer, type NewerServer } from "../../test/harness/newer-servers.ts";
import { figuresOf } from "../figures.ts";
import { loadCopy } from "../population.ts";
import type { RedisUnderTest, ServerWish } from "../redis-under-test.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { claimsOf, storeOptions } from "../subject.ts";
import { share } from "../workers.ts";

/** How many are under way at once, of each weighing, and how many weighings. */
const WRITERS = 300;
const SCALES = 3;
const TTL = 3600;
const USER_AGENT =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

/** A layout of sessions: how one is written. */
interface Layout extends Contender {
  /** Whether it is weighed on newer servers, too. */
  readonly everywhere?: true;
  /** Whether a quarter of the sessions will do: it takes long to write, or hardly differs from another. */
  readonly fewer?: true;
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

export const FLOOR = "least: a hash and its index entry";
/** Servers whose keys are smaller than those of Redis 7, where Debian's packages of them can be unpacked. */
const NEWER: readonly NewerServer[] = ["redis-server", "valkey-server"];
/** How many times fewer sessions a quarter is: a power of two, so that the tables of keys are just as full. */
const FEWER = 4;

const layouts: readonly Layout[] = [
  {
    name: "coatcheck",
    does: "the store's create, with three claims",
    ours: true,
    everywhere: true,
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
    fewer: true,
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
    does: "raw ioredis: a hash of one short field with a TTL, and a member of a sorted set with one; less is not possible with a key for each session and an index",
    givesUp: "all content",
    everywhere: true,
    indexed: true,
    prefix: "coatcheck:",
    async open({ client, prefix }) {
      const later = Date.now() + TTL * 1000;
      const script = await loadCopy(client);
      return {
        write(_, userId) {
          const id = ulid();
          const keys = [`${prefix}{000}:s:${id}`, `${prefix}{000}:u:${userId}`];
          return client.evalsha(script, 2, ...keys, later, later, id, "h", 1);
        },
        close: () => {},
      };
    },
  },
  {
    name: "connect-redis",
    does: "its set, as express-session calls it: a JSON string with a TTL",
    givesUp: "an index: no list of a user's sessions, no log-out everywhere; and the hashing of its ids",
    everywhere: true,
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
    fewer: true,
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
    "A quarter of the sessions for redis-sessions, for those with a user agent, and on Redis 8 and Valkey 8: the server's tables of keys are then just as full, and what a session takes is the same within a byte or two.",
  ],
  limits: [
    "used_memory is what Redis has allocated: fragmentation, replication buffers and the copy-on-write of a snapshot come on top.",
    "Other claims weigh otherwise: every byte of a name or a value counts once.",
  ],
  contenders: layouts,

  async run(bench) {
    const { weighed, newerServers } = bench.settings;
    if (bench.sharedServer) {
      const why = "it needs another setting of Redis, and somebody else's server is left as it is";
      for (const { name, config } of layouts) if (config !== undefined) bench.skip(name, why);
    }
    const fitting = layouts.filter(({ config }) => !bench.sharedServer || config === undefined);
    await weighAll(bench, fitting, { sessions: weighed });
    if (!newerServers) return;
    const portable = layouts.filter(({ everywhere }) => everywhere);
    for (const name of NEWER) {
      if (bench.sharedServer) {
        bench.skip(`${name} 8`, "one server was asked for");
        continue;
      }
      const found = await findNewerServer(name).catch((error: Error) => error);
      if (found instanceof Error) {
        bench.skip(`${name} 8`, found.message);
        continue;
      }
      const server = found.version.replace(/ server v=/, " ");
      bench.uses(name, server);
      await weighAll(bench, portable, { sessions: weighed / FEWER, at: { server }, wish: { binary: found } });
    }
  },
};

interface Weighing {
  readonly sessions: number;
  /** What distinguishes the figures from those of the machine's own server. */
  readonly at?: { readonly server: string };
  readonly wish?: ServerWish;
}

/** Weighs every layout with every number of sessions per user. Several at once: nothing here is about time. */
async function weighAll(bench: Bench, weighing: readonly Layout[], { sessions, at, wish }: Weighing): Promise<void> {
  // Without an index it is the same for any number.
  const { perUser } = bench.settings;
  const all = weighing.flatMap((layout) =>
    (layout.indexed ? perUser : perUser.slice(0, 1)).map((number) => ({ layout, number })),
  );
  const done = new Map<(typeof all)[number], number>();
  const failed = new Set<Layout>();
  bench.progress.begin(["memory", at?.server].filter(Boolean).join(": "), all.length);
  // On one server for all, each would weigh what the others write.
  await share(all, { workers: bench.sharedServer ? 1 : SCALES }, async (one) => {
    const { layout, number } = one;
    if (failed.has(layout)) return;
    bench.signal.throwIfAborted();
    try {
      done.set(one, await weigh(bench, layout, Math.ceil(layout.fewer ? sessions / FEWER : sessions), number, wish));
    } catch (error) {
      bench.signal.throwIfAborted();
      bench.fail([layout.name, at?.server].filter(Boolean).join(" on "), error);
      failed.add(layout);
    }
    bench.progress.step(`${layout.name}, ${number} per user`);
  });
  bench.progress.end();
  for (const one of all) {
    const bytes = done.get(one);
    if (bytes === undefined) continue;
    const { layout, number } = one;
    const series = [{ contender: layout.name, ours: layout.ours ?? false, values: { memory: [bytes] } }];
    bench.record(figuresOf("memory", { perUser: layout.indexed ? number : "any", ...at }, series, undefined));
  }
}

/** Bytes for each session. */
async function weigh(bench: Bench, layout: Layout, sessions: number, perUser: number, wish?: ServerWish) {
  const server = await bench.server(wish);
  for (const [name, value] of Object.entries(layout.config ?? {})) await server.client.config("SET", name, value);
  const prefix = bench.sharedServer ? server.prefix : layout.prefix;
  const { write, close } = await layout.open({ ...server, prefix });
  try {
    // What the first call brings with it, a connection and a script, is not a session's.
    await write(-1, "user-first");
    const before = await server.usedMemory();
    await share(Array(sessions).keys(), { workers: WRITERS }, (session) => {
      bench.signal.throwIfAborted();
      return write(session, `user${Math.floor(session / perUser)}`);
    });
    return ((await server.usedMemory()) - before) / sessions;
  } finally {
    await close();
    await server.close();
  }
}
