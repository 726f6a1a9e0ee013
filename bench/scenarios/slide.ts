/** What it costs to slide the deadline of a session: the server's CPU, and the bytes that it writes to its file and its replica. */
import { createSessionStore, type SessionStore } from "coatcheck";
import { startRedisServer } from "../../test/harness/redis-server.ts";
import { figuresOf, type Metric } from "../figures.ts";
import type { RedisUnderTest } from "../redis-under-test.ts";
import type { Bench, Contender, Scenario } from "../scenario.ts";
import { CALL_TIMEOUT, claimsOf, expectUser } from "../subject.ts";
import { share } from "../workers.ts";

const IN_FLIGHT = 128;
/** The store's defaults: what happens in one idle timeout to a session that is in use all the time. */
const IDLE_TIMEOUT = 30 * 60_000;
const TOUCH_INTERVAL = 60_000;
const STEPS = IDLE_TIMEOUT / TOUCH_INTERVAL;
const SESSIONS = { quick: 200, full: 1_000 };

export const READING = "touch, none slides";
export const SLIDING = "touch, all slide";

/** Lets time pass for a session: all of its instants, its bound in the index and the index's end lie so much earlier. ARGV: ms, id. */
const AGE = `
local created, rest = string.match(redis.call('HGET', KEYS[1], 't'), '^(%d+)(.*)$')
redis.call('HSET', KEYS[1], 't', string.format('%.0f', created - ARGV[1]) .. rest)
redis.call('PEXPIREAT', KEYS[1], redis.call('PEXPIRETIME', KEYS[1]) - ARGV[1])
redis.call('ZINCRBY', KEYS[2], -ARGV[1], ARGV[2])
redis.call('PEXPIREAT', KEYS[2], redis.call('PEXPIRETIME', KEYS[2]) - ARGV[1])`;

/** Some sessions of a contender. */
interface Held {
  /** Runs before each step and is not counted. */
  pass?(step: number): Promise<unknown>;
  /** What one request asks of the store. */
  request(session: number): Promise<unknown>;
  close(): unknown;
}

interface Slider extends Contender {
  open(server: RedisUnderTest, sessions: number): Promise<Held>;
}

/** A contender of ours: `slides` says which sessions an interval has passed for since the step before. */
function ours(number: number, name: string, does: string, slides: (session: number, step: number) => boolean): Slider {
  return {
    name,
    does,
    ours: true,
    async open({ client }, sessions) {
      // As long as the default, because it is a part of every write.
      const prefix = `coatchec${number}:`;
      const store: SessionStore = createSessionStore(client, { prefix, timeout: CALL_TIMEOUT });
      const held: { token: string; keys: [string, string]; id: string }[] = [];
      for (let at = 0; at < sessions; at++) {
        const userId = `user${at}`;
        const { token, session } = await store.create({ userId, claims: claimsOf(userId) });
        const root = `${prefix}{${session.id.slice(10, 13)}}`;
        held.push({ token, id: session.id, keys: [`${root}:s:${session.id}`, `${root}:u:${userId}`] });
      }
      expectUser(name, (await store.touch(held[0]?.token))?.userId);
      return {
        pass: (step) => {
          const due = held.filter((_, session) => slides(session, step));
          const pipeline = client.pipeline();
          for (const { keys, id } of due) pipeline.eval(AGE, 2, ...keys, TOUCH_INTERVAL, id);
          return pipeline.exec();
        },
        request: (session) => store.touch(held[session]?.token),
        close: () => {},
      };
    },
  };
}

/** The least of scripts: it reads the record, and perhaps moves its end. KEYS[1], and the end in ARGV. */
const BARE = {
  reading: "return redis.call('HGETALL', KEYS[1])",
  sliding: "redis.call('PEXPIREAT', KEYS[1], ARGV[1])\nreturn redis.call('HGETALL', KEYS[1])",
};
export const BARE_READING = "bare script, HGETALL";
export const BARE_SLIDING = "bare script, HGETALL and PEXPIREAT";

/** A script over records of ours that does nothing else, so that it says what Redis, its file and its replica take themselves. */
function bare(name: string, does: string, script: string): Slider {
  return {
    name,
    does,
    givesUp: "the check of a secret, deadlines, and an index",
    against: BARE_READING,
    async open({ client }, sessions) {
      const prefix = "coatcheckb:";
      const store = createSessionStore(client, { prefix, timeout: CALL_TIMEOUT });
      const keys: string[] = [];
      for (let at = 0; at < sessions; at++) {
        const { session } = await store.create({ userId: `user${at}`, claims: claimsOf(`user${at}`) });
        keys.push(`${prefix}{${session.id.slice(10, 13)}}:s:${session.id}`);
      }
      const sha = (await client.script("LOAD", script)) as string;
      return {
        request: async (session) => {
          const record = await client.evalsha(sha, 1, keys[session] as string, Date.now() + IDLE_TIMEOUT);
          if (!Array.isArray(record) || record.length === 0) throw new Error("a live session was not found");
        },
        close: () => {},
      };
    },
  };
}

/** connect-redis. `asked` is what a request has it do when it has read the session. */
function connectRedis(name: string, does: string, asked: "touch" | "set"): Slider {
  return {
    name,
    does,
    givesUp: "an interval: it writes for each request, and has neither an absolute deadline nor an index",
    async open({ url }, sessions) {
      const { RedisStore } = await import("connect-redis");
      const { createClient } = await import("redis");
      const client = await createClient({ url }).connect();
      const prefix = asked === "touch" ? "sess:" : "save:";
      const store = new RedisStore({ client, prefix, ttl: IDLE_TIMEOUT / 1000 });
      const cookie = { originalMaxAge: IDLE_TIMEOUT, httpOnly: true, path: "/" };
      const dataOf = (session: number) =>
        ({ cookie, userId: `user${session}`, ...claimsOf(`user${session}`) }) as unknown as Parameters<
          typeof store.set
        >[1];
      // Its ids have 32 characters.
      const idOf = (session: number) => String(session).padStart(32, "0");
      await share(Array(sessions).keys(), { workers: IN_FLIGHT }, (at) => store.set(idOf(at), dataOf(at)));
      expectUser(name, ((await store.get(idOf(0))) as { userId?: string } | undefined)?.userId);
      return {
        request: async (session) => {
          const data = (await store.get(idOf(session))) as unknown as Parameters<typeof store.set>[1];
          return asked === "touch" ? store.touch(idOf(session), data) : store.set(idOf(session), data);
        },
        close: () => client.destroy(),
      };
    },
  };
}

const sliders: readonly Slider[] = [
  ours(1, READING, "a touch within the touch interval: it only reads", () => false),
  ours(
    2,
    "touch, every second slides",
    "each session is touched twice in a touch interval",
    (at, step) => (at + step) % 2 === 0,
  ),
  ours(3, SLIDING, "each session is touched once in a touch interval: every touch slides its deadline", () => true),
  bare(BARE_READING, "raw ioredis: EVALSHA of a script that is nothing but HGETALL of a record", BARE.reading),
  bare(BARE_SLIDING, "the same with PEXPIREAT: what the file and the replica alone make a slide cost", BARE.sliding),
  connectRedis(
    "connect-redis, get + touch",
    "what express-session asks of it for a request: GET, and EXPIRE each time",
    "touch",
  ),
  connectRedis(
    "connect-redis, get + save",
    "what @fastify/session asks of it for a request: GET, and SET each time",
    "set",
  ),
];

export const slide: Scenario = {
  name: "slide",
  shows: "What sliding the deadline costs: CPU of Redis, and bytes to the append-only file and to a replica.",
  method: [
    `One idle timeout at the defaults: ${STEPS} steps of ${TOUCH_INTERVAL / 1000} s, in each of which every session is touched once; time passes by setting the sessions' beginnings and ends back, which is not counted. So the bound in the index is written as often as it would be.`,
    `The bare scripts say how much of that is Redis's own price: a write goes to the file and to the replica. "${BARE_SLIDING}" is a multiple of "${BARE_READING}", all others of "${READING}".`,
    `${IN_FLIGHT} calls in flight, on a private Redis with an append-only file, flushed every second, and a replica. All contenders in turn in each round, on one server.`,
  ],
  limits: ["The master's CPU includes what it takes to send to one replica."],
  contenders: sliders,

  async run(bench) {
    if (bench.sharedServer) return bench.skip("the whole scenario", "it counts what a private server writes");
    const server = await bench.server({ durable: true });
    const replica = await startRedisServer({ args: ["--replicaof", `127.0.0.1 ${server.port}`] });
    bench.defer(() => replica.stop());
    while (!/^slave0:.*state=online/m.test(await server.client.info("replication"))) bench.signal.throwIfAborted();

    const { quick, rounds } = bench.settings;
    const sessions = quick ? SESSIONS.quick : SESSIONS.full;
    const rowsOf = sliders.map((): Spending[] => []);
    const held = await Promise.all(sliders.map((slider) => slider.open(server, sessions)));
    bench.progress.begin(slide.name, (rounds + 1) * sliders.length);
    try {
      // The first round warms up.
      for (let round = 0; round <= rounds; round++) {
        for (const [at, one] of held.entries()) {
          const spent = await idleTimeoutOf(bench, server, one, sessions);
          if (round > 0) rowsOf[at]?.push(spent);
          bench.progress.step(sliders[at]?.name);
        }
      }
    } finally {
      bench.progress.end();
      for (const one of held) one.close();
    }
    const series = sliders.map(({ name, ours = false, against }, at) => {
      const values = Object.fromEntries(SPENT.map((metric) => [metric, (rowsOf[at] ?? []).map((row) => row[metric])]));
      return { contender: name, ours, against, values };
    });
    bench.record(figuresOf(slide.name, { inFlight: IN_FLIGHT }, series, READING));
  },
};

const SPENT = ["server CPU", "append-only file", "replication"] as const satisfies Metric[];
type Spending = Readonly<Record<(typeof SPENT)[number], number>>;

/** What a request costs on average over one idle timeout. */
async function idleTimeoutOf(bench: Bench, server: RedisUnderTest, one: Held, sessions: number): Promise<Spending> {
  const total = { cpu: 0, file: 0, replication: 0 };
  for (let step = 0; step < STEPS; step++) {
    bench.signal.throwIfAborted();
    await one.pass?.(step);
    const before = await countersOf(server);
    await share(Array(sessions).keys(), { workers: IN_FLIGHT }, (session) => one.request(session));
    const after = await countersOf(server);
    for (const name of ["cpu", "file", "replication"] as const) total[name] += after[name] - before[name];
  }
  const calls = STEPS * sessions;
  return {
    "server CPU": total.cpu / calls,
    "append-only file": total.file / calls,
    replication: total.replication / calls,
  };
}

async function countersOf({
  client,
  spent,
}: RedisUnderTest): Promise<{ cpu: number; file: number; replication: number }> {
  const [persistence, replication] = await Promise.all([client.info("persistence"), client.info("replication")]);
  const { cpu } = await spent();
  return {
    cpu,
    file: Number(/^aof_current_size:(\d+)/m.exec(persistence)?.[1]),
    replication: Number(/^master_repl_offset:(\d+)/m.exec(replication)?.[1]),
  };
}
