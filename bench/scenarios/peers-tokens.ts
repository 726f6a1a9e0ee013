/** The contenders that verify a token: alone, and with the question to Redis that makes it revocable. */
import { createSecretKey, generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import type { ClientContender, Opened, Place } from "../scenario.ts";
import { claimsOf, expectUser, SESSIONS, USERS } from "../subject.ts";

const STATELESS =
  "revocation: a user who has logged out or was blocked goes on until the token expires, and so do old claims";
const SEALED = `${STATELESS}; the cookie grows with the data`;

/** More than there are tokens: a cache that is one too small throws each token out just before it comes again. */
const ROOM = 2 * SESSIONS;

type Algorithm = "HS256" | "ES256" | "EdDSA" | "RS256";

/**
 * JWTs of all users, signed and verified with jose, which is fastest with keys of its own kind (CryptoKey), imported once.
 * `asBytes`: with the secret as the bytes that its examples have, which it then imports for every token.
 */
async function openJose(algorithm: Algorithm, asBytes = false) {
  const { generateKeyPair, generateSecret, jwtVerify, SignJWT } = await import("jose");
  const secret = asBytes ? new Uint8Array(randomBytes(32)) : await generateSecret("HS256");
  const { privateKey, publicKey } =
    algorithm === "HS256" ? { privateKey: secret, publicKey: secret } : await generateKeyPair(algorithm);
  const jwts = await Promise.all(
    USERS.map((userId) =>
      new SignJWT({ ...claimsOf(userId) })
        .setProtectedHeader({ alg: algorithm })
        .setSubject(userId)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(privateKey),
    ),
  );
  const options = { algorithms: [algorithm] };
  return async (turn: number) => (await jwtVerify(jwts[turn % SESSIONS] as string, publicKey, options)).payload;
}

function jose(algorithm: Algorithm, rest: Partial<ClientContender> = {}, asBytes = false): ClientContender {
  return {
    name: `jose ${algorithm}${asBytes ? ", secret as bytes" : ""}`,
    does: asBytes
      ? "the same with the secret as bytes, as its examples have it: it is imported anew for every token"
      : `jwtVerify of a JWT signed with ${algorithm}, the key imported once, no Redis`,
    givesUp: STATELESS,
    stateless: true,
    ...rest,
    open: async () => {
      const verify = await openJose(algorithm, asBytes);
      expectUser("jose", (await verify(0)).sub);
      return { call: verify };
    },
  };
}

function jsonwebtoken(asBytes: boolean): ClientContender {
  return {
    name: `jsonwebtoken HS256${asBytes ? ", secret as bytes" : ""}`,
    does: asBytes
      ? "the same with the secret as bytes, which it takes for a public key first, for every token"
      : "jwt.verify with a KeyObject made once, no Redis",
    givesUp: STATELESS,
    stateless: true,
    ...(asBytes && { notInQuick: true }),
    open: async () => {
      const { default: jwt } = await import("jsonwebtoken");
      const bytes = randomBytes(32);
      const key = asBytes ? bytes : createSecretKey(bytes);
      const jwts = USERS.map((subject) => jwt.sign({ ...claimsOf(subject) }, key, { subject, expiresIn: "1h" }));
      return verifier((token) => jwt.verify(token, key, { algorithms: ["HS256"] }), jwts);
    },
  };
}

function fastJwt(
  algorithm: "HS256" | "ES256" | "EdDSA",
  cache: boolean,
  rest: Partial<ClientContender> = {},
): ClientContender {
  return {
    name: `fast-jwt ${algorithm}${cache ? ", cached" : ""}`,
    does: cache
      ? "createVerifier with its cache: a token seen before is looked up in memory"
      : `createVerifier, ${algorithm}, no Redis`,
    givesUp: STATELESS,
    stateless: true,
    ...rest,
    open: async () => {
      const { createSigner, createVerifier } = await import("fast-jwt");
      const { sign, verify } = pemsFor(algorithm);
      const signer = createSigner({ key: sign, algorithm, expiresIn: 3_600_000 });
      const jwts = USERS.map((userId) => signer({ sub: userId, ...claimsOf(userId) }));
      const verifyOne = createVerifier({ key: verify, algorithms: [algorithm], cache: cache && ROOM });
      return verifier((token) => verifyOne(token), jwts);
    },
  };
}

/** A key to sign with and one to verify with, as text: fast-jwt takes nothing else, and prepares it once. */
function pemsFor(algorithm: "HS256" | "ES256" | "EdDSA"): { sign: string | Buffer; verify: string | Buffer } {
  if (algorithm === "HS256") {
    const secret = randomBytes(32);
    return { sign: secret, verify: secret };
  }
  const { privateKey, publicKey } =
    algorithm === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
  return {
    sign: privateKey.export({ format: "pem", type: "pkcs8" }),
    verify: publicKey.export({ format: "pem", type: "spki" }),
  };
}

function verifier(verify: (token: string) => unknown, jwts: readonly string[]): Opened {
  expectUser("The verifier", (verify(jwts[0] as string) as { sub?: unknown }).sub);
  return { call: (turn) => verify(jwts[turn % SESSIONS] as string) };
}

const ironSession: ClientContender = {
  name: "iron-session",
  does: "unsealData: the whole session is an encrypted cookie, no Redis",
  givesUp: SEALED,
  stateless: true,
  open: async () => {
    const { sealData, unsealData } = await import("iron-session");
    const password = randomBytes(24).toString("hex");
    const seals = await Promise.all(USERS.map((userId) => sealData({ userId, ...claimsOf(userId) }, { password })));
    const call = (turn: number) => unsealData<{ userId?: string }>(seals[turn % SESSIONS] as string, { password });
    expectUser("iron-session", (await call(0)).userId);
    return { call };
  },
};

type Redis = import("ioredis").Redis;
type Payload = import("jose").JWTPayload;

/** A JWT that is verified first, and then asked about in Redis: garbage never reaches it. */
function jwtAndRedis(
  contender: Omit<ClientContender, "open">,
  /** Stores what is asked about. */
  store: (redis: Redis, prefix: string, payloads: readonly Payload[]) => Promise<unknown>,
  ask: (redis: Redis, prefix: string, payload: Payload) => Promise<unknown>,
): ClientContender {
  return {
    ...contender,
    open: async ({ urls, prefix }: Place) => {
      const { Redis } = await import("ioredis");
      const redis = new Redis(urls[0] as string);
      const verify = await openJose("HS256");
      await store(redis, prefix, await Promise.all(USERS.map((_, at) => verify(at))));
      return { call: async (turn) => ask(redis, prefix, await verify(turn)) };
    },
  };
}

const denyList = jwtAndRedis(
  {
    name: "JWT + deny-list in Redis",
    does: "jose HS256, then EXISTS of the token's id in a list of what was revoked, by ioredis",
    givesUp:
      "fresh claims, a list of a user's sessions, idle deadlines; blocking a user means to know all of their token ids",
  },
  (redis, prefix) => redis.set(`${prefix}denied:${randomUUID()}`, 1, "EX", 3600),
  async (redis, prefix, payload) => (await redis.exists(`${prefix}denied:${payload.jti}`)) === 0 && payload,
);

const sessionCheck = jwtAndRedis(
  {
    name: "JWT + session in Redis",
    does: "jose HS256, then GET of the session that the token names and JSON.parse, by ioredis",
    givesUp:
      "nothing that Redis decides, as long as it has the last word; every request pays for the signature and for the lookup",
  },
  (redis, prefix, payloads) => {
    const sessions = payloads.map(({ jti, sub = "" }) => [jti, JSON.stringify({ userId: sub, ...claimsOf(sub) })]);
    return Promise.all(sessions.map(([jti, session = ""]) => redis.set(`${prefix}${jti}`, session, "EX", 3600)));
  },
  async (redis, prefix, { jti }) => {
    const text = await redis.get(`${prefix}${jti}`);
    return text !== null && JSON.parse(text);
  },
);

const VARIANT = { notInQuick: true } as const;

export const tokens: readonly ClientContender[] = [
  jose("HS256"),
  jose("HS256", VARIANT, true),
  jose("ES256"),
  jose("EdDSA", VARIANT),
  jose("RS256", VARIANT),
  jsonwebtoken(false),
  jsonwebtoken(true),
  fastJwt("HS256", false),
  fastJwt("HS256", true),
  fastJwt("ES256", false, VARIANT),
  fastJwt("EdDSA", false, VARIANT),
  ironSession,
  denyList,
  sessionCheck,
];
