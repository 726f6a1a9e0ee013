/**
 * The keys of JWTs: what each may be, and its one algorithm. A key that does not fit is refused when the application starts, so
 * no JWT is ever verified with a key of another kind (RFC 8725, 3.1). Knows no claims.
 */
import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey, KeyObject, subtle } from "node:crypto";
import { types } from "node:util";
import type { CryptoKey, JWK } from "jose";
import { checkNames, checkOneOf, checkString, show } from "../leaves/arguments.js";

interface Algorithm {
  /** Its name in Web Cryptography. */
  readonly name: string;
  /** The type of its keys in `node:crypto`. */
  readonly type: "secret" | "rsa" | "ec" | "ed25519";
  readonly hash?: string;
  readonly curve?: string;
  /** The least length of a key. */
  readonly bits?: number;
}

// RFC 7518, 3.2: the secret must be as long as the hash. 3.3 and 3.5: an RSA key must have 2048 bits.
const hmac = (bits: number): Algorithm => ({ name: "HMAC", type: "secret", hash: `SHA-${bits}`, bits });
const rsa = (name: string, bits: number): Algorithm => ({ name, type: "rsa", hash: `SHA-${bits}`, bits: 2048 });
const ecdsa = (curve: string): Algorithm => ({ name: "ECDSA", type: "ec", curve });
const ed25519: Algorithm = { name: "Ed25519", type: "ed25519" };

const ALGORITHMS = {
  HS256: hmac(256),
  HS384: hmac(384),
  HS512: hmac(512),
  RS256: rsa("RSASSA-PKCS1-v1_5", 256),
  RS384: rsa("RSASSA-PKCS1-v1_5", 384),
  RS512: rsa("RSASSA-PKCS1-v1_5", 512),
  PS256: rsa("RSA-PSS", 256),
  PS384: rsa("RSA-PSS", 384),
  PS512: rsa("RSA-PSS", 512),
  ES256: ecdsa("P-256"),
  ES384: ecdsa("P-384"),
  ES512: ecdsa("P-521"),
  EdDSA: ed25519,
  Ed25519: ed25519,
} satisfies Record<string, Algorithm>;

/** The signature algorithms. `none` is not among them. */
export type JwtAlgorithm = keyof typeof ALGORITHMS;

/** A private key with its public key, as `generateKeyPair` of `jose` and of `node:crypto` return them. */
export interface JwtKeyPair {
  readonly privateKey: KeyObject | CryptoKey;
  readonly publicKey: KeyObject | CryptoKey;
}

/**
 * A key in any of its usual forms. Bytes are a secret. A private `CryptoKey` that is not extractable needs its public key too:
 * give both as a {@link JwtKeyPair}.
 */
export type JwtKeyMaterial = KeyObject | CryptoKey | JWK | Uint8Array | JwtKeyPair;

/** One key, its name, and its one algorithm. */
export interface JwtKey {
  /** Names the key in the header of the JWTs that it signs. At most 128 printable ASCII characters. */
  readonly kid: string;
  /**
   * The algorithm. Use `HS256` for a secret that only one application knows, and `ES256` or `EdDSA` if others verify: they have
   * only the public key, and cannot sign.
   */
  readonly alg: JwtAlgorithm;
  readonly key: JwtKeyMaterial;
}

/** The one key of an application, or several: the first signs, and all verify. */
export type JwtKeyOptions =
  | { readonly key: JwtKey; readonly keys?: undefined }
  | { readonly keys: readonly JwtKey[]; readonly key?: undefined };

type Usable = KeyObject | CryptoKey;

const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/** A key that has been found to fit its algorithm. */
export class SigningKey {
  readonly kid: string;
  readonly alg: JwtAlgorithm;
  /** A `private` key can sign, a `public` one cannot, and a `secret` signs and verifies. */
  readonly type: "secret" | "private" | "public";
  readonly #signing: Usable | null;
  #verifying: Usable;

  /** Throws `TypeError` and `RangeError` for a key that does not fit. */
  constructor(name: string, options: JwtKey) {
    checkIsNamed(name, options);
    checkNames(name, options, ["kid", "alg", "key"]);
    this.kid = checkPrintable(`${name}.kid`, options.kid, 128);
    checkOneOf(`${name}.alg`, options.alg, Object.keys(ALGORITHMS));
    this.alg = options.alg;
    const { signing, verifying } = halvesOf(`${name}.key`, options.key, this.alg);
    for (const half of new Set([signing, verifying])) if (half !== null) checkFit(`${name}.key`, half, this.alg);
    this.type = verifying.type === "secret" ? "secret" : signing === null ? "public" : "private";
    this.#signing = signing;
    this.#verifying = verifying;
  }

  /** What to sign with. */
  async signing(): Promise<Usable> {
    if (this.#signing === null) throw new TypeError(`The key ${JSON.stringify(this.kid)} is public and cannot sign`);
    return this.type === "secret" ? this.verifying() : this.#signing;
  }

  /** What to verify with. */
  async verifying(): Promise<Usable> {
    const key = this.#verifying;
    if (this.type !== "secret" || !(key instanceof KeyObject)) return key;
    // jose imports a secret that is no `CryptoKey` again for each JWT, which takes as long as to verify one.
    const { name, hash } = ALGORITHMS[this.alg] as Algorithm;
    const algorithm = { name, hash: hash as string };
    this.#verifying = (await subtle.importKey("raw", key.export(), algorithm, false, ["sign", "verify"])) as CryptoKey;
    return this.#verifying;
  }
}

/** Reads the options of keys. Throws `TypeError` and `RangeError` if they are wrong. */
export function parseKeys({ key, keys }: JwtKeyOptions): [first: SigningKey, ...more: SigningKey[]] {
  if ((key === undefined) === (keys === undefined)) throw new TypeError("Give one of key and keys");
  if (Array.isArray(key)) throw new TypeError("key is one key; give several as keys");
  if (keys !== undefined && !Array.isArray(keys)) {
    throw new TypeError(`keys must be an array of ${SHAPE}, got ${described(keys)}`);
  }
  const [first, ...more] = (keys ?? [key as JwtKey]).map(
    (each: JwtKey, at: number) => new SigningKey(keys === undefined ? "key" : `keys[${at}]`, each),
  );
  if (first === undefined) throw new RangeError("keys must hold at least one key");
  const kids = [first, ...more].map(({ kid }) => kid);
  if (new Set(kids).size < kids.length) throw new RangeError("keys must have a kid each, and no two the same");
  return [first, ...more];
}

const SHAPE = "{ kid, alg, key }";

/**
 * Throws for a key without its name and algorithm. `checkNames` would complain of an option "0" for bytes, and "kty" for a JWK.
 */
function checkIsNamed(name: string, value: unknown): void {
  const what = described(value);
  if (what === "an object" && Object.keys(value as object).length > 0) return;
  throw new TypeError(
    `${name} must be ${SHAPE} with the key itself in it, such as { kid: "2026-11", alg: "HS256", key: randomBytes(32) }, got ${what}`,
  );
}

/** What somebody has given as a key. It never tells anything of its content. */
function described(value: unknown): string {
  if (types.isKeyObject(value)) return "a KeyObject";
  if (types.isCryptoKey(value)) return "a CryptoKey";
  if (types.isPromise(value)) return "a promise: await it";
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return "bytes";
  if (typeof value === "string") return value.startsWith("-----") ? "the text of a PEM" : "a string";
  if (isPair(value)) return "a pair of keys";
  return typeof value === "object" && value !== null && "kty" in value ? "a JWK" : show(value);
}

/** Throws unless `value` is a string of 1 to `max` printable ASCII characters. Returns it. */
export function checkPrintable(name: string, value: unknown, max: number): string {
  if (!/^[ -~]+$/.test(checkString(name, value, max))) {
    throw new RangeError(`${name} must have 1 to ${max} characters, all of them printable ASCII, got ${show(value)}`);
  }
  return value as string;
}

/** The two halves of a key: what it signs with (`null` if it cannot sign), and what it verifies with. */
function halvesOf(name: string, key: unknown, alg: JwtAlgorithm): { signing: Usable | null; verifying: Usable } {
  if (isPair(key)) {
    const [signing, verifying] = [usable(key.privateKey), usable(key.publicKey)];
    if (signing?.type !== "private" || verifying?.type !== "public") {
      throw new TypeError(`${name} must hold a private key as privateKey and a public one as publicKey`);
    }
    if (signing instanceof KeyObject && verifying instanceof KeyObject && !publicOf(signing).equals(verifying)) {
      throw new TypeError(`${name} holds a privateKey and a publicKey that do not belong together`);
    }
    return { signing, verifying };
  }
  const whole = key instanceof Uint8Array ? secretOf(name, key) : (usable(key) ?? importJwk(name, key, alg));
  if (whole.type === "secret") return { signing: whole, verifying: whole };
  if (whole.type === "public") return { signing: null, verifying: whole };
  if (!(whole instanceof KeyObject)) {
    throw new TypeError(`${name} is not extractable, so it needs its public key: give { privateKey, publicKey }`);
  }
  return { signing: whole, verifying: publicOf(whole) };
}

const isPair = (key: unknown): key is JwtKeyPair => typeof key === "object" && key !== null && "privateKey" in key;

function publicOf(key: KeyObject): KeyObject {
  // The types do not know that a `KeyObject` is allowed.
  return createPublicKey(key as unknown as string);
}

/** A value that is a key already. A `CryptoKey` becomes a `KeyObject` if it is extractable. */
function usable(key: unknown): Usable | null {
  if (types.isKeyObject(key)) return copyOf(key);
  if (!types.isCryptoKey(key)) return null;
  return key.extractable ? copyOf(KeyObject.from(key)) : (key as CryptoKey);
}

/**
 * A copy. In Node.js 20 a key that was generated in this process can block the process for ever: when jose exports it as a JWK,
 * at its first use, while the generator of the key is being garbage-collected.
 */
function copyOf(key: KeyObject): KeyObject {
  if (key.type === "secret") return key;
  if (key.type === "public") return createPublicKey(key.export({ type: "spki", format: "pem" }));
  return createPrivateKey(key.export({ type: "pkcs8", format: "pem" }));
}

function secretOf(name: string, bytes: Uint8Array): KeyObject {
  // Anybody who knows the public key could use it as the secret, and sign.
  if (Buffer.from(bytes.subarray(0, 5)).toString("latin1") === "-----") {
    throw new TypeError(
      `${name} is a key in PEM, which is no secret: give createPublicKey(pem) or createPrivateKey(pem)`,
    );
  }
  return createSecretKey(bytes);
}

function importJwk(name: string, value: unknown, alg: JwtAlgorithm): KeyObject {
  const jwk = value as JWK | null;
  if (typeof jwk !== "object" || jwk === null || typeof jwk.kty !== "string") {
    const more =
      typeof value === "string"
        ? ": give createPrivateKey(pem), createPublicKey(pem) or the bytes that it encodes"
        : "";
    throw new TypeError(
      `${name} must be a KeyObject, a CryptoKey, a JWK, a pair or the bytes of a secret, got ${described(value)}${more}`,
    );
  }
  if ((jwk.alg ?? alg) !== alg || (jwk.use ?? "sig") !== "sig") {
    throw new TypeError(`${name} is a JWK for another purpose: its alg or use is not that of ${alg}`);
  }
  try {
    if (jwk.kty === "oct") return createSecretKey(checkString("k", jwk.k), "base64url");
    const input = { key: jwk as JsonWebKey, format: "jwk" } as const;
    return jwk.d === undefined ? createPublicKey(input) : createPrivateKey(input);
  } catch {
    // The parser's message might quote the key.
    throw new TypeError(`${name} is not a valid JWK`);
  }
}

/** Throws unless a key is of the kind and the length that its algorithm asks for. */
function checkFit(name: string, key: Usable, alg: JwtAlgorithm): void {
  const wanted: Algorithm = ALGORITHMS[alg];
  const { type, curve, bits } = key instanceof KeyObject ? factsOf(key) : cryptoFactsOf(key, wanted);
  if (type !== wanted.type || curve !== wanted.curve) {
    const kind = wanted.type === "secret" ? "a secret" : `of type ${wanted.type} ${wanted.curve ?? ""}`.trimEnd();
    throw new TypeError(`${name} must be ${kind} for ${alg}`);
  }
  if (wanted.bits !== undefined && (bits ?? 0) < wanted.bits) {
    const least = wanted.type === "secret" ? `${wanted.bits / 8} bytes` : `${wanted.bits} bits`;
    const has = wanted.type === "secret" ? `${(bits ?? 0) / 8} bytes` : `${bits} bits`;
    throw new RangeError(`${name} must have at least ${least} for ${alg}, got ${has}`);
  }
}

interface KeyFacts {
  readonly type: string | undefined;
  readonly curve: string | undefined;
  readonly bits: number | undefined;
}

function factsOf(key: KeyObject): KeyFacts {
  if (key.type === "secret") return { type: "secret", curve: undefined, bits: (key.symmetricKeySize ?? 0) * 8 };
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const curve = namedCurve === undefined ? undefined : (CURVES[namedCurve] ?? namedCurve);
  return { type: key.asymmetricKeyType, curve, bits: modulusLength };
}

/** A `CryptoKey` that is not extractable tells its own purpose. */
function cryptoFactsOf(key: CryptoKey, wanted: Algorithm): KeyFacts {
  const algorithm = key.algorithm as {
    name: string;
    hash?: { name: string };
    namedCurve?: string;
    modulusLength?: number;
    length?: number;
  };
  const needs = key.type === "secret" ? ["sign", "verify"] : [key.type === "private" ? "sign" : "verify"];
  const isMeant = algorithm.name === wanted.name && algorithm.hash?.name === wanted.hash;
  const isUsable = needs.every((usage) => (key.usages as string[]).includes(usage));
  return {
    type: isMeant && isUsable ? wanted.type : undefined,
    curve: algorithm.namedCurve,
    bits: algorithm.modulusLength ?? algorithm.length,
  };
}
