/**
 * What a session token stands for, as OAuth 2.0 Token Introspection has it (RFC 7662), for services in any language. It knows
 * the store, but neither Redis nor HTTP: the application has the endpoint, and decides who may ask it.
 */
import { checkBoolean, checkClaims, checkNames, checkStore, checkString, show } from "../leaves/arguments.js";
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";

/** What {@link introspect} tells of a session, and how it looks it up. */
export interface IntrospectOptions<Claims extends object> {
  /**
   * Which claims to tell: their names, or a function that takes the session and returns members of the response. Throws
   * `TypeError` if a claim has the name of a member that describes the token itself (`active`, `sub`, `exp` …). Tell a caller
   * no more than it needs (RFC 7662, 5). Default: none.
   */
  readonly claims?:
    | readonly (keyof Claims & string)[]
    | ((session: Session<Claims>) => object | Promise<object>)
    | undefined;
  /** `client_id` of the response: the application to which the token was issued, not the one that asks. Default: none. */
  readonly clientId?: string | undefined;
  /** `iss` of the response: who issued the token, usually a URL. Default: none. */
  readonly issuer?: string | undefined;
  /**
   * Whether a guest's session is active too; its response has no `sub`. A service that reads `active` as "logged in" would let
   * guests in. Default: `false`.
   */
  readonly guests?: boolean | undefined;
  /**
   * Whether to slide the idle deadline, as a request of the user's does. For services that users call directly. A service that
   * asks for reasons of its own would keep an abandoned session alive. Default: `false`.
   */
  readonly touch?: boolean | undefined;
}

/** A token of a live session. Every instant is in seconds, as RFC 7662 has it. */
export interface ActiveToken {
  readonly active: true;
  /** The user id; absent for a guest. */
  readonly sub?: string;
  /** The public id of the session. */
  readonly sid: string;
  /** When the session ends if it is not used, rounded down. */
  readonly exp: number;
  /** When the session was created, rounded down. */
  readonly iat: number;
  readonly client_id?: string;
  readonly iss?: string;
  /** The chosen claims. */
  readonly [claim: string]: unknown;
}

/** Anything else: unknown, malformed, expired or revoked. It has no other members, so it does not say which. */
export interface InactiveToken {
  readonly active: false;
}

/** What the endpoint answers, as JSON. */
export type IntrospectionResponse = ActiveToken | InactiveToken;

/**
 * The members that tell what the token is and for whom it is (RFC 7662, 2.2; `sid` is from OpenID Connect). No claim may take
 * their place, even if this response leaves one of them out. `scope` and `username` are not among them: the application may
 * give them.
 */
const RESERVED = [
  ...["active", "sub", "sid", "exp", "iat", "nbf", "jti"],
  ...["iss", "aud", "client_id", "token_type"],
] as const;

/**
 * Looks a token up and gives the response of RFC 7662: `{ active: false }` for anything that is not the token of a live
 * session, including a session id and a value that is not a string. One round trip; none if the value does not have the form of
 * a token. Rejects as `get` does. `StoreUnavailableError` means that nobody knows: then answer 503, and never `{ active: false
 * }`. Throws `TypeError` for wrong options.
 * @example res.set("Cache-Control", "no-store").json(await introspect(store, req.body.token, { claims: ["role"] }));
 */
export async function introspect<Claims extends object>(
  store: SessionStore<Claims>,
  token: unknown,
  options: IntrospectOptions<Claims> = {},
): Promise<IntrospectionResponse> {
  checkStore(store);
  checkNames("introspect", options, ["claims", "clientId", "issuer", "guests", "touch"]);
  const { claims = [], clientId, issuer, guests = false, touch = false } = options;
  if (typeof claims !== "function") checkChosen(claims);
  if (clientId !== undefined) checkString("clientId", clientId);
  if (issuer !== undefined) checkString("issuer", issuer);
  checkBoolean("guests", guests);
  checkBoolean("touch", touch);

  const session = touch ? await store.touch(token) : await store.get(token);
  if (session === null || (session.userId === null && !guests)) return { active: false };
  return {
    active: true,
    ...(session.userId === null ? {} : { sub: session.userId }),
    sid: session.id,
    exp: Math.floor(session.expiresAt / 1000),
    iat: Math.floor(session.createdAt / 1000),
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(issuer === undefined ? {} : { iss: issuer }),
    ...(typeof claims === "function" ? made(await claims(session)) : chosen(session.claims, claims)),
  };
}

function checkChosen(names: unknown): void {
  if (!Array.isArray(names)) {
    throw new TypeError(`claims must be an array of names or a function, got ${show(names)}`);
  }
  for (const name of names) refuseReserved(checkString("a name in claims", name));
}

function chosen(claims: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => names.includes(name)));
}

function made(members: unknown): object {
  const given = checkClaims("What the function in claims returns", members);
  for (const name of Object.keys(given)) refuseReserved(name);
  return given;
}

function refuseReserved(name: string): void {
  if ((RESERVED as readonly string[]).includes(name)) {
    throw new TypeError(`claims must not have ${JSON.stringify(name)}, which tells what the token is`);
  }
}
