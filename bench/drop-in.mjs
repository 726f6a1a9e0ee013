/**
 * What a drop-in store costs: `get`, and all that a request which changes nothing asks of it (`get` and `touch`), against
 * connect-redis on the same client, side by side in one run. The absolute figures are this machine's; the ratios are the
 * result.
 *
 *   npm run build && node bench/drop-in.mjs [--redis <url>] [--rounds <n>]
 *
 * It writes under a prefix of its own, removes what it wrote, and never flushes.
 */
import { parseArgs } from "node:util";
import { RedisStore } from "coatcheck/express-session";
import { RedisStore as ConnectRedis } from "connect-redis";
import ConnectRedis7 from "connect-redis7";
import session from "express-session";
import { Redis } from "ioredis";
import { createClient } from "redis";

const { values } = parseArgs({
  options: {
    redis: { type: "string", default: "redis://127.0.0.1:6379" },
    rounds: { type: "string", default: "15" },
  },
});
const ROUNDS = Number(values.rounds);
const ROUND_MS = 300;
const IN_FLIGHT = [1, 16, 128];
const SESSIONS = 1000;

const redis = new Redis(values.redis);
const nodeRedis = createClient({ url: values.redis });
await nodeRedis.connect();
const prefix = `coatcheck-bench:${process.pid}:`;
const stores = {
  "ioredis: connect-redis 7": new ConnectRedis7({ client: redis, prefix }),
  "ioredis: coatcheck": new RedisStore({ client: redis, prefix }),
  "node-redis: connect-redis 9": new ConnectRedis({ client: nodeRedis, prefix }),
  "node-redis: coatcheck": new RedisStore({ client: nodeRedis, prefix }),
};
for (const store of Object.values(stores)) {
  session({ store, secret: "secret", resave: false, saveUninitialized: false });
}
const BASELINE = {
  "ioredis: coatcheck": "ioredis: connect-redis 7",
  "node-redis: coatcheck": "node-redis: connect-redis 9",
};

console.log(`Node ${process.version}, ${/(?:redis|valkey)_version:\S+/.exec(await redis.info("server"))?.[0]}`);
console.log(`${SESSIONS} sessions, ${ROUNDS} rounds of ${ROUND_MS} ms each, medians`);

const ids = Array.from({ length: SESSIONS }, (_, at) => `s${at}`);
const cookieUntil = (expires) => ({ originalMaxAge: 3_600_000, expires, httpOnly: true, path: "/" });
for (const [at, id] of ids.entries()) {
  const cookie = cookieUntil(new Date(Date.now() + 3_600_000));
  const session = {
    cookie,
    user: `user${at}`,
    email: "ada@example.com",
    role: "member",
    csrf: "x".repeat(24),
    views: at,
  };
  await stores["ioredis: coatcheck"].set(id, session);
}

/** As express-session calls them: by callback, and with the session that came. */
const get = (store, id) =>
  new Promise((resolve, reject) => {
    store.get(id, (error, session) => (error || !session ? reject(error ?? new Error("not found")) : resolve(session)));
  });
const operations = {
  get,
  "get and touch": async (store, id) => {
    const session = await get(store, id);
    session.cookie = cookieUntil(new Date(Date.now() + 3_600_000));
    await new Promise((resolve, reject) => {
      store.touch(id, session, (error) => (error ? reject(error) : resolve()));
    });
  },
};

async function measure(call, store, inFlight) {
  const [started, before] = [performance.now(), process.cpuUsage()];
  const end = started + ROUND_MS;
  let calls = 0;
  const worker = async () => {
    while (performance.now() < end) await call(store, ids[calls++ % SESSIONS]);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const { user, system } = process.cpuUsage(before);
  return { perSecond: (calls / (performance.now() - started)) * 1000, cpu: (user + system) / calls };
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

try {
  for (const [operation, call] of Object.entries(operations)) {
    for (const inFlight of IN_FLIGHT) {
      const rounds = Object.fromEntries(Object.keys(stores).map((name) => [name, []]));
      // One store after another, round by round, so that a busy moment of the machine hits all of them.
      for (let round = 0; round <= ROUNDS; round++) {
        for (const [name, store] of Object.entries(stores)) {
          const result = await measure(call, store, inFlight);
          if (round > 0) rounds[name].push(result);
        }
      }
      const ratio = (name, baseline) =>
        median(rounds[name].map(({ perSecond }, at) => perSecond / rounds[baseline][at].perSecond));
      console.log(`\n${operation}, ${inFlight} in flight`);
      console.table(
        Object.fromEntries(
          Object.entries(rounds).map(([name, results]) => [
            name,
            {
              "calls/s": Math.round(median(results.map(({ perSecond }) => perSecond))),
              "of connect-redis": BASELINE[name] && Number(ratio(name, BASELINE[name]).toFixed(2)),
              // What a busy machine does not change much: the time that this process takes for a call.
              "CPU µs": Number(median(results.map(({ cpu }) => cpu)).toFixed(1)),
            },
          ]),
        ),
      );
    }
  }
} finally {
  await stores["ioredis: coatcheck"].clear();
  redis.disconnect();
  nodeRedis.destroy();
}
