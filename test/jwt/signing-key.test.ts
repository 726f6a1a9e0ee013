/** The keys: which are taken, in which forms, and for which algorithm. */
import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes, webcrypto } from "node:crypto";
import { inspect } from "node:util";
import { exportJWK, generateKeyPair, generateSecret, importPKCS8, importSPKI } from "jose";
import { describe, expect, it, vi } from "vitest";
import { createSessionStore } from "../../src/index.js";
import { SigningKey } from "../../src/jwt/signing-key.js";
import {
  createJwtSessions,
  createServiceTokenVerifier,
  type JwtAlgorithm,
  type JwtKeyMaterial,
} from "../../src/jwt.js";
import { connect } from "../harness/fixtures.js";
import * as rig from "./rig.js";

const store = createSessionStore(connect());
const session = {
  ...{ id: "01J0ABCDEFGHJKMNPQRSTVWXYZ", userId: "ada", claims: {}, client: {}, createdAt: Date.now() },
  ...{
    authenticatedAt: null,
    lastSeenAt: Date.now(),
    expiresAt: Date.now() + 60_000,
    absoluteExpiresAt: Date.now() + 60_000,
  },
};

const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
const SECRETS = { HS256: 32, HS384: 48, HS512: 64 } as const;

const make = (alg: JwtAlgorithm, key: unknown) => new SigningKey("key", { kid: "k", alg, key: key as JwtKeyMaterial });
const jwtsWith = (alg: JwtAlgorithm, key: JwtKeyMaterial) =>
  createJwtSessions(store, { key: { kid: "k", alg, key }, issuer: rig.ISSUER, audience: rig.AUDIENCE });

/** Whether what one form of a key signs, the other verifies, and a changed signature does not pass. */
async function works(alg: JwtAlgorithm, signing: JwtKeyMaterial, verifying: JwtKeyMaterial): Promise<boolean> {
  const token = await jwtsWith(alg, signing).mint(session, { audience: rig.SERVICE });
  const options = { key: { kid: "k", alg, key: verifying }, issuer: rig.ISSUER, audience: rig.SERVICE };
  const verifier = createServiceTokenVerifier(options);
  // Twice, since a key may be kept in another form from the first time on.
  const answers = [await verifier.verify(token), await verifier.verify(token)];
  const other = await jwtsWith(alg, signing).mint(session, { audience: rig.SERVICE });
  const spliced = token.slice(0, token.lastIndexOf(".")) + other.slice(other.lastIndexOf("."));
  return answers.every((answer) => answer?.userId === "ada") && (await verifier.verify(spliced)) === null;
}

/** A key pair as `CryptoKey`s: one whose private key may be extracted, and the same where it may not. */
async function cryptoKeys(alg: (typeof ALGORITHMS)[number]) {
  const curve = { ES256: "P-256", ES384: "P-384", ES512: "P-521" }[alg as string];
  const made =
    curve === undefined
      ? { R: rig.rsa, P: rig.rsa, E: rig.ed }[alg[0] as "R" | "P" | "E"]
      : rig.keyPair(generateKeyPairSync("ec", { namedCurve: curve }));
  const pem = made.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const publicKey = await importSPKI(made.publicKey.export({ type: "spki", format: "pem" }) as string, alg, {
    extractable: true,
  });
  const [open, shut] = [await importPKCS8(pem, alg, { extractable: true }), await importPKCS8(pem, alg)];
  return { pair: { privateKey: open, publicKey }, sealed: { privateKey: shut, publicKey } };
}

describe("a key pair", () => {
  it.each(ALGORITHMS)("signs and verifies by %s, in each of its forms", async (alg) => {
    const { pair, sealed } = await cryptoKeys(alg);
    const [privateJwk, publicJwk] = [await exportJWK(pair.privateKey), await exportJWK(pair.publicKey)];
    expect(await works(alg, pair.privateKey, pair.publicKey)).toBe(true);
    expect(await works(alg, pair, pair.publicKey)).toBe(true);
    expect(await works(alg, privateJwk, publicJwk)).toBe(true);
    expect(await works(alg, { ...privateJwk, alg, use: "sig" }, { ...publicJwk, alg, use: "sig" })).toBe(true);
    expect(await works(alg, sealed, sealed.publicKey)).toBe(true);
    // And the one who signs verifies as well, with what it derives.
    const jwts = jwtsWith(alg, pair.privateKey);
    const token = await jwts.mint(session, { audience: rig.SERVICE });
    expect(await jwts.verifyService(token, { audience: rig.SERVICE })).toMatchObject({ userId: "ada" });
  });

  it("may be the KeyObjects of node:crypto", async () => {
    expect(await works("ES256", rig.ec.privateKey, rig.ec.publicKey)).toBe(true);
    expect(await works("RS256", rig.rsa, rig.rsa.publicKey)).toBe(true);
  });

  it("that cannot be extracted needs its public half", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    expect(() => make("ES256", privateKey)).toThrow(
      new TypeError("key.key is not extractable, so it needs its public key: give { privateKey, publicKey }"),
    );
  });

  it("must belong together, and be what its members say", () => {
    const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
    expect(() => make("ES256", { privateKey: rig.ec.privateKey, publicKey: other.publicKey })).toThrow(
      new TypeError("key.key holds a privateKey and a publicKey that do not belong together"),
    );
    for (const pair of [
      { privateKey: rig.ec.publicKey, publicKey: rig.ec.privateKey },
      { privateKey: rig.ec.privateKey },
      { privateKey: createSecretKey(rig.secret), publicKey: rig.ec.publicKey },
    ]) {
      expect(() => make("ES256", pair)).toThrow(
        new TypeError("key.key must hold a private key as privateKey and a public one as publicKey"),
      );
    }
  });

  it("is copied, and never itself exported as a JWK, by which one fresh from its generator locks Node.js 20 up", async () => {
    const fresh = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const calls = [vi.spyOn(fresh.privateKey, "export"), vi.spyOn(fresh.publicKey, "export")];
    expect(await works("ES256", fresh.privateKey, fresh.publicKey)).toBe(true);
    expect(await works("ES256", fresh, fresh.publicKey)).toBe(true);
    for (const { mock } of calls) {
      expect(mock.calls.length).toBeGreaterThan(0);
      for (const [options] of mock.calls) expect(options).toMatchObject({ format: "pem" });
    }
  });

  it("of RSA has 2048 bits at least (RFC 7518, 3.3)", () => {
    const { privateKey, publicKey } = rig.keyPair(generateKeyPairSync("rsa", { modulusLength: 1024 }));
    for (const key of [privateKey, publicKey, publicKey.export({ format: "jwk" })]) {
      for (const alg of ["RS256", "PS512"] as const) {
        expect(() => make(alg, key)).toThrow(
          new RangeError(`key.key must have at least 2048 bits for ${alg}, got 1024 bits`),
        );
      }
    }
  });
});

describe("a secret", () => {
  it.each(Object.entries(SECRETS) as [JwtAlgorithm, number][])(
    "signs and verifies by %s, in each of its forms, with %d bytes at least (RFC 7518, 3.2)",
    async (alg, bytes) => {
      const secret = randomBytes(bytes);
      const k = secret.toString("base64url");
      expect(await works(alg, secret, new Uint8Array(secret))).toBe(true);
      expect(await works(alg, createSecretKey(secret), { kty: "oct", k })).toBe(true);
      const sealed = (await generateSecret(alg)) as webcrypto.CryptoKey;
      expect(sealed.extractable).toBe(false);
      expect(await works(alg, sealed, sealed)).toBe(true);
      const short = secret.subarray(1);
      const error = new RangeError(`key.key must have at least ${bytes} bytes for ${alg}, got ${bytes - 1} bytes`);
      const forms = [short, createSecretKey(short), { kty: "oct", k: short.toString("base64url") }];
      for (const key of forms) expect(() => make(alg, key)).toThrow(error);
      const algorithm = { name: "HMAC", hash: `SHA-${bytes * 8}` };
      const imported = await webcrypto.subtle.importKey("raw", short, algorithm, false, ["sign", "verify"]);
      expect(() => make(alg, imported)).toThrow(error);
    },
  );

  it("is not the text of a key", () => {
    const pem = rig.rsa.publicKey.export({ type: "spki", format: "pem" });
    expect(() => make("HS256", Buffer.from(pem))).toThrow(/^key\.key is a key in PEM, which is no secret/);
    expect(() => make("HS256", pem)).toThrow(TypeError);
    expect(() => make("HS256", "a password of more than thirty-two characters")).toThrow(TypeError);
  });
});

describe("a key that does not fit its algorithm", () => {
  const fits: Record<string, readonly string[]> = {
    secret: ["HS256"],
    rsa: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
    ec: ["ES256"],
    ed: ["EdDSA", "Ed25519"],
  };
  const material = { secret: rig.secret, rsa: rig.rsa.privateKey, ec: rig.ec.privateKey, ed: rig.ed.privateKey };

  it.each(Object.entries(material))("is refused: %s", (name, key) => {
    for (const alg of [...ALGORITHMS, "HS256"] as const) {
      if (fits[name]?.includes(alg)) expect(make(alg, key).alg).toBe(alg);
      else expect(() => make(alg, key), alg).toThrow(TypeError);
    }
  });

  it.each(["P-384", "secp256k1"])("is refused: a key on the curve %s for ES256", (namedCurve) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve });
    expect(() => make("ES256", privateKey)).toThrow(new TypeError("key.key must be of type ec P-256 for ES256"));
  });

  it("is refused: one that only exchanges keys, is for RSA-PSS alone, or cannot be extracted and is for another", async () => {
    expect(() => make("EdDSA", generateKeyPairSync("x25519").privateKey)).toThrow(TypeError);
    expect(() => make("EdDSA", generateKeyPairSync("ed448").privateKey)).toThrow(TypeError);
    expect(() => make("PS256", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey)).toThrow(TypeError);
    expect(() => make("RS256", rig.rsa.privateKey)).not.toThrow();
    expect(() => make("HS512", rig.secret)).toThrow(RangeError);
    const { sealed } = await cryptoKeys("RS256");
    for (const alg of ["RS384", "PS256", "ES256", "HS256"] as const) expect(() => make(alg, sealed)).toThrow(TypeError);
    const hmac = await generateSecret("HS256");
    for (const alg of ["HS384", "RS256"] as const) expect(() => make(alg, hmac)).toThrow(TypeError);
    const signOnly = { name: "HMAC", hash: "SHA-256" };
    const half = await webcrypto.subtle.importKey("raw", rig.secret, signOnly, false, ["sign"]);
    expect(() => make("HS256", half)).toThrow(TypeError);
    const cipher = await webcrypto.subtle.importKey("raw", rig.secret, "AES-GCM", false, ["encrypt"]);
    expect(() => make("HS256", cipher)).toThrow(TypeError);
  });

  it("is refused: a JWK for another purpose", async () => {
    const jwk = await exportJWK(rig.ec.privateKey);
    for (const change of [{ alg: "ES384" }, { use: "enc" }]) {
      expect(() => make("ES256", { ...jwk, ...change })).toThrow(
        new TypeError("key.key is a JWK for another purpose: its alg or use is not that of ES256"),
      );
    }
  });

  it.each([
    undefined,
    null,
    1,
    "x",
    [],
    {},
    { kty: 1 },
    { kty: "EC" },
    { kty: "oct" },
    { kty: "oct", k: 1 },
    { keys: [] },
  ])("is refused: %j", (key) => {
    expect(() => make("ES256", key)).toThrow(TypeError);
  });

  it("is not quoted in the error", () => {
    const jwk = { ...rig.ec.privateKey.export({ format: "jwk" }), x: "AAAA" };
    try {
      make("ES256", jwk);
      expect.unreachable();
    } catch (error) {
      expect(error).toEqual(new TypeError("key.key is not a valid JWK"));
      expect(inspect(error)).not.toContain(String(jwk.d));
    }
  });
});

const cryptoSecret = await generateSecret("HS256");

describe("the options of a key", () => {
  it.each<[object, Error]>([
    [{ kid: undefined }, new TypeError("key.kid must be a string, got undefined")],
    [{ kid: "" }, new RangeError('key.kid must have 1 to 128 characters, all of them printable ASCII, got ""')],
    [{ kid: "x".repeat(129) }, new RangeError("key.kid must have at most 128 characters, got 129")],
    [{ alg: undefined }, new TypeError("key.alg must be a string, got undefined")],
    [{ alg: "none" }, /^key\.alg must be one of "HS256", .*, got "none"$/ as unknown as Error],
    [{ alg: "toString" }, RangeError as unknown as Error],
    [
      { algorithm: "ES256" },
      new TypeError('key: there is no option "algorithm"; did you mean "alg"? The options are kid, alg, key'),
    ],
  ])("refuses %j", (change, error) => {
    const options = { kid: "k", alg: "ES256", key: rig.ec.privateKey, ...change };
    expect(() => new SigningKey("key", options as never)).toThrow(error);
  });

  const secret = "correct horse battery staple";
  const jwk = { ...rig.ec.privateKey.export({ format: "jwk" }), kid: "k", alg: "ES256" };
  const pem = String(rig.ec.privateKey.export({ type: "pkcs8", format: "pem" }));
  const bare: [got: string, key: unknown][] = [
    ["bytes", randomBytes(32)],
    ["bytes", new Uint8Array(32)],
    ["bytes", new ArrayBuffer(32)],
    ["a KeyObject", createSecretKey(randomBytes(32))],
    ["a KeyObject", rig.ec.privateKey],
    ["a CryptoKey", cryptoSecret],
    ["a JWK", jwk],
    ["a pair of keys", generateKeyPairSync("ec", { namedCurve: "P-256" })],
    ["a promise: await it", generateKeyPair("ES256")],
    ["a string", secret],
    ["the text of a PEM", pem],
    ["an object", {}],
    ["null", null],
    ["42", 42],
    ["a function", () => secret],
  ];

  it.each(bare)("refuse a key without its name and algorithm: %s", (got, key) => {
    const names = { issuer: rig.ISSUER, audience: rig.AUDIENCE };
    const example = '{ kid: "2026-11", alg: "HS256", key: randomBytes(32) }';
    const message = (name: string) =>
      `${name} must be { kid, alg, key } with the key itself in it, such as ${example}, got ${got}`;
    expect(() => createJwtSessions(store, { ...names, key: key as never })).toThrow(new TypeError(message("key")));
    expect(() => createJwtSessions(store, { ...names, keys: [key as never] })).toThrow(
      new TypeError(message("keys[0]")),
    );
    expect(() => createServiceTokenVerifier({ ...names, key: key as never })).toThrow(new TypeError(message("key")));
  });

  it.each<[got: string, key: unknown]>([
    ["a string: give createPrivateKey(pem), createPublicKey(pem) or the bytes that it encodes", secret],
    ["the text of a PEM: give createPrivateKey(pem), createPublicKey(pem) or the bytes that it encodes", pem],
    ["a promise: await it", generateKeyPair("ES256")],
    ["bytes", new ArrayBuffer(32)],
    ["undefined", undefined],
    ["an object", {}],
  ])("refuse what is no key, and never quote it: %s", (got, key) => {
    expect(() => make("HS256", key)).toThrow(
      new TypeError(`key.key must be a KeyObject, a CryptoKey, a JWK, a pair or the bytes of a secret, got ${got}`),
    );
  });

  it("refuse several in the place of one", () => {
    expect(() =>
      createJwtSessions(store, { key: [rig.keys[0]] as never, issuer: rig.ISSUER, audience: rig.AUDIENCE }),
    ).toThrow(new TypeError("key is one key; give several as keys"));
  });

  it("are those of several keys each, which says which", () => {
    const keys = [rig.keys[0], { kid: "short", alg: "HS256", key: randomBytes(31) }] as const;
    expect(() => createJwtSessions(store, { keys, issuer: rig.ISSUER, audience: rig.AUDIENCE })).toThrow(
      new RangeError("keys[1].key must have at least 32 bytes for HS256, got 31 bytes"),
    );
  });
});

describe("a verifier", () => {
  const options = { issuer: rig.ISSUER, audience: rig.SERVICE };

  it("takes no private key, not even among others", () => {
    const error = new TypeError("A verifier must be given public keys: with a private one it could sign");
    expect(() => createServiceTokenVerifier({ ...options, key: rig.keys[0] })).toThrow(error);
    expect(() => createServiceTokenVerifier({ ...options, keys: [rig.publicKeys[0], rig.keys[2]] })).toThrow(error);
    expect(() => createServiceTokenVerifier({ ...options, keys: rig.publicKeys })).not.toThrow();
  });

  it("takes the public key that belongs to a private one in PEM", async () => {
    const pem = rig.ec.privateKey.export({ type: "pkcs8", format: "pem" });
    expect(await works("ES256", rig.ec.privateKey, createPublicKey(pem))).toBe(true);
  });
});
