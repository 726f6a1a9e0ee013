/**
 * Session tokens inside JWTs, for clients and gateways that want one: the signature keeps garbage away from Redis, and
 * Redis has the last word. Knows no header of HTTP.
 */

import { checkNames, checkStore, MAX_DURATION } from "../leaves/arguments.js";
import { isId, parseToken } from "../leaves/token.js";
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";
import type { IssuedSession } from "../sessions/verbs/create.js";
import { type JwtOptions, JwtProfile, numericDate, type RefusedJwt, refusedJwt } from "./profile.js";
import { type MintOptions, type ServiceToken, ServiceTokens } from "./service-token.js";
import { checkPrintable } from "./signing-key.js";

/** The options of {@link createJwtSessions}. */
export type JwtSessionsOptions = JwtOptions & {
  /** The `aud` of session JWTs: this application, by custom a URL. At most 256 printable ASCII characters. */
  readonly audience: string;
};

/** Session tokens inside JWTs. Give it to the HTTP layer as `bearer`, or use it by itself. */
export interface JwtSessions<Claims extends object = Record<string, unknown>> {
  /**
   * Signs a JWT around a new token. It is a bearer credential, like the token in it: its payload is not encrypted, and holds
   * the token's secret in the claim `secret`. It names the user and the session, carries none of the session's claims, and
   * lasts until the session's absolute deadline. No I/O. Throws `TypeError` for a value that `create` and `rotate` do not
   * return.
   * @example const jwt = await jwts.wrap(await store.create({ userId: "ada" }));
   */
  wrap(issued: IssuedSession<object>): Promise<string>;

  /**
   * The session token in a JWT, for every verb of the store that takes one, such as `revoke`. `null`: the JWT is forged,
   * expired, meant for somebody else, or not ours. A token does not mean that the session is live. No I/O.
   * @example await store.revoke(await jwts.unwrap(jwt));
   */
  unwrap(jwt: unknown): Promise<string | null>;

  /**
   * The live session of a JWT, as it is now. It calls `touch` of the store: one round trip, or none if `unwrap` refuses the
   * JWT. `null`: no live session. The event `rejected` of the store tells why. Throws `StoreUnavailableError`.
   */
  verify(jwt: unknown): Promise<Session<Claims> | null>;

  /**
   * Mints a service token, with which to call another server on behalf of the session's user. A service that verifies it does
   * not ask Redis, so it stays valid after a revocation, until its `ttl` is over. No I/O. Throws `TypeError` and `RangeError`
   * for wrong options, for an `audience` that is this application's, and for a session that has expired.
   * @example const token = await jwts.mint(session, { audience: "stock", scope: ["stock:read"] });
   */
  mint(session: Session<object>, options: MintOptions): Promise<string>;

  /**
   * What a service token minted for `audience` says, for a service within this application; other services use
   * `createServiceTokenVerifier`. `null`: not one of ours, for another audience, or expired. A session JWT gives `null` too. No
   * I/O.
   */
  verifyService(jwt: unknown, options: { readonly audience: string }): Promise<ServiceToken | null>;
}

/**
 * Wraps the tokens of a store in JWTs, and mints service tokens from its sessions. Does no I/O. Throws `TypeError` and
 * `RangeError` for wrong options and for keys that do not fit their algorithm.
 * @example
 * const key = { kid: "2026-11", alg: "ES256", key: createPrivateKey(pem) } as const;
 * const jwts = createJwtSessions(store, { key, issuer: "https://shop.example", audience: "https://shop.example" });
 */
export function createJwtSessions<Claims extends object>(
  store: SessionStore<Claims>,
  options: JwtSessionsOptions,
): JwtSessions<Claims> {
  checkStore(store);
  checkNames("createJwtSessions", options, ["key", "keys", "issuer", "audience", "clockTolerance"]);
  const audience = checkPrintable("audience", options.audience, 256);
  const profile = new JwtProfile({ typ: "coatcheck-session+jwt", maxAge: MAX_DURATION }, options);
  if (profile.keys[0]?.type === "public") throw new TypeError("The first key signs, and this one is public");
  const services = new ServiceTokens(options);
  /**
   * Checks the audience of a service. It must not be the application's own: then two kinds of token would have one audience.
   */
  const checkService = (service: unknown) => {
    if (checkPrintable("audience", service, 256) !== audience) return service as string;
    throw new RangeError("The audience of a service token must be another than that of the sessions");
  };
  const rejected = ({ reason, id }: RefusedJwt): null => {
    store.events.announce("rejected", { id, reason });
    return null;
  };

  async function wrap(issued: IssuedSession<object>): Promise<string> {
    const { token, session } = issued ?? {};
    const id = parseToken(token)?.id;
    if (id === undefined || id !== session?.id) throw new TypeError("wrap needs what create or rotate returned");
    return profile.sign({
      aud: audience,
      ...(session.userId === null ? {} : { sub: session.userId }),
      sid: id,
      secret: token.slice(id.length + 1),
      iat: numericDate(Date.now()),
      // Redis ends the session to the millisecond, and the JWT must not end before it.
      exp: numericDate(session.absoluteExpiresAt + 999),
    });
  }

  async function unwrap(jwt: unknown): Promise<string | null> {
    const verdict = await profile.verify(jwt, audience);
    if (verdict.claims === null) return rejected(verdict);
    const { sid, secret } = verdict.claims;
    const token = isId(sid) && typeof secret === "string" ? `${sid}.${secret}` : "";
    return parseToken(token) === null ? rejected(refusedJwt("misdirected", verdict.claims)) : token;
  }

  return Object.freeze<JwtSessions<Claims>>({
    wrap,
    unwrap,
    verify: async (jwt) => {
      const token = await unwrap(jwt);
      return token === null ? null : store.touch(token);
    },
    mint: async (session, options) => {
      checkService(options?.audience);
      return services.mint(session, options);
    },
    verifyService: async (jwt, options) => {
      checkNames("verifyService", options, ["audience"]);
      return services.verify(jwt, checkService(options.audience), store.events);
    },
  });
}
