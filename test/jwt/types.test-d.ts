/** The types of coatcheck/jwt. */
import type { KeyObject } from "node:crypto";
import type { CryptoKey, JWK } from "jose";
import { assertType, describe, expectTypeOf, it } from "vitest";
import type { BearerFormat, HttpOptions } from "../../src/http.js";
import type { IssuedSession, Session, SessionStore } from "../../src/index.js";
import {
  createJwtSessions,
  createServiceTokenVerifier,
  type JwtKey,
  type JwtSessions,
  type ServiceToken,
} from "../../src/jwt.js";

interface Claims {
  role: "member" | "admin";
}
const key: JwtKey = { kid: "k", alg: "ES256", key: {} as KeyObject };
const names = { issuer: "i", audience: "a" };
const store = {} as SessionStore<Claims>;

describe("coatcheck/jwt", () => {
  it("knows the claims of its store", () => {
    expectTypeOf(createJwtSessions(store, { ...names, key })).toEqualTypeOf<JwtSessions<Claims>>();
    expectTypeOf<JwtSessions<Claims>["verify"]>().returns.resolves.toEqualTypeOf<Session<Claims> | null>();
    expectTypeOf<IssuedSession<Claims>>().toExtend<Parameters<JwtSessions<Claims>["wrap"]>[0]>();
    expectTypeOf<Session<Claims>>().toExtend<Parameters<JwtSessions<Claims>["mint"]>[0]>();
  });

  it("is what the HTTP layer takes as bearer, which knows nothing of it", () => {
    expectTypeOf<JwtSessions<Claims>>().toExtend<BearerFormat>();
    expectTypeOf<JwtSessions<Claims>>().toExtend<HttpOptions["bearer"]>();
  });

  it("takes one key or several", () => {
    expectTypeOf<KeyObject | CryptoKey | JWK | Uint8Array>().toExtend<JwtKey["key"]>();
    createJwtSessions(store, { ...names, keys: [key, key] });
    // @ts-expect-error: both
    createJwtSessions(store, { ...names, key, keys: [key] });
    // @ts-expect-error: neither
    createJwtSessions(store, names);
    // @ts-expect-error: no such algorithm
    assertType<JwtKey>({ kid: "k", alg: "none", key: {} as KeyObject });
    // @ts-expect-error: a password is no key
    assertType<JwtKey>({ kid: "k", alg: "HS256", key: "secret" });
    // @ts-expect-error: no audience
    createServiceTokenVerifier({ key, issuer: "i" });
  });

  it("keeps a service token apart from a session", () => {
    const verifier = createServiceTokenVerifier({ ...names, key });
    expectTypeOf(verifier.verify).returns.resolves.toEqualTypeOf<ServiceToken | null>();
    expectTypeOf<ServiceToken["userId"]>().toEqualTypeOf<string | null>();
    expectTypeOf<ServiceToken>().not.toExtend<Session>();
    expectTypeOf<Session>().not.toExtend<ServiceToken>();
  });
});
