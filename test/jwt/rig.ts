/** What the tests of coatcheck/jwt share: keys, a store on a server of its own, and a forger who writes any JWT. */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { createSessionStore, type SessionStore } from "../../src/index.js";
import { createJwtSessions, type JwtKey, type JwtSessions } from "../../src/jwt.js";
import type { RejectionReason } from "../../src/sessions/events.js";
import { commandsDuring } from "../harness/commandstats.js";
import { afterFile, connect, guardKeyspace, uniquePrefix } from "../harness/fixtures.js";
import { startRedisServer } from "../harness/redis-server.js";

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "https://app.example";
export const SERVICE = "https://stock.example";
export const SESSION_TYPE = "coatcheck-session+jwt";
export const SERVICE_TYPE = "coatcheck-service+jwt";

export const secret = randomBytes(32);
export const rsa = keyPair(generateKeyPairSync("rsa", { modulusLength: 2048 }));
export const ec = keyPair(generateKeyPairSync("ec", { namedCurve: "P-256" }));
export const ed = keyPair(generateKeyPairSync("ed25519"));

/** A key pair by way of its text: one fresh from its generator can lock Node.js 20 up (see `copyOf` in the source). */
export function keyPair({ privateKey }: { readonly privateKey: KeyObject }): {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
} {
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { privateKey: createPrivateKey(pem), publicKey: createPublicKey(pem) };
}

/** One key of each kind. The first signs. */
export const keys = [
  { kid: "ec", alg: "ES256", key: ec.privateKey },
  { kid: "secret", alg: "HS256", key: secret },
  { kid: "rsa", alg: "RS256", key: rsa.privateKey },
  { kid: "ed", alg: "EdDSA", key: ed.privateKey },
] as const satisfies readonly JwtKey[];

/** The same as whoever only verifies holds them. */
export const publicKeys = [
  { kid: "ec", alg: "ES256", key: ec.publicKey },
  { kid: "secret", alg: "HS256", key: secret },
  { kid: "rsa", alg: "RS256", key: rsa.publicKey },
  { kid: "ed", alg: "EdDSA", key: ed.publicKey },
] as const satisfies readonly JwtKey[];

export type Members = Record<string, unknown>;

/** The header that coatcheck writes for a key. */
export const headerOf = (kid: (typeof keys)[number]["kid"], typ: string): Members => ({
  alg: keys.find((key) => key.kid === kid)?.alg,
  typ,
  kid,
});

/** How to sign, by the name of the algorithm. */
export const signers = {
  none: () => Buffer.alloc(0),
  HS256: (input: string, key: string | Uint8Array) => createHmac("sha256", key).update(input).digest(),
  RS256: (input: string, key: KeyObject) => sign("sha256", Buffer.from(input), key),
  PS256: (input: string, key: KeyObject) => sign("sha256", Buffer.from(input), { key, padding: 6, saltLength: 32 }),
  ES256: (input: string, key: KeyObject) => sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }),
  /** A signature as OpenSSL writes it, which JWTs do not use. */
  ES256asDer: (input: string, key: KeyObject) => sign("sha256", Buffer.from(input), key),
  EdDSA: (input: string, key: KeyObject) => sign(null, Buffer.from(input), key),
};

type Signer = (input: string) => Buffer;

/** Signs as the owner of the first key does. */
export const asOwner: Signer = (input) => signers.ES256(input, ec.privateKey);

/** base64url of a text, of bytes, or of an object as JSON. */
export function encode(value: Members | string | Uint8Array): string {
  const text = typeof value === "string" || value instanceof Uint8Array ? value : JSON.stringify(value);
  return Buffer.from(text as string).toString("base64url");
}

/** A JWT with any header and payload, signed in any way. */
export function forge(header: Members | string, payload: Members | string | Uint8Array, signer: Signer): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${signer(input).toString("base64url")}`;
}

/** The header and the payload of a JWT. */
export function parts(jwt: string): [header: Members, payload: Members] {
  const [header, payload] = jwt.split(".").map((each) => Buffer.from(each, "base64url").toString());
  return [JSON.parse(header ?? ""), JSON.parse(payload ?? "")];
}

/** A second in the life of a JWT, counted from now. */
export const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow;

export interface Rejection {
  readonly id: string | null;
  readonly reason: RejectionReason;
}

export interface JwtRig {
  readonly store: SessionStore;
  readonly jwts: JwtSessions;
  /** Refusals since the last call. */
  rejections(): Rejection[];
  /** The commands that Redis ran during `act`, by name. */
  costOf(act: () => Promise<unknown>): Promise<Record<string, number>>;
}

/** A store on a server that nobody else talks to, and its JWTs. */
export async function openRig(): Promise<JwtRig> {
  const server = await startRedisServer();
  afterFile(() => server.stop());
  const redis = connect({ port: server.port });
  const prefix = uniquePrefix();
  guardKeyspace(redis, prefix);
  const store = createSessionStore(redis, { prefix, timeout: 10_000 });
  const heard: Rejection[] = [];
  store.events.on("rejected", (rejection) => heard.push(rejection));
  return {
    store,
    jwts: createJwtSessions(store, { keys, issuer: ISSUER, audience: AUDIENCE }),
    rejections: () => heard.splice(0),
    costOf: (act) => commandsDuring(redis, act),
  };
}
