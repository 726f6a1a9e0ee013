/** Session tokens inside JWTs: what is in one, what it opens, and that Redis has the last word. */
import { inspect } from "node:util";
import { jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { createSessionStore, type IssuedSession, type SessionStore, StoreUnavailableError } from "../../src/index.js";
import { numericDate } from "../../src/jwt/profile.js";
import { createJwtSessions } from "../../src/jwt.js";
import { REDIS_ERRORS, startFakeRedis } from "../harness/fake-redis.js";
import { afterFile, connect } from "../harness/fixtures.js";
import * as rig from "./rig.js";
import { asOwner, ec, forge, parts, seconds } from "./rig.js";

const { store, jwts, rejections, costOf } = await rig.openRig();
const options = { keys: rig.keys, issuer: rig.ISSUER, audience: rig.AUDIENCE };

async function logIn(userId?: string) {
  const issued = await store.create({ userId, claims: { role: "member" } });
  return { ...issued, jwt: await jwts.wrap(issued) };
}

describe("a session JWT", () => {
  it("names the user and the session, and holds the token's secret and none of the claims", async () => {
    const { token, session, jwt } = await logIn("ada");
    const [header, payload] = parts(jwt);
    expect(header).toEqual({ alg: "ES256", typ: "coatcheck-session+jwt", kid: "ec" });
    expect(payload).toEqual({
      iss: rig.ISSUER,
      aud: rig.AUDIENCE,
      sub: "ada",
      sid: session.id,
      secret: token.slice(27),
      iat: payload["iat"],
      exp: Math.ceil(session.absoluteExpiresAt / 1000),
    });
    expect(Math.abs(Number(payload["iat"]) - seconds(0))).toBeLessThan(10);
  });

  it("has no subject where there is no user", async () => {
    const { session, jwt } = await logIn();
    expect(parts(jwt)[1]).not.toHaveProperty("sub");
    expect(await jwts.verify(jwt)).toEqual(session);
  });

  it("is a JWT to others too, who can verify it with the public key", async () => {
    const { jwt, session } = await logIn("ada");
    const { payload } = await jwtVerify(jwt, ec.publicKey, {
      algorithms: ["ES256"],
      typ: rig.SESSION_TYPE,
      issuer: rig.ISSUER,
      audience: rig.AUDIENCE,
    });
    expect(payload).toMatchObject({ sub: "ada", sid: session.id });
  });

  it("keeps what a user id may contain", async () => {
    for (const userId of ["a:b{c}", 'a"b\\c', "\n\0\u2028", "🚀".repeat(64), "\ud800", "é", "x".repeat(256)]) {
      const { session, jwt } = await logIn(userId);
      expect(await jwts.verify(jwt), userId).toEqual(session);
      expect(session.userId).toBe(userId);
    }
  });

  it("is shorter than the limit at its longest, and about 400 characters in common use", async () => {
    const issued = await store.create({ userId: "\0".repeat(256) });
    const longest = createJwtSessions(store, {
      key: { kid: '"'.repeat(128), alg: "RS512", key: rig.rsa.privateKey },
      issuer: '"'.repeat(256),
      audience: "\\".repeat(256),
    });
    const jwt = await longest.wrap(issued);
    expect(await longest.verify(jwt)).not.toBeNull();
    // A signature of RSA takes 342 characters at 2048 bits, and 2731 at 16 384, the longest that OpenSSL makes.
    expect(jwt.length + 2731 - 342).toBeLessThan(8192);
    const [{ jwt: common }, hmac] = [await logIn("ada"), createJwtSessions(store, { ...options, keys: [rig.keys[1]] })];
    expect([common.length, (await hmac.wrap(await store.create({ userId: "ada" }))).length]).toEqual([425, 387]);
  });

  it.each([undefined, null, {}, "token", { token: "x", session: {} }])("is not made of %j", async (issued) => {
    await expect(jwts.wrap(issued as never)).rejects.toThrow(
      new TypeError("wrap needs what create or rotate returned"),
    );
  });

  it("is not made of the token of one session and another", async () => {
    const [ada, eve] = [await store.create({ userId: "ada" }), await store.create({ userId: "eve" })];
    const mixed: IssuedSession<object> = { token: ada.token, session: eve.session };
    const error = await jwts.wrap(mixed).catch((thrown: Error) => thrown);
    expect(error).toEqual(new TypeError("wrap needs what create or rotate returned"));
    expect(inspect(error)).not.toContain(ada.token.slice(27));
  });
});

describe("verify", () => {
  it("gives the session as it is now, in one round trip", async () => {
    const { jwt, token } = await logIn("ada");
    const updated = await store.updateClaims(token, { role: "admin" });
    await jwts.verify(jwt);
    let session: unknown;
    const cost = await costOf(async () => {
      session = await jwts.verify(jwt);
    });
    expect(cost).toMatchObject({ evalsha: 1 });
    expect(Object.keys(cost).filter((name) => name.startsWith("eval"))).toEqual(["evalsha"]);
    expect(session).toEqual(updated);
  });

  it("slides the idle deadline, and unwrap does not", async () => {
    const touching = createJwtSessions({ ...store, touch: async () => null } as SessionStore, options);
    const { jwt, token } = await logIn("ada");
    expect(await touching.verify(jwt)).toBeNull();
    expect(await touching.unwrap(jwt)).toBe(token);
  });

  it("refuses at once what Redis has ended, whatever the signature says", async () => {
    const ends: Record<string, (login: Awaited<ReturnType<typeof logIn>>) => Promise<unknown>> = {
      "revoked by its id": ({ session }) => store.revoke(session.id),
      "revoked by what unwrap gives": async ({ jwt }) => store.revoke(await jwts.unwrap(jwt)),
      "log-out everywhere": () => store.revokeAllForUser("ada"),
      "a block": () => store.blockUser("ada"),
      rotated: ({ token }) => store.rotate(token),
    };
    for (const [name, end] of Object.entries(ends)) {
      await store.unblockUser("ada");
      const login = await logIn("ada");
      expect(await jwts.verify(login.jwt), name).not.toBeNull();
      await end(login);
      rejections();
      expect(await jwts.verify(login.jwt), name).toBeNull();
      expect(rejections(), name).toEqual([{ id: login.session.id, reason: "unknown" }]);
    }
    await store.unblockUser("ada");
  });

  it("sees changed claims at once", async () => {
    const { jwt } = await logIn("bob");
    await store.updateClaimsForUser("bob", { role: "admin" });
    expect((await jwts.verify(jwt))?.claims).toEqual({ role: "admin" });
  });

  it("refuses a signed JWT with the secret of nobody, and that one Redis has to say", async () => {
    const { jwt, session } = await logIn("ada");
    const [header, payload] = parts(jwt);
    const guess = forge(header, { ...payload, secret: "A".repeat(43) }, asOwner);
    rejections();
    expect(await jwts.verify(guess)).toBeNull();
    expect(rejections()).toEqual([{ id: session.id, reason: "secret" }]);
  });

  it("refuses a signed JWT whose secret is none, without Redis", async () => {
    const [header, payload] = parts((await logIn("ada")).jwt);
    const wrong = [undefined, null, "", "A".repeat(42), "A".repeat(44), "*".repeat(43), ["A".repeat(43)], {}, 1];
    const cost = await costOf(async () => {
      for (const secret of wrong) {
        expect(await jwts.verify(forge(header, { ...payload, secret }, asOwner)), String(secret)).toBeNull();
      }
    });
    expect(cost).toEqual({});
    expect(rejections().map(({ reason }) => reason)).toEqual(wrong.map(() => "misdirected"));
  });

  it("rejects when Redis cannot say, and does not for what Redis is not asked", async () => {
    const { jwt } = await logIn("ada");
    const fake = await startFakeRedis({ answer: REDIS_ERRORS.MISCONF });
    afterFile(() => fake.close());
    const broken = createJwtSessions(createSessionStore(connect({ port: fake.port })), options);
    await expect(broken.verify(jwt)).rejects.toThrow(StoreUnavailableError);
    expect(await broken.verify(jwt.replace(/.$/, "+"))).toBeNull();
    expect(await broken.unwrap(jwt)).not.toBeNull();
  });
});

describe("the clock of the process", () => {
  const header = rig.headerOf("ec", rig.SESSION_TYPE);
  const claimsOf = async () => parts((await logIn("ada")).jwt)[1];
  const strict = createJwtSessions(store, { ...options, clockTolerance: 0 });
  const lenient = createJwtSessions(store, { ...options, clockTolerance: 60_000 });

  it("may differ by clockTolerance, in either direction, and by 5 seconds where nothing is said", async () => {
    const claims = await claimsOf();
    // The tolerated second may pass between the forging and the verifying, so nothing is forged at the very edge.
    const verdicts = async (change: object) => {
      const jwt = forge(header, { ...claims, ...change }, asOwner);
      return Promise.all([strict, jwts, lenient].map(async (each) => (await each.unwrap(jwt)) !== null));
    };
    expect(await verdicts({ exp: seconds(30) })).toEqual([true, true, true]);
    expect(await verdicts({ exp: seconds(-2) })).toEqual([false, true, true]);
    expect(await verdicts({ exp: seconds(-20) })).toEqual([false, false, true]);
    expect(await verdicts({ exp: seconds(-62) })).toEqual([false, false, false]);
    for (const name of ["iat", "nbf"]) {
      expect(await verdicts({ [name]: seconds(4) })).toEqual([false, true, true]);
      expect(await verdicts({ [name]: seconds(50) })).toEqual([false, false, true]);
      expect(await verdicts({ [name]: seconds(90) })).toEqual([false, false, false]);
    }
  });

  it("names the session of a JWT that has expired, since it is signed", async () => {
    const claims = await claimsOf();
    rejections();
    await strict.unwrap(forge(header, { ...claims, exp: seconds(-9) }, asOwner));
    await strict.unwrap(forge(header, { ...claims, sid: "x", exp: seconds(-9) }, asOwner));
    expect(rejections()).toEqual([
      { id: claims["sid"], reason: "expired" },
      { id: null, reason: "expired" },
    ]);
  });

  it("is rounded so that a JWT never ends before its session", () => {
    expect([numericDate(1999), numericDate(1000 + 999), numericDate(1001 + 999)]).toEqual([1, 1, 2]);
  });
});

describe("several keys", () => {
  const [old, next] = [rig.keys[1], rig.keys[0]];
  const before = createJwtSessions(store, { ...options, keys: [old] });
  const during = createJwtSessions(store, { ...options, keys: [next, old] });
  const after = createJwtSessions(store, { ...options, keys: [next] });

  it("let the first sign and all verify, so that a key can be replaced without a log-out", async () => {
    const issued = await store.create({ userId: "ada" });
    const [oldJwt, newJwt] = [await before.wrap(issued), await during.wrap(issued)];
    expect([parts(oldJwt)[0]["kid"], parts(newJwt)[0]["kid"]]).toEqual(["secret", "ec"]);
    const verdicts = (jwt: string) =>
      Promise.all([before, during, after].map(async (each) => !!(await each.verify(jwt))));
    expect(await verdicts(oldJwt)).toEqual([true, true, false]);
    expect(await verdicts(newJwt)).toEqual([false, true, true]);
  });

  it("of which the retired may be public", async () => {
    const [signing] = rig.keys;
    const retired = { ...rig.publicKeys[2] };
    const rotated = createJwtSessions(store, { ...options, keys: [signing, retired] });
    const signedBefore = await createJwtSessions(store, { ...options, keys: [rig.keys[2]] }).wrap(
      await store.create({ userId: "ada" }),
    );
    expect(await rotated.verify(signedBefore)).toMatchObject({ userId: "ada" });
    expect(() => createJwtSessions(store, { ...options, keys: [retired, signing] })).toThrow(
      new TypeError("The first key signs, and this one is public"),
    );
  });
});

describe("createJwtSessions", () => {
  it.each<[object, Error]>([
    [{ key: rig.keys[0] }, new TypeError("Give one of key and keys")],
    [{ keys: undefined }, new TypeError("Give one of key and keys")],
    [{ keys: [] }, new RangeError("keys must hold at least one key")],
    [{ keys: rig.keys[0] }, new TypeError("keys must be an array of { kid, alg, key }, got an object")],
    [{ keys: [rig.keys[0], rig.keys[0]] }, new RangeError("keys must have a kid each, and no two the same")],
    [{ issuer: undefined }, new TypeError("issuer must be a string, got undefined")],
    [{ issuer: "" }, new RangeError('issuer must have 1 to 256 characters, all of them printable ASCII, got ""')],
    [
      { issuer: "a\n" },
      new RangeError('issuer must have 1 to 256 characters, all of them printable ASCII, got "a\\n"'),
    ],
    [{ audience: undefined }, new TypeError("audience must be a string, got undefined")],
    [{ audience: ["a"] }, new TypeError("audience must be a string, got an array")],
    [{ audience: "x".repeat(257) }, new RangeError("audience must have at most 256 characters, got 257")],
    [{ clockTolerance: -1 }, new RangeError("clockTolerance (ms) must be an integer from 0 to 60000, got -1")],
    [{ clockTolerance: 60_001 }, new RangeError("clockTolerance (ms) must be an integer from 0 to 60000, got 60001")],
    [{ clockTolerance: "5s" }, new TypeError('clockTolerance (ms) must be a number, got "5s"')],
    [
      { algorithms: ["none"] },
      new TypeError(
        'createJwtSessions: there is no option "algorithms"; the options are key, keys, issuer, audience, clockTolerance',
      ),
    ],
  ])("refuses %o", (change, error) => {
    expect(() => createJwtSessions(store, { ...options, ...change } as never)).toThrow(error);
  });

  it.each([undefined, null, {}, { updateClaims() {} }])("refuses %j for a store", (other) => {
    expect(() => createJwtSessions(other as never, options)).toThrow(
      /^The store must be one that createSessionStore made, got (undefined|null|an object)$/,
    );
  });

  it("shows no key to whoever prints what it made", () => {
    const text = inspect(jwts, { depth: 9, showHidden: true }) + JSON.stringify(jwts);
    expect(text).not.toContain(rig.secret.toString("base64url"));
    expect(text).not.toContain(rig.secret.toString("hex").slice(0, 8));
  });
});
