/**
 * The known attacks on JWTs (RFC 8725, and what libraries were found to get wrong), each on a session JWT and on a
 * service token of a session that lives. Every one is refused, and none reaches Redis. The forger is checked as well: what
 * it writes without an attack is accepted.
 */
import { describe, expect, it } from "vitest";
import { createServiceTokenVerifier } from "../../src/jwt.js";
import { headerOf, type Victim, without } from "./attack.js";
import { claims, forms, signatures } from "./attacks-on-bodies.js";
import { algorithms, headers, keysOfTheForger } from "./attacks-on-headers.js";
import * as rig from "./rig.js";
import { asOwner, forge, type Rejection, seconds, signers } from "./rig.js";

const { store, jwts, rejections, costOf } = await rig.openRig();
const [ada, eve] = [await store.create({ userId: "ada" }), await store.create({ userId: "eve" })];
const sessionJwts = [await jwts.wrap(ada), await jwts.wrap(eve)] as const;
const minted = async ({ session }: typeof ada) => jwts.mint(session, { audience: rig.SERVICE });
const serviceTokens = [await minted(ada), await minted(eve)] as const;

const verifier = createServiceTokenVerifier({
  keys: rig.publicKeys,
  issuer: rig.ISSUER,
  audience: rig.SERVICE,
});
const heard: Rejection[] = [];
verifier.events.on("rejected", (rejection) => heard.push(rejection));

const sessionJwt: Victim = {
  typ: rig.SESSION_TYPE,
  otherTyp: rig.SERVICE_TYPE,
  genuine: sessionJwts[0],
  another: sessionJwts[1],
  claims: rig.parts(sessionJwts[0])[1],
  verify: jwts.verify,
  rejections,
};
const serviceToken: Victim = {
  typ: rig.SERVICE_TYPE,
  otherTyp: rig.SESSION_TYPE,
  genuine: serviceTokens[0],
  another: serviceTokens[1],
  claims: rig.parts(serviceTokens[0])[1],
  verify: verifier.verify,
  rejections: () => heard.splice(0),
};

describe.each([
  ["a session JWT", sessionJwt, serviceToken, "jti"],
  ["a service token", serviceToken, sessionJwt, "secret"],
] as const)("%s", (_, victim, other, foreign) => {
  it("is accepted as it was issued, and as the forger writes it without an attack", async () => {
    const written = [
      forge(rig.headerOf("ec", victim.typ), victim.claims, asOwner),
      forge(rig.headerOf("secret", victim.typ), victim.claims, (input) => signers.HS256(input, rig.secret)),
      forge(rig.headerOf("rsa", victim.typ), victim.claims, (input) => signers.RS256(input, rig.rsa.privateKey)),
      forge(rig.headerOf("ed", victim.typ), victim.claims, (input) => signers.EdDSA(input, rig.ed.privateKey)),
      forge(headerOf(victim), { ...victim.claims, nbf: seconds(0) }, asOwner),
    ];
    for (const jwt of [victim.genuine, ...written]) expect(await victim.verify(jwt)).toMatchObject({ userId: "ada" });
    expect(victim.rejections()).toEqual([]);
  });

  const attacks = { ...algorithms, ...keysOfTheForger, ...headers, ...claims, ...signatures, ...forms };
  it.each(Object.entries(attacks))("is refused with: %s", async (_, [reason, attack]) => {
    const variants = [await attack(victim)].flat();
    const cost = await costOf(async () => {
      for (const [at, jwt] of variants.entries()) expect(await victim.verify(jwt), `variant ${at}`).toBeNull();
    });
    expect(cost).toEqual({});
    expect(victim.rejections().map((rejection) => rejection.reason)).toEqual(variants.map(() => reason));
  });

  it("is not the other kind, as it was issued or with the claims of both", async () => {
    const all = { ...other.claims, ...victim.claims };
    expect(await victim.verify(other.genuine)).toBeNull();
    expect(await victim.verify(forge(headerOf(other), all, asOwner))).toBeNull();
    // With the right type, the claims of the other kind are not enough, whatever the audience.
    const retyped = { ...other.claims, aud: victim.claims["aud"] };
    expect(await victim.verify(forge(headerOf(victim), retyped, asOwner))).toBeNull();
    expect(victim.rejections().map(({ reason }) => reason)).toEqual(["untrusted", "untrusted", "misdirected"]);
    // The forger did nothing else wrong.
    expect(await victim.verify(forge(headerOf(victim), without(all, foreign), asOwner))).not.toBeNull();
  });
});

it("takes the twin of an ECDSA signature for what it is, another signature of the same: docs/jwt.md says so", async () => {
  const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const [head, payload, signature = ""] = sessionJwt.genuine.split(".");
  const bytes = Buffer.from(signature, "base64url");
  const s = order - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  const twin = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, "0"), "hex")]);
  expect(await jwts.unwrap(`${head}.${payload}.${twin.toString("base64url")}`)).toBe(ada.token);
});

it("attacks a live session, whose JWT and token are as good as ever", async () => {
  expect(await jwts.verify(sessionJwt.genuine)).toEqual(await store.get(ada.token));
  expect(await store.get(ada.token)).not.toBeNull();
});
