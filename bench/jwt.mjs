/**
 * What a service token saves and what it costs: `verifyService`, which asks nobody, against `store.get`, which asks Redis;
 * and for how long it is accepted when its session has been revoked. Also what a JWT around a session token adds to a
 * lookup. One run, contenders in turn, so that the ratios hold where the figures do not.
 *
 *   npm run build && node bench/jwt.mjs [--redis <url>] [--rounds <n>]
 *
 * It writes under a prefix of its own, removes what it wrote, and never flushes.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { createSessionStore } from "coatcheck";
import { createJwtSessions, createServiceTokenVerifier } from "coatcheck/jwt";
import { Redis } from "ioredis";

const { values } = parseArgs({
  options: {
    redis: { type: "string", default: "redis://127.0.0.1:6379" },
    rounds: { type: "string", default: "15" },
  },
});
const ROUNDS = Number(values.rounds);
const ROUND_MS = 300;
const SESSIONS = 200;
const KEYS = {
  HS256: randomBytes(32),
  EdDSA: generateKeyPairSync("ed25519").privateKey,
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
};

const redis = new Redis(values.redis);
const store = createSessionStore(redis, { prefix: `coatcheck-bench:${process.pid}:` });
const service = { audience: "https://stock.example" };
const jwts = Object.fromEntries(
  Object.entries(KEYS).map(([alg, key]) => [
    alg,
    createJwtSessions(store, {
      key: { kid: alg, alg, key },
      issuer: "https://a.example",
      audience: "https://a.example",
    }),
  ]),
);
const forger = createJwtSessions(store, {
  key: { kid: "HS256", alg: "HS256", key: randomBytes(32) },
  issuer: "https://a.example",
  audience: "https://a.example",
});

const sessions = [];
for (let user = 0; user < SESSIONS; user++) {
  const issued = await store.create({ userId: `user${user}`, claims: { role: "member", plan: "free", locale: "en" } });
  const made = { token: issued.token, forged: await forger.wrap(issued) };
  for (const [alg, each] of Object.entries(jwts)) {
    made[`${alg} session`] = await each.wrap(issued);
    made[`${alg} service`] = () => each.mint(issued.session, { ...service, ttl: 300_000 });
  }
  sessions.push(made);
}

/** Each with whether it is to find a session. */
const contenders = {
  "store.get": [true, ({ token }) => store.get(token)],
  "store.touch": [true, ({ token }) => store.touch(token)],
};
for (const [alg, each] of Object.entries(jwts)) {
  contenders[`verifyService, ${alg}`] = [true, (made) => each.verifyService(made[`${alg} current`], service)];
}
for (const [alg, each] of Object.entries(jwts)) {
  contenders[`verify, ${alg}, then Redis`] = [true, (made) => each.verify(made[`${alg} session`])];
}
contenders["verify, a forged HS256"] = [false, ({ forged }) => jwts.HS256.verify(forged)];
contenders["mint, HS256"] = [true, (made) => made["HS256 service"]()];
contenders["mint, ES256"] = [true, (made) => made["ES256 service"]()];

/** Calls per second. */
async function measure([finds, call], inFlight) {
  const started = performance.now();
  let calls = 0;
  const worker = async () => {
    while (performance.now() < started + ROUND_MS) {
      const answer = await call(sessions[calls++ % SESSIONS]);
      if ((answer !== null) !== finds) throw new Error("a contender answered what it should not");
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (calls / (performance.now() - started)) * 1000;
}

/** How many scripts Redis has run, for whomever. */
async function scriptsRun() {
  return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.info("commandstats"))?.[1] ?? 0);
}

/** How many ms a token goes on being accepted after the revocation of its session. */
async function outlives(ttl, clockTolerance) {
  const options = { key: { kid: "HS256", alg: "HS256", key: KEYS.HS256 }, issuer: "https://a.example" };
  const verifier = createServiceTokenVerifier({ ...options, ...service, clockTolerance });
  const { token, session } = await store.create({ userId: "revoked" });
  const jwt = await jwts.HS256.mint(session, { ...service, ttl });
  await store.revoke(token);
  const revoked = performance.now();
  if ((await store.get(token)) !== null) throw new Error("a revoked session was found");
  while ((await verifier.verify(jwt)) !== null) await new Promise((resolve) => setTimeout(resolve, 5));
  return performance.now() - revoked;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

try {
  console.log(`Node ${process.version}, ${/(?:redis|valkey)_version:\S+/.exec(await redis.info("server"))?.[0]}`);
  console.log(`${ROUNDS} rounds of ${ROUND_MS} ms for each contender, medians`);
  for (const inFlight of [1, 128]) {
    const rounds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const made of sessions) {
        for (const alg of Object.keys(KEYS)) made[`${alg} current`] = await made[`${alg} service`]();
      }
      for (const [name, contender] of Object.entries(contenders)) {
        const perSecond = await measure(contender, inFlight);
        // The first round warms up.
        if (round > 0) rounds[name].push(perSecond);
      }
    }
    console.log(`\n${inFlight} in flight`);
    console.table(
      Object.fromEntries(
        Object.entries(rounds).map(([name, perSecond]) => [
          name,
          {
            "calls/s": Math.round(median(perSecond)),
            "of store.get": Number(median(perSecond.map((each, at) => each / rounds["store.get"][at])).toFixed(2)),
          },
        ]),
      ),
    );
  }

  const before = await scriptsRun();
  for (const { token } of sessions) await store.get(token);
  const between = await scriptsRun();
  for (const made of sessions) await jwts.ES256.verifyService(made["ES256 current"], service);
  const asked = [between - before, (await scriptsRun()) - between];
  console.log(
    `\nRedis was asked ${asked[0]} times for ${SESSIONS} store.get, ${asked[1]} for ${SESSIONS} verifyService`,
  );

  console.log("\nHow long a service token is accepted after its session was revoked, ms");
  const revocations = [1000, 5000, 15_000, 60_000].flatMap((ttl) => [0, 5000].map((tolerance) => [ttl, tolerance]));
  const outlived = await Promise.all(revocations.map(([ttl, tolerance]) => outlives(ttl, tolerance)));
  console.table(
    revocations.map(([ttl, clockTolerance], at) => ({ ttl, clockTolerance, accepted: Math.round(outlived[at]) })),
  );
} finally {
  for (const { token } of sessions) await store.revoke(token);
  redis.disconnect();
}
