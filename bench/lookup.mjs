/**
 * What a lookup costs: `get` and `touch` against a raw ioredis `HGETALL` of the same record, side by side in one run.
 * The absolute figures are this machine's; the ratios are the result.
 *
 *   npm run build && node bench/lookup.mjs [--redis <url>] [--rounds <n>]
 *
 * It writes under a prefix of its own, removes what it wrote, and never flushes.
 */
import { parseArgs } from "node:util";
import { createSessionStore } from "coatcheck";
import { Redis } from "ioredis";

const { values } = parseArgs({
  options: {
    redis: { type: "string", default: "redis://127.0.0.1:6379" },
    rounds: { type: "string", default: "15" },
    claims: { type: "string", default: "3" },
  },
});
const ROUNDS = Number(values.rounds);
const ROUND_MS = 400;
const IN_FLIGHT = [1, 16, 128];
const SESSIONS = 1000;
const CLAIMS = [
  ["user_name", "ada"],
  ["email", "ada@example.com"],
  ["role", "member"],
  ["plan", "premium"],
  ["locale", "en-GB"],
].slice(0, Number(values.claims));

const redis = new Redis(values.redis);
const prefix = `coatcheck-bench:${process.pid}:`;
const store = createSessionStore(redis, { prefix });

console.log(`Node ${process.version}, ${/(?:redis|valkey)_version:\S+/.exec(await redis.info("server"))?.[0]}`);
console.log(`${SESSIONS} sessions, ${CLAIMS.length} claims, ${ROUNDS} rounds of ${ROUND_MS} ms each, medians`);

const sessions = [];
for (let i = 0; i < SESSIONS; i++) {
  const { token, session } = await store.create({ userId: `user${i}`, claims: Object.fromEntries(CLAIMS) });
  const key = `${prefix}{${session.id.slice(10, 13)}}:s:${session.id}`;
  // What a session looks like without any packing: a field for each thing that is known of it.
  const flat = `${key}:flat`;
  const { claims, client, ...system } = session;
  await redis.hset(flat, { ...system, secretHash: "x".repeat(43), ...claims });
  await redis.pexpire(flat, 3_600_000);
  sessions.push({ token, key, flat });
}

const contenders = {
  "HGETALL of the record": ({ key }) => redis.hgetall(key),
  "HGETALL of a flat record": ({ flat }) => redis.hgetall(flat),
  get: ({ token }) => store.get(token),
  "touch, no write due": ({ token }) => store.touch(token),
};

/** Calls per second of one contender, and the latency of each call in microseconds. */
async function measure(call, inFlight) {
  const end = performance.now() + ROUND_MS;
  const started = performance.now();
  let calls = 0;
  const latencies = [];
  const worker = async () => {
    for (let now = performance.now(); now < end; now = performance.now()) {
      const answer = await call(sessions[calls++ % SESSIONS]);
      if (answer === null) throw new Error("a live session was not found");
      if (inFlight === 1) latencies.push((performance.now() - now) * 1000);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { perSecond: (calls / (performance.now() - started)) * 1000, p50: median(latencies) };
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

try {
  for (const inFlight of IN_FLIGHT) {
    const rounds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    // One contender after another, round by round, so that a busy moment of the machine hits all of them.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, call] of Object.entries(contenders)) {
        const result = await measure(call, inFlight);
        if (round > 0) rounds[name].push(result);
      }
    }
    const ratios = (name, baseline) => median(rounds[name].map((r, i) => r.perSecond / rounds[baseline][i].perSecond));
    console.log(`\n${inFlight} in flight`);
    console.table(
      Object.fromEntries(
        Object.entries(rounds).map(([name, results]) => [
          name,
          {
            "calls/s": Math.round(median(results.map((r) => r.perSecond))),
            "p50 µs": inFlight === 1 ? Math.round(median(results.map((r) => r.p50))) : undefined,
            "of HGETALL": Number(ratios(name, "HGETALL of the record").toFixed(2)),
            "of flat HGETALL": Number(ratios(name, "HGETALL of a flat record").toFixed(2)),
          },
        ]),
      ),
    );
  }
} finally {
  for (const { token, flat } of sessions) {
    await redis.del(flat);
    await store.revoke(token);
  }
  redis.disconnect();
}
