/** The request lifecycle: finds the credential, refuses what another site sent, and looks the session up. */

import { checkNames } from "../leaves/arguments.js";
import { UnauthenticatedError, UntrustedOriginError } from "../leaves/errors.js";
import { sightingsOf } from "../sessions/sightings.js";
import type { SessionStore } from "../sessions/store.js";
import { type BearerFormat, parseBearerOption, readBearer } from "./bearer.js";
import { type CookieOptions, SessionCookie } from "./cookie.js";
import { type CsrfOptions, type CsrfPolicy, parseCsrfOption } from "./csrf.js";
import type { HttpPort } from "./port.js";
import { type Credential, type RequestContext, RequestSession } from "./request-session.js";

/** How sessions travel over HTTP. */
export interface HttpOptions {
  /** The session cookie, or `false` for none. Default: on. */
  readonly cookie?: CookieOptions | false | undefined;
  /**
   * Whether `Authorization: Bearer` is accepted too, for mobile and API clients (RFC 6750). With what `createJwtSessions`
   * makes, clients get and send JWTs there, and no bare tokens are accepted. Default: `false`.
   */
  readonly bearer?: boolean | BearerFormat | undefined;
  /**
   * Requests that change something and are authenticated by the cookie must come from this origin or a trusted one.
   * `false` turns that off, for applications that have a defence of their own. Default: on.
   */
  readonly csrf?: CsrfOptions | false | undefined;
}

/** Sessions over HTTP, for any framework. */
export interface HttpSessions<Claims extends object> {
  /**
   * The session of one request. One round trip at most, none where no credential or a malformed one came. Throws
   * `StoreUnavailableError` (503), `UntrustedOriginError` (403) for another site's request, and `UnauthenticatedError`
   * (401) for a request with two credentials that differ.
   */
  load(port: HttpPort): Promise<RequestSession<Claims>>;
}

/** The names of {@link HttpOptions}, for adapters that take other options beside them. */
export const HTTP_OPTION_NAMES = ["cookie", "bearer", "csrf"] as const;

/** Makes the request lifecycle over a store. Throws `TypeError` and `RangeError` for wrong options. */
export function createHttpSessions<Claims extends object>(
  store: SessionStore<Claims>,
  options: HttpOptions = {},
): HttpSessions<Claims> {
  // Not `touch`: a Redis client has one too, and answers it with a number, which is not `null`.
  if (typeof store?.updateClaims !== "function")
    throw new TypeError("The store must be one that createSessionStore made");
  checkNames("options", options, HTTP_OPTION_NAMES);
  const { cookie = {}, bearer: accepted = false, csrf = {} } = options;
  const bearer = parseBearerOption(accepted);
  if (cookie === false && bearer === undefined)
    throw new TypeError("cookie and bearer cannot both be off: no token could travel");
  const policy = parseCsrfOption(csrf);
  const cx: RequestContext<Claims> = {
    store,
    cookie: cookie === false ? undefined : new SessionCookie(cookie),
    bearer,
    vary: [...(cookie === false ? [] : ["Cookie"]), ...(bearer === undefined ? [] : ["Authorization"])].join(", "),
    isAllowed: policy.isAllowed,
  };

  const seen = sightingsOf(store);
  return Object.freeze({
    async load(port: HttpPort) {
      const credential = await findCredential(cx, policy, port);
      if (credential?.transport === "cookie" && !cx.isAllowed(port)) throw new UntrustedOriginError();
      const token = credential?.token ?? null;
      const found = token === null ? null : await seen.touch(token);
      return new RequestSession(cx, port, credential, found?.session ?? null, found?.readAt ?? 0);
    },
  });
}

async function findCredential<Claims extends object>(
  { cookie, bearer }: RequestContext<Claims>,
  csrf: CsrfPolicy,
  port: HttpPort,
): Promise<Credential | undefined> {
  const found = new Map<string | null, Credential>();
  const cookies = cookie === undefined || csrf.isExempt(port) ? [] : cookie.read(port.header("cookie"));
  for (const token of cookies) {
    found.set(token, { token, transport: "cookie", inCookie: true });
  }
  const presented = bearer === undefined ? undefined : readBearer(port);
  if (bearer !== undefined && presented !== undefined) {
    const token = await bearer.unwrap(presented);
    // Whoever can send the token in a header of their own is no other site's dupe, whatever the cookie says too.
    found.set(token, { token, transport: "bearer", inCookie: found.has(token) });
  }
  if (found.size > 1) {
    // RFC 6750, 2 forbids two; and a second cookie of the name is one that somebody else has planted.
    const challenge = bearer ? { challenge: 'Bearer error="invalid_request"' } : {};
    throw new UnauthenticatedError("The request has two credentials that differ", challenge);
  }
  return found.values().next().value;
}
