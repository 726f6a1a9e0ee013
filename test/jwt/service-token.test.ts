/** Service tokens: what is in one, for whom, for how long, and that nobody asks Redis. */
import { readdirSync, readFileSync } from "node:fs";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../../src/index.js";
import { createServiceTokenVerifier, type MintOptions } from "../../src/jwt.js";
import * as rig from "./rig.js";
import { asOwner, forge, parts } from "./rig.js";

const { store, jwts, rejections, costOf } = await rig.openRig();
const options = { keys: rig.publicKeys, issuer: rig.ISSUER, audience: rig.SERVICE };
const stock = createServiceTokenVerifier(options);
const { token, session } = await store.create({ userId: "ada", claims: { role: "member" } });
const MINUTE = 60_000;

/** The clock of this process stands still at a whole second, and goes on only when told to. */
function stopClock(): number {
  const now = Math.floor(Date.now() / 1000) * 1000;
  vi.useFakeTimers({ toFake: ["Date"], now });
  return now;
}
afterEach(() => {
  vi.useRealTimers();
});

describe("a service token", () => {
  it("says on whose behalf, from which session, for which service and what it allows", async () => {
    const now = stopClock();
    const jwt = await jwts.mint(session, {
      audience: rig.SERVICE,
      scope: ["stock:read", "stock:reserve"],
      ttl: 30_000,
    });
    const [header, payload] = parts(jwt);
    expect(header).toEqual({ alg: "ES256", typ: "coatcheck-service+jwt", kid: "ec" });
    expect(payload).toEqual({
      iss: rig.ISSUER,
      aud: rig.SERVICE,
      sub: "ada",
      sid: session.id,
      jti: payload["jti"],
      scope: "stock:read stock:reserve",
      iat: now / 1000,
      exp: now / 1000 + 30,
    });
    const said = await stock.verify(jwt);
    expect(said).toEqual({
      id: payload["jti"],
      issuer: rig.ISSUER,
      audience: rig.SERVICE,
      userId: "ada",
      sessionId: session.id,
      scope: ["stock:read", "stock:reserve"],
      issuedAt: now,
      expiresAt: now + 30_000,
    });
    expect(Object.isFrozen(said) && Object.isFrozen(said?.scope)).toBe(true);
  });

  it("holds nothing that opens the session", async () => {
    const jwt = await jwts.mint(session, { audience: rig.SERVICE });
    expect(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString()).not.toContain(token.slice(27));
    expect(await store.get(jwt)).toBeNull();
    expect(await jwts.verify(jwt)).toBeNull();
  });

  it("has a name of its own each time", async () => {
    const minted = await Promise.all([1, 2, 3].map(() => jwts.mint(session, { audience: rig.SERVICE })));
    const ids = await Promise.all(minted.map(async (jwt) => (await stock.verify(jwt))?.id));
    expect(new Set(ids).size).toBe(3);
  });

  it("of a guest names no user", async () => {
    const guest = await store.create();
    const said = await stock.verify(await jwts.mint(guest.session, { audience: rig.SERVICE }));
    expect(said).toMatchObject({ userId: null, sessionId: guest.session.id, scope: [] });
  });

  it("costs no round trip, neither to mint nor to verify", async () => {
    const cost = await costOf(async () => {
      const jwt = await jwts.mint(session, { audience: rig.SERVICE });
      expect(await jwts.verifyService(jwt, { audience: rig.SERVICE })).not.toBeNull();
      expect(await stock.verify(jwt)).not.toBeNull();
      expect(await stock.verify("rubbish")).toBeNull();
    });
    expect(cost).toEqual({});
  });

  it("is still accepted when its session is revoked, and no longer than for its ttl and the tolerance", async () => {
    const { session, token } = await store.create({ userId: "bob" });
    const now = stopClock();
    const jwt = await jwts.mint(session, { audience: rig.SERVICE, ttl: 10_000 });
    await store.revoke(token);
    expect(await store.get(token)).toBeNull();
    const strict = createServiceTokenVerifier({ ...options, clockTolerance: 0 });
    const heard: unknown[] = [];
    strict.events.on("rejected", (rejection) => heard.push(rejection));
    for (const [after, isAccepted] of [
      [0, [true, true]],
      [9_999, [true, true]],
      [10_000, [false, true]],
      [14_999, [false, true]],
      [15_000, [false, false]],
    ] as const) {
      vi.setSystemTime(now + after);
      const accepted = [await strict.verify(jwt), await stock.verify(jwt)].map((said) => said !== null);
      expect([after, accepted]).toEqual([after, isAccepted]);
    }
    expect(heard).toEqual(Array(3).fill({ id: session.id, reason: "expired" }));
  });

  it("lasts a minute where nothing is said, five at most, and never longer than the session", async () => {
    const now = stopClock();
    const lifetime = async (of: Session, ttl?: number) => {
      const said = await stock.verify(await jwts.mint(of, { audience: rig.SERVICE, ttl }));
      return said === null ? null : said.expiresAt - now;
    };
    expect(await lifetime(session)).toBe(MINUTE);
    expect(await lifetime(session, 5 * MINUTE)).toBe(5 * MINUTE);
    expect(await lifetime(session, 1000)).toBe(1000);
    expect(await lifetime({ ...session, expiresAt: now + 20_500 })).toBe(20_000);
    await expect(lifetime({ ...session, expiresAt: now })).rejects.toThrow(
      new RangeError("The session has expired, by the clock of this process"),
    );
  });

  it.each<[Partial<Record<keyof MintOptions, unknown>>, Error]>([
    [{ audience: undefined }, new TypeError("audience must be a string, got undefined")],
    [{ audience: [rig.SERVICE] }, new TypeError("audience must be a string, got an array")],
    [{ audience: "" }, new RangeError('audience must have 1 to 256 characters, all of them printable ASCII, got ""')],
    [
      { audience: rig.AUDIENCE },
      new RangeError("The audience of a service token must be another than that of the sessions"),
    ],
    [{ ttl: 999 }, new RangeError("ttl (ms) must be an integer from 1000 to 300000, got 999")],
    [{ ttl: 300_001 }, new RangeError("ttl (ms) must be an integer from 1000 to 300000, got 300001")],
    [{ ttl: "60s" }, new TypeError('ttl (ms) must be a number, got "60s"')],
    [{ scope: "stock:read" }, new TypeError('scope must be an array of strings, got "stock:read"')],
    [{ scope: [1] }, new TypeError("scope must hold strings, got 1")],
    [{ scope: ["a b"] }, RangeError as unknown as Error],
    [{ scope: [""] }, RangeError as unknown as Error],
    [{ scope: ['"'] }, RangeError as unknown as Error],
    [{ scope: ["\\"] }, RangeError as unknown as Error],
    [{ scope: ["é"] }, RangeError as unknown as Error],
    [{ scope: ["x".repeat(1025)] }, new RangeError("scope must have at most 1024 characters in all")],
    [{ claims: {} } as never, new TypeError('mint: there is no option "claims"; the options are audience, scope, ttl')],
  ])("is not minted with %j", async (change, error) => {
    await expect(jwts.mint(session, { audience: rig.SERVICE, ...change } as MintOptions)).rejects.toThrow(error);
  });

  it.each([undefined, null, {}, "x", { id: "x" }])("is not minted from %j", async (other) => {
    await expect(jwts.mint(other as never, { audience: rig.SERVICE })).rejects.toThrow(TypeError);
    await expect(jwts.mint(session, undefined as never)).rejects.toThrow(TypeError);
  });

  it("takes every character that a scope may have, at its longest", async () => {
    const ascii = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).filter((c) => !'"\\'.includes(c));
    const scope = [ascii.join(""), "x".repeat(1024 - ascii.length - 1)];
    const said = await stock.verify(await jwts.mint(session, { audience: rig.SERVICE, scope }));
    expect(said?.scope).toEqual(scope);
  });
});

describe("a signed service token that coatcheck would not have minted", () => {
  it.each([
    { sub: 5 },
    { sub: null },
    { sub: ["ada"] },
    { jti: 5 },
    { jti: null },
    { scope: ["stock:read"] },
    { scope: null },
  ])("is refused: %j", async (change) => {
    const [header, payload] = parts(await jwts.mint(session, { audience: rig.SERVICE }));
    expect(await stock.verify(forge(header, { ...payload, ...change }, asOwner))).toBeNull();
  });

  it.each([
    ["exp", 306],
    ["iat", -310],
  ])("is refused: %s %i s from now", async (name, from) => {
    const [header, payload] = parts(await jwts.mint(session, { audience: rig.SERVICE }));
    expect(await stock.verify(forge(header, { ...payload, [name]: rig.seconds(from) }, asOwner))).toBeNull();
  });
});

describe("verifyService", () => {
  it("takes what was minted for the audience that it is asked for, and tells the store's listeners of the rest", async () => {
    const jwt = await jwts.mint(session, { audience: rig.SERVICE });
    rejections();
    expect(await jwts.verifyService(jwt, { audience: rig.SERVICE })).toMatchObject({ userId: "ada" });
    expect(await jwts.verifyService(jwt, { audience: "https://mail.example" })).toBeNull();
    expect(rejections()).toEqual([{ id: session.id, reason: "misdirected" }]);
  });

  it("is told for whom, and that is never the application itself", async () => {
    const jwt = await jwts.mint(session, { audience: rig.SERVICE });
    await expect(jwts.verifyService(jwt, { audience: rig.AUDIENCE })).rejects.toThrow(RangeError);
    await expect(jwts.verifyService(jwt, {} as never)).rejects.toThrow(TypeError);
    await expect(jwts.verifyService(jwt, undefined as never)).rejects.toThrow(TypeError);
    await expect(jwts.verifyService(jwt, { audiences: [] } as never)).rejects.toThrow(TypeError);
  });
});

describe("createServiceTokenVerifier", () => {
  it("accepts nothing for another service, nor of another issuer", async () => {
    const jwt = await jwts.mint(session, { audience: rig.SERVICE });
    expect(await createServiceTokenVerifier({ ...options, audience: "https://mail.example" }).verify(jwt)).toBeNull();
    expect(await createServiceTokenVerifier({ ...options, issuer: "https://evil.example" }).verify(jwt)).toBeNull();
    expect(await createServiceTokenVerifier({ ...options, keys: rig.publicKeys.slice(1) }).verify(jwt)).toBeNull();
    expect(await createServiceTokenVerifier(options).verify(jwt)).not.toBeNull();
  });

  it.each([
    { audience: undefined },
    { audience: "" },
    { issuer: undefined },
    { keys: undefined },
    { keys: [] },
    { store },
  ])("refuses %j", (change) => {
    expect(() => createServiceTokenVerifier({ ...options, ...change } as never)).toThrow(Error);
  });

  it("shows no key to whoever prints it", () => {
    expect(inspect(stock, { depth: 9, showHidden: true })).not.toContain(rig.secret.toString("hex").slice(0, 8));
  });

  it("needs no store: nothing that it imports knows Redis", () => {
    const src = new URL("../../src/", import.meta.url);
    const seen = new Set<string>();
    const visit = (file: URL) => {
      if (seen.has(file.href)) return;
      seen.add(file.href);
      const source = readFileSync(file, "utf8");
      for (const [, from] of source.matchAll(/^(?:import|export|\}) (?!type ).*?from "(\.[^"]+)";$/gm)) {
        visit(new URL((from as string).replace(/\.js$/, ".ts"), file));
      }
    };
    visit(new URL("jwt/service-token.ts", src));
    const files = [...seen].map((href) => href.slice(src.href.length));
    expect(files).toContain("jwt/profile.ts");
    expect(readdirSync(src)).toEqual(expect.arrayContaining(["redis", "sessions"]));
    expect(files.filter((file) => /^(store|context)\.ts$|^(redis|verbs|scripts)\//.test(file))).toEqual([]);
  });
});
