/** OpenID Connect Back-Channel Logout 1.0: the provider tells that a session of its own has ended, and ours end with it. */
import { type SessionStore, StoreUnavailableError } from "coatcheck";
import type { Redis } from "ioredis";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

/** What an ID token says of the log-in at the provider. */
export interface ProviderSession {
  readonly sub: string;
  readonly sid: string;
  /** Seconds since 1970. */
  readonly auth_time: number;
}

export interface BackChannelSettings {
  /** With a `commandTimeout`: otherwise a Redis that does not answer keeps the provider waiting. */
  readonly redis: Redis;
  readonly store: SessionStore<Coatcheck.Claims>;
  readonly issuer: string;
  readonly jwksUri: string;
  readonly clientId: string;
}

/** A logout token that is not to be believed: 400. */
export class LogoutTokenError extends Error {
  override name = "LogoutTokenError";
}

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** As long as a session may last, ms. */
const LIFETIME = 12 * 60 * 60_000;
/** How old a logout token may be, seconds. */
const MAX_AGE = 120;
/** How far apart the clocks of the provider and of this server may be, seconds. */
const TOLERANCE = 30;

/** What a command of our own answers. If it fails, nobody knows what has ended: 503, and the provider tries again. */
const answered = <T>(reply: Promise<T>): Promise<T> =>
  reply.catch((cause: unknown) => {
    throw new StoreUnavailableError("Redis did not answer the back channel", cause);
  });

export function createBackChannel({ redis, store, issuer, jwksUri, clientId }: BackChannelSettings) {
  const keys = createRemoteJWKSet(new URL(jwksUri));

  /** Section 2.6 of the specification. */
  async function verify(token: string) {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms: ["RS256"],
      clockTolerance: TOLERANCE,
      maxTokenAge: MAX_AGE,
      requiredClaims: ["iat", "exp", "jti"],
    }).catch((error: unknown) => {
      // If the provider did not give its keys, nothing is known of the token.
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout))
        throw new LogoutTokenError(error.message, { cause: error });
      throw error;
    });
    const { sub, sid, jti, iat = 0, events } = payload;
    const isEvent = typeof events === "object" && events !== null && EVENT in events;
    const isTyped = protectedHeader.typ === undefined || /^(application\/)?logout\+jwt$/i.test(protectedHeader.typ);
    if (!isEvent || !isTyped) throw new LogoutTokenError("It is no logout token");
    // So that no ID token is taken for a logout token.
    if ("nonce" in payload) throw new LogoutTokenError("It has a nonce");
    if (typeof jti !== "string") throw new LogoutTokenError("It has no jti");
    if (sid !== undefined && typeof sid !== "string") throw new LogoutTokenError("Its sid is no string");
    if (sid === undefined && sub === undefined) throw new LogoutTokenError("It names neither a session nor a user");
    return { sub, sid, jti, iat };
  }

  /** Ends the sessions that have begun with a session of the provider. */
  async function endSession(sid: string, userId: string): Promise<void> {
    for (;;) {
      const sessions = (await store.listForUser(userId)).filter(({ claims }) => claims.sid === sid);
      if (sessions.length === 0) return;
      // Again afterwards: a rotation at the same time gives a session another id.
      await Promise.all(sessions.map(({ id }) => store.revoke(id)));
    }
  }

  return {
    /** For a log-in, before its session starts: a logout token may name the session of the provider alone, without a user. */
    async remember({ sid, sub }: ProviderSession): Promise<void> {
      await answered(redis.set(`oidc:user:${sid}`, sub, "PX", LIFETIME));
    },

    /**
     * For a log-in, after its session has started: whether the provider has ended its own meanwhile. A logout token first leaves a
     * mark, and then ends what there is; a log-in first starts its session, and then looks for the mark. So one sees the other.
     */
    async hasEnded({ sid, sub, auth_time }: ProviderSession): Promise<boolean> {
      const [bySession, byUser] = await answered(redis.mget(`oidc:ended:sid:${sid}`, `oidc:ended:sub:${sub}`));
      return bySession !== null || (byUser !== null && byUser !== undefined && auth_time <= Number(byUser));
    },

    /** Obeys a logout token. Throws `LogoutTokenError` for one that is not to be believed, and then has ended nothing. */
    async logOut(token: string): Promise<void> {
      const { sub, sid, jti, iat } = await verify(token);
      if ((await answered(redis.exists(`oidc:jti:${jti}`))) === 1) throw new LogoutTokenError("It was used before");
      if (sid !== undefined) {
        await answered(redis.set(`oidc:ended:sid:${sid}`, "1", "PX", LIFETIME));
        const userId = sub ?? (await answered(redis.get(`oidc:user:${sid}`)));
        if (userId !== null) await endSession(sid, userId);
      } else if (sub !== undefined) {
        await answered(redis.set(`oidc:ended:sub:${sub}`, iat, "PX", LIFETIME));
        await store.revokeAllForUser(sub);
      }
      // Only now: if something failed before, the provider may send the token again.
      await answered(redis.set(`oidc:jti:${jti}`, "1", "EX", MAX_AGE + 2 * TOLERANCE));
    },
  };
}
