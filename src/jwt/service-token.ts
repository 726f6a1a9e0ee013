/**
 * Service tokens: short JWTs with which one server tells another on whose behalf it calls. They are verified without Redis, so
 * they stay valid after a revocation until they expire: that takes minutes at most, and by default one minute.
 */
import { randomUUID } from "node:crypto";
import type { JWTPayload } from "jose";
import { checkInteger, checkNames, show } from "../leaves/arguments.js";
import { isId } from "../leaves/token.js";
import { Events } from "../sessions/events.js";
import type { Session } from "../sessions/session.js";
import { type JwtOptions, JwtProfile, type JwtVerdict, numericDate, refusedJwt } from "./profile.js";
import { checkPrintable, type SigningKey } from "./signing-key.js";

/** What a service token is for. */
export interface MintOptions {
  /** The one service that is to accept it, at most 256 printable ASCII characters. */
  readonly audience: string;
  /** What it allows, as names without spaces (RFC 6749, 3.3); 1024 characters in all. Default: none. */
  readonly scope?: readonly string[] | undefined;
  /**
   * How long it is accepted, ms, 1000 to 300 000. For this time the other service accepts it even if the session is revoked. It
   * never lives longer than the session. Default: 60 seconds.
   */
  readonly ttl?: number | undefined;
}

/** What a service learns from a token. A frozen plain object. */
export interface ServiceToken {
  /** The id of this token, for logs, or to accept it only once. */
  readonly id: string;
  readonly issuer: string;
  readonly audience: string;
  /** On whose behalf. `null` for a guest, who has proved nothing about themselves. */
  readonly userId: string | null;
  /** The id of the session from which it was minted. It is no credential. */
  readonly sessionId: string;
  readonly scope: readonly string[];
  /** Epoch ms, to the second. */
  readonly issuedAt: number;
  /** Epoch ms, to the second. */
  readonly expiresAt: number;
}

/** The options of {@link createServiceTokenVerifier}. */
export type ServiceTokenVerifierOptions = JwtOptions & {
  /** The service that verifies: it accepts what was minted for this `audience` and nothing else. */
  readonly audience: string;
};

/** Verifies service tokens. */
export interface ServiceTokenVerifier {
  /** What the token says. `null`: it is no service token, not for this service, or expired. No I/O. */
  verify(jwt: unknown): Promise<ServiceToken | null>;
  /** `rejected` tells why a token was refused. */
  readonly events: Events;
}

/** The largest `ttl`: for this long a token may be accepted after its session was revoked. */
const MAX_TTL = 5 * 60_000;
const DEFAULT_TTL = 60_000;
const MAX_SCOPE = 1024;
const SCOPE = /^[!#-[\]-~]+$/;

/** Mints and verifies service tokens of one issuer. */
export class ServiceTokens {
  readonly #profile: JwtProfile;

  /** Throws `TypeError` and `RangeError` for wrong options. */
  constructor(options: JwtOptions) {
    this.#profile = new JwtProfile({ typ: "coatcheck-service+jwt", maxAge: MAX_TTL }, options);
  }

  /** The keys, the first of which signs. */
  get keys(): readonly SigningKey[] {
    return this.#profile.keys;
  }

  mint(session: Session<object>, options: MintOptions): Promise<string> {
    checkNames("mint", options, ["audience", "scope", "ttl"]);
    const { audience, scope = [], ttl = DEFAULT_TTL } = options;
    checkPrintable("audience", audience, 256);
    checkScope(scope);
    checkInteger("ttl (ms)", ttl, 1000, MAX_TTL);
    if (!isId(session?.id)) throw new TypeError(`mint needs a session, got ${show(session)}`);
    const now = Date.now();
    const expiresAt = Math.min(now + ttl, session.expiresAt);
    if (expiresAt <= now) throw new RangeError("The session has expired, by the clock of this process");
    return this.#profile.sign({
      aud: audience,
      ...(session.userId === null ? {} : { sub: session.userId }),
      sid: session.id,
      jti: randomUUID(),
      ...(scope.length === 0 ? {} : { scope: scope.join(" ") }),
      iat: numericDate(now),
      exp: numericDate(expiresAt),
    });
  }

  async verify(jwt: unknown, audience: string, events: Events): Promise<ServiceToken | null> {
    const verdict = checkAsMinted(await this.#profile.verify(jwt, audience));
    if (verdict.claims === null) {
      events.announce("rejected", { id: verdict.id, reason: verdict.reason });
      return null;
    }
    const { jti, iss, sub, sid, scope, iat, exp } = verdict.claims as Record<string, string> & {
      iat: number;
      exp: number;
    };
    return Object.freeze({
      id: jti as string,
      issuer: iss as string,
      audience,
      userId: sub ?? null,
      sessionId: sid as string,
      scope: Object.freeze(scope === undefined ? [] : scope.split(" ")),
      issuedAt: iat * 1000,
      expiresAt: exp * 1000,
    });
  }
}

/**
 * Verifies the service tokens of an application in another service, which needs neither its store nor Redis: only the public
 * key, or with an HMAC algorithm the secret, with which it could sign too. Throws `TypeError` and `RangeError` for wrong
 * options, and for a private key, which a verifier must not have.
 * @example const tokens = createServiceTokenVerifier({ key, issuer: "https://shop.example", audience: "stock" });
 */
export function createServiceTokenVerifier(options: ServiceTokenVerifierOptions): ServiceTokenVerifier {
  checkNames("createServiceTokenVerifier", options, ["key", "keys", "issuer", "audience", "clockTolerance"]);
  const audience = checkPrintable("audience", options.audience, 256);
  const tokens = new ServiceTokens(options);
  if (tokens.keys.some(({ type }) => type === "private"))
    throw new TypeError("A verifier must be given public keys: with a private one it could sign");
  const events = new Events();
  return Object.freeze({ verify: (jwt: unknown) => tokens.verify(jwt, audience, events), events });
}

function checkScope(scope: readonly string[]): void {
  if (!Array.isArray(scope)) throw new TypeError(`scope must be an array of strings, got ${show(scope)}`);
  for (const name of scope) {
    if (typeof name !== "string") throw new TypeError(`scope must hold strings, got ${show(name)}`);
    if (!SCOPE.test(name)) {
      throw new RangeError(
        `scope must hold names of printable ASCII without spaces, quotes and backslashes, got ${show(name)}`,
      );
    }
  }
  if (scope.join(" ").length > MAX_SCOPE)
    throw new RangeError(`scope must have at most ${MAX_SCOPE} characters in all`);
}

/** Checks that the claims are as `mint` writes them: the key may be used elsewhere, or by a version with other limits. */
function checkAsMinted(verdict: JwtVerdict): JwtVerdict {
  if (verdict.claims === null) return verdict;
  const { jti, sid, sub, scope, iat, exp } = verdict.claims as JWTPayload & { scope?: unknown; sid?: unknown };
  const isOurs =
    typeof jti === "string" &&
    isId(sid) &&
    (sub === undefined || typeof sub === "string") &&
    (scope === undefined || typeof scope === "string") &&
    (exp as number) - (iat as number) <= MAX_TTL / 1000;
  return isOurs ? verdict : refusedJwt("misdirected", verdict.claims);
}
