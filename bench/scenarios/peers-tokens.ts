/** The contenders that verify a token: alone, and with the question to Redis that makes it revocable. */

import type { KeyLike } from "node:crypto";
import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import type { ClientContender, Opened, Place } from "../scenario.ts";
import { claimsOf, expectUser, SESSIONS } from "../subject.ts";

const users = Array.from({ length: SESSIONS }, (_, at) => `user${at}`);

const STATELESS = "revocation: who has logged out or was blocked goes on until the token expires, and so do old claims";
const SEALED = `${STATELESS}; the cookie grows with the data`;

type Algorithm = "HS256" | "ES256" | "EdDSA" | "RS256";

/** A key to sign with and one to verify with. */
function keysFor(algorithm: Algorithm): { sign: KeyLike | Uint8Array; verify: KeyLike | Uint8Array } {
  if (algorithm === "HS256") {
    const secret = new Uint8Array(randomBytes(32));
    return { sign: secret, verify: secret };
  }
  const { privateKey, publicKey } =
    algorithm === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : algorithm === "EdDSA"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { sign: privateKey, verify: publicKey };
}

/** JWTs of all users, signed and verified with jose. `verify` gives the payload. */
async function openJose(algorithm: Algorithm) {
  const { jwtVerify, SignJWT } = await import("jose");
  const { sign, verify } = keysFor(algorithm);
  const jwts = await Promise.all(
    users.map((userId) =>
      new SignJWT({ ...claimsOf(userId) })
        .setProtectedHeader({ alg: algorithm })
        .setSubject(userId)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime("1h")
        .sign(sign as never),
    ),
  );
  const options = { algorithms: [algorithm] };
  return {
    jwts,
    verify: async (turn: number) =>
      (await jwtVerify(jwts[turn % SESSIONS] as string, verify as never, options)).payload,
  };
}

function jose(algorithm: Algorithm): ClientContender {
  return {
    name: `jose ${algorithm}`,
    does: `jwtVerify of a JWT signed with ${algorithm}, no Redis`,
    givesUp: STATELESS,
    stateless: true,
    open: async () => {
      const { verify } = await openJose(algorithm);
      expectUser("jose", (await verify(0)).sub);
      return { call: verify };
    },
  };
}

const jsonwebtoken: ClientContender = {
  name: "jsonwebtoken HS256",
  does: "jwt.verify, no Redis",
  givesUp: STATELESS,
  stateless: true,
  open: async () => {
    const { default: jwt } = await import("jsonwebtoken");
    const key = randomBytes(32);
    const jwts = users.map((subject) => jwt.sign({ ...claimsOf(subject) }, key, { subject, expiresIn: "1h" }));
    return verifier((token) => jwt.verify(token, key, { algorithms: ["HS256"] }), jwts);
  },
};

function fastJwt(algorithm: "HS256" | "ES256" | "EdDSA", cache: boolean): ClientContender {
  return {
    name: `fast-jwt ${algorithm}${cache ? ", cached" : ""}`,
    does: cache
      ? "createVerifier with its cache: a token seen before is looked up in memory"
      : `createVerifier, ${algorithm}, no Redis`,
    givesUp: STATELESS,
    stateless: true,
    open: async () => {
      const { createSigner, createVerifier } = await import("fast-jwt");
      const { sign, verify } = keysFor(algorithm);
      const pem = (key: KeyLike | Uint8Array) =>
        key instanceof Uint8Array
          ? Buffer.from(key)
          : (key as import("node:crypto").KeyObject).export({
              format: "pem",
              type: key === verify ? "spki" : "pkcs8",
            });
      const signer = createSigner({ key: pem(sign), algorithm, expiresIn: 3_600_000 });
      const jwts = users.map((userId) => signer({ sub: userId, ...claimsOf(userId) }));
      const verifyOne = createVerifier({ key: pem(verify), algorithms: [algorithm], cache });
      return verifier((token) => verifyOne(token), jwts);
    },
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
    const seals = await Promise.all(users.map((userId) => sealData({ userId, ...claimsOf(userId) }, { password })));
    const call = (turn: number) => unsealData<{ userId?: string }>(seals[turn % SESSIONS] as string, { password });
    expectUser("iron-session", (await call(0)).userId);
    return { call };
  },
};

async function connect({ urls }: Place) {
  const { Redis } = await import("ioredis");
  return new Redis(urls[0] as string);
}

const denyList: ClientContender = {
  name: "JWT + deny-list in Redis",
  does: "jose HS256, then EXISTS of the token's id in a list of what was revoked, by ioredis",
  givesUp:
    "fresh claims, a list of a user's sessions, idle deadlines; blocking a user means to know all of their token ids",
  open: async (place) => {
    const { verify } = await openJose("HS256");
    const redis = await connect(place);
    await redis.set(`${place.prefix}denied:${randomUUID()}`, 1, "EX", 3600);
    return {
      call: async (turn) => {
        const payload = await verify(turn);
        return (await redis.exists(`${place.prefix}denied:${payload.jti}`)) === 0 && payload;
      },
    };
  },
};

const sessionCheck: ClientContender = {
  name: "JWT + session in Redis",
  does: "jose HS256, then GET of the session that the token names and JSON.parse, by ioredis: forged tokens never reach Redis",
  givesUp:
    "nothing that Redis decides, as long as it has the last word; every request pays for the signature and for the lookup",
  open: async (place) => {
    const { verify } = await openJose("HS256");
    const redis = await connect(place);
    for (const [at, userId] of users.entries()) {
      const { jti } = await verify(at);
      await redis.set(`${place.prefix}${jti}`, JSON.stringify({ userId, ...claimsOf(userId) }), "EX", 3600);
    }
    return {
      call: async (turn) => {
        const { jti } = await verify(turn);
        const text = await redis.get(`${place.prefix}${jti}`);
        return text !== null && JSON.parse(text);
      },
    };
  },
};

export const tokens: readonly ClientContender[] = [
  jose("HS256"),
  jose("ES256"),
  jose("EdDSA"),
  jose("RS256"),
  jsonwebtoken,
  fastJwt("HS256", false),
  fastJwt("HS256", true),
  fastJwt("ES256", false),
  fastJwt("EdDSA", false),
  ironSession,
  denyList,
  sessionCheck,
];
