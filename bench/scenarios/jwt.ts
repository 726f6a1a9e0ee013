/** What a JWT saves beside a session and what it costs: service tokens that ask nobody, and a session token in a JWT. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Session, SessionStore } from "coatcheck";
import type { JwtAlgorithm, JwtKeyMaterial } from "coatcheck/jwt";
import { openField } from "../field.ts";
import { figuresOf } from "../figures.ts";
import type { Bench, ClientContender, Opened, Place, Scenario } from "../scenario.ts";
import { claimsOf, storeOptions, USERS } from "../subject.ts";

const IN_FLIGHT = [1, 128];
const ISSUER = "https://shop.example";
const SERVICE = { audience: "https://stock.example" };
/** The longest life of a service token. They are minted anew before each round. */
const TTL = 300_000;
/** So few that minting them costs less than the round itself. */
const SAMPLE = 200;
const BASELINE = "store.get";

/**
 * A key by way of its text. In Node.js 20, a KeyObject straight from the generator can lock up its process for ever when it is
 * exported as a JWK, as jose does, in the moment in which the generator is collected as garbage.
 */
function readKey({ privateKey }: { readonly privateKey: KeyObject }): KeyObject {
  return createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }));
}

const KEYS = {
  HS256: () => randomBytes(32),
  RS256: () => readKey(generateKeyPairSync("rsa", { modulusLength: 2048 })),
  ES256: () => readKey(generateKeyPairSync("ec", { namedCurve: "P-256" })),
  EdDSA: () => readKey(generateKeyPairSync("ed25519")),
} satisfies Partial<Record<JwtAlgorithm, () => JwtKeyMaterial>>;

type Algorithm = keyof typeof KEYS;
type Issued = { readonly token: string; readonly session: Session };

async function connect(place: Pick<Place, "urls" | "prefix">) {
  const { createSessionStore } = await import("coatcheck");
  const { Redis } = await import("ioredis");
  const redis = new Redis(place.urls[0] as string);
  return { redis, store: createSessionStore(redis, storeOptions(place.prefix)) };
}

async function jwtsOf(store: SessionStore, alg: Algorithm) {
  const { createJwtSessions } = await import("coatcheck/jwt");
  return createJwtSessions(store, { key: { kid: alg, alg, key: KEYS[alg]() }, issuer: ISSUER, audience: ISSUER });
}
type Jwts = Awaited<ReturnType<typeof jwtsOf>>;

/** A contender over sessions that live in Redis. */
function contender(
  facts: Omit<ClientContender, "open">,
  algorithm: Algorithm,
  open: (jwts: Jwts, issued: readonly Issued[], store: SessionStore) => Promise<Opened> | Opened,
): ClientContender {
  return {
    ...facts,
    ours: true,
    async open(place) {
      const { store } = await connect(place);
      const sample = USERS.slice(0, SAMPLE);
      const issued = await Promise.all(sample.map((userId) => store.create({ userId, claims: claimsOf(userId) })));
      return open(await jwtsOf(store, algorithm), issued, store);
    },
  };
}

const at = <T>(list: readonly T[], turn: number) => list[turn % list.length] as T;

const lookUp = contender(
  { name: BASELINE, does: "coatcheck: the session by its opaque token, one round trip" },
  "HS256",
  (_jwts, issued, store) => ({ call: (turn) => store.get(at(issued, turn).token) }),
);

/** Those that show in a quick run what the others show, too. */
const QUICK: readonly Algorithm[] = ["HS256", "ES256"];

function verifyService(algorithm: Algorithm): ClientContender {
  return contender(
    {
      ...(!QUICK.includes(algorithm) && { notInQuick: true as const }),
      name: `verifyService, ${algorithm}`,
      does: `coatcheck/jwt: a service token signed with ${algorithm}, as the other service verifies it; asks nobody`,
      givesUp: "revocation: a service token is good until it expires, five minutes at the most",
      stateless: true,
    },
    algorithm,
    (jwts, issued) => {
      let tokens: string[] = [];
      return {
        prepare: async () => {
          tokens = await Promise.all(issued.map(({ session }) => jwts.mint(session, { ...SERVICE, ttl: TTL })));
        },
        call: (turn) => jwts.verifyService(at(tokens, turn), SERVICE),
      };
    },
  );
}

function verify(algorithm: Algorithm): ClientContender {
  return contender(
    {
      name: `verify, ${algorithm}`,
      does: `coatcheck/jwt: a session token in a JWT signed with ${algorithm}: the signature first, then Redis`,
    },
    algorithm,
    async (jwts, issued) => {
      const tokens = await Promise.all(issued.map((one) => jwts.wrap(one)));
      return { call: (turn) => jwts.verify(at(tokens, turn)) };
    },
  );
}

const forged = contender(
  {
    name: "verify, a forged HS256",
    does: "coatcheck/jwt: the same with another's key: refused before Redis is asked",
    stateless: true,
  },
  "HS256",
  async (jwts, issued, store) => {
    const forger = await jwtsOf(store, "HS256");
    const tokens = await Promise.all(issued.map((one) => forger.wrap(one)));
    // What is found here is that nothing was accepted.
    return { call: async (turn) => (await jwts.verify(at(tokens, turn))) === null };
  },
);

function mint(algorithm: Algorithm): ClientContender {
  return contender(
    { name: `mint, ${algorithm}`, does: `coatcheck/jwt: signs a service token with ${algorithm}`, stateless: true },
    algorithm,
    (jwts, issued) => ({ call: (turn) => jwts.mint(at(issued, turn).session, { ...SERVICE, ttl: TTL }) }),
  );
}

const algorithms = Object.keys(KEYS) as Algorithm[];
const contenders: readonly ClientContender[] = [
  lookUp,
  ...algorithms.map(verifyService),
  verify("HS256"),
  verify("ES256"),
  forged,
  mint("HS256"),
  mint("ES256"),
];

/** How long service tokens live, and how far the clocks of two servers may lie apart, ms. */
const LIVES = [1_000, 5_000].flatMap((ttl) => [0, 5_000].map((clockTolerance) => ({ ttl, clockTolerance })));

export const jwt: Scenario = {
  name: "jwt",
  shows: "What coatcheck/jwt saves and costs beside a lookup, and for how long a service token outlives its session.",
  method: [
    `Ratios are to ${BASELINE}. 200 sessions each; service tokens are minted anew before each round.`,
    "Still accepted: a service token is minted as a second of the clock begins, its session revoked, and the token verified every 5 ms: how long it goes on, counted from the answer to the revocation.",
  ],
  limits: [
    "A service token saves the way to Redis, which is next to nothing here and a network's round trip elsewhere; the processor's time for the signature stays.",
  ],
  contenders,
  notInQuick: true,

  async run(bench) {
    const server = await bench.server();
    const place = { urls: [server.url], cluster: false, prefix: `${server.prefix}jwt:` };
    const field = await openField(bench, { scenario: jwt.name, contenders, baseline: BASELINE }, [
      { place, spent: () => server.spent() },
    ]);
    await field.underLoad(IN_FLIGHT);
    await field.close();
    await outlive(bench, place);
  },
};

/** Watches service tokens of revoked sessions until they are refused; all at once, as nothing here is about speed. */
async function outlive(bench: Bench, place: Pick<Place, "urls" | "prefix">): Promise<void> {
  const { createJwtSessions, createServiceTokenVerifier } = await import("coatcheck/jwt");
  const { redis, store } = await connect(place);
  bench.defer(() => redis.disconnect());
  const key = { kid: "HS256", alg: "HS256", key: KEYS.HS256() } as const;
  const jwts = createJwtSessions(store, { key, issuer: ISSUER, audience: ISSUER });
  const lives = bench.settings.quick ? LIVES.slice(0, 1) : LIVES;
  bench.progress.begin("jwt: still accepted", lives.length);
  await Promise.all(
    lives.map(async ({ ttl, clockTolerance }) => {
      // `exp` has whole seconds: minted when one begins, a token lives longest.
      await sleep(1000 - (Date.now() % 1000), undefined, { signal: bench.signal });
      const verifier = createServiceTokenVerifier({ key, issuer: ISSUER, ...SERVICE, clockTolerance });
      const { token, session } = await store.create({ userId: "revoked" });
      const serviceToken = await jwts.mint(session, { ...SERVICE, ttl });
      await store.revoke(token);
      const revoked = performance.now();
      if ((await store.get(token)) !== null) throw new Error("a revoked session was found");
      while ((await verifier.verify(serviceToken)) !== null) await sleep(5, undefined, { signal: bench.signal });
      const seconds = (performance.now() - revoked) / 1000;
      const series = [{ contender: "service token", ours: true, values: { "still accepted": [seconds] } }];
      bench.record(figuresOf(jwt.name, { ttl: ttl / 1000, clockTolerance: clockTolerance / 1000 }, series, undefined));
      bench.progress.step(`${ttl} ms`);
    }),
  );
  bench.progress.end();
}
