/** The request lifecycle: finds the credential, refuses what another site sent, and looks the session up. */

import { checkNames, checkStore, show } from "../leaves/arguments.js";
import { UntrustedOriginError } from "../leaves/errors.js";
import { sightingsOf } from "../sessions/sightings.js";
import type { SessionStore } from "../sessions/store.js";
import { type BearerFormat, bareTokens, parseBearerOption, readBearer } from "./bearer.js";
import { type CookieOptions, SessionCookie } from "./cookie.js";
import { type Credential, pickCredential } from "./credentials.js";
import { type CsrfOptions, parseCsrfOption } from "./csrf.js";
import type { HttpPort } from "./port.js";
import type { RequestContext } from "./request-context.js";
import { RequestSession } from "./request-session.js";

/** How sessions travel over HTTP. */
export interface HttpOptions {
  /** The session cookie, or `false` for none. Default: on. */
  readonly cookie?: CookieOptions | false | undefined;
  /**
   * Whether `Authorization: Bearer` is accepted too, for mobile and API clients (RFC 6750). With the result of
   * `createJwtSessions`, clients get and send JWTs there, and bare tokens are refused. Default: `false`.
   */
  readonly bearer?: boolean | BearerFormat | undefined;
  /**
   * Requests that change something and are authenticated by the cookie must come from this origin or a trusted one. `false`
   * turns that off, for applications with another protection. Default: on.
   */
  readonly csrf?: CsrfOptions | false | undefined;
  /**
   * Whether a request shows that the user is there. If it returns `false`, for example for a page that asks for news every few
   * seconds, the session is looked up and its idle deadline does not move. Must return a boolean, not a promise. Default: every
   * request does.
   */
  readonly slide?: ((port: HttpPort) => boolean) | undefined;
}

/** Sessions over HTTP, for any framework. */
export interface HttpSessions<Claims extends object> {
  /**
   * The session of one request. One round trip at most, and none if no credential or a malformed one came. A request with
   * several well-formed credentials costs two: up to four are looked up side by side, and the only live one is then
   * touched; if two are live, `current` is `null`. Throws `StoreUnavailableError` (503), and `UntrustedOriginError` (403)
   * for another site's request.
   */
  load(port: HttpPort): Promise<RequestSession<Claims>>;

  /**
   * With the option `near` of the store: the session of a request from the memory of this process, at once and without a promise.
   * `undefined`: call `load`; it does not mean that there is no session. Only for a request with one credential, a cookie or a bare
   * token. Throws what `slide` and `csrf.exempt` throw.
   * @example const session = http.peek(port) ?? (await http.load(port));
   */
  peek(port: HttpPort): RequestSession<Claims> | undefined;
}

/** The names of {@link HttpOptions}, for adapters that have more options. */
export const HTTP_OPTION_NAMES = ["cookie", "bearer", "csrf", "slide"] as const;

/** Makes the request lifecycle over a store. Throws `TypeError` and `RangeError` for wrong options. */
export function createHttpSessions<Claims extends object>(
  store: SessionStore<Claims>,
  options: HttpOptions = {},
): HttpSessions<Claims> {
  return makeHttpSessions("createHttpSessions", store, options);
}

/** The same for a function of another name, which errors name: `caller`. */
export function makeHttpSessions<Claims extends object>(
  caller: string,
  store: SessionStore<Claims>,
  options: HttpOptions = {},
): HttpSessions<Claims> {
  checkStore(store);
  checkNames(caller, options, HTTP_OPTION_NAMES);
  const { cookie = {}, bearer: accepted = false, csrf = {}, slide } = options;
  if (slide !== undefined && typeof slide !== "function")
    throw new TypeError(`slide must be a function, got ${show(slide)}`);
  const bearer = parseBearerOption(accepted);
  if (cookie === false && bearer === undefined)
    throw new TypeError("cookie and bearer cannot both be off: no token could travel");
  const policy = parseCsrfOption(csrf);
  const seen = sightingsOf(store);
  const cx: RequestContext<Claims> = {
    store,
    timeouts: seen.timeouts,
    cookie: cookie === false ? undefined : new SessionCookie(cookie),
    bearer,
    vary: [...(cookie === false ? [] : ["Cookie"]), ...(bearer === undefined ? [] : ["Authorization"])].join(", "),
    isAllowed: policy.isAllowed,
  };

  /** The one credential of a request; `undefined` if it has none or several, or one that must be unwrapped first. */
  const onlyCredential = (port: HttpPort): (Credential & { readonly token: string }) | undefined => {
    const cookies = cx.cookie?.read(port.header("cookie")) ?? [];
    const presented = bearer === undefined ? undefined : readBearer(port);
    if (presented === undefined) {
      const [token, another] = cookies;
      const isOne = token !== undefined && another === undefined;
      return isOne ? { token, transport: "cookie", inCookie: true } : undefined;
    }
    const isBare = bearer === bareTokens && cookies.length === 0;
    return isBare ? { token: presented, transport: "bearer", inCookie: false } : undefined;
  };

  return Object.freeze({
    peek(port: HttpPort) {
      const memory = seen.memory();
      const credential = memory === undefined ? undefined : onlyCredential(port);
      if (memory === undefined || credential === undefined) return undefined;
      const found = memory.glance(credential.token);
      if (found === undefined) return undefined;
      // The functions of the application come last, so that a request which memory cannot answer asks them once, in `load`.
      if (credential.inCookie && (policy.isExempt(port) || !cx.isAllowed(port))) return undefined;
      if (slides(slide, port) && !memory.slide(found.session.id)) return undefined;
      return new RequestSession(cx, port, credential, found.session, found.readAt);
    },

    async load(port: HttpPort) {
      const cookies = cx.cookie === undefined || policy.isExempt(port) ? [] : cx.cookie.read(port.header("cookie"));
      const presented = bearer === undefined ? undefined : readBearer(port);
      let credential: Credential | undefined;
      if (presented !== undefined || cookies.length > 1) {
        const unwrapped = presented === undefined ? undefined : await bearer?.unwrap(presented);
        const isAllowed = () => cx.isAllowed(port);
        credential = await pickCredential({ cookies, bearer: unwrapped, isAllowed, get: seen.ask });
      } else if (cookies[0] !== undefined) {
        if (!cx.isAllowed(port)) throw new UntrustedOriginError();
        credential = { token: cookies[0], transport: "cookie", inCookie: true };
      }
      const token = credential?.token ?? null;
      const found = token === null ? null : await (slides(slide, port) ? seen.touch(token) : seen.get(token));
      const ended = found === null ? credential?.ended : found.ended;
      return new RequestSession(cx, port, credential, found?.session ?? null, found?.readAt ?? 0, ended);
    },
  });
}

function slides(slide: HttpOptions["slide"], port: HttpPort): boolean {
  if (slide === undefined) return true;
  const answer: unknown = slide(port);
  // A promise is truthy: with an asynchronous function every request would slide.
  if (typeof answer !== "boolean") throw new TypeError(`slide must return a boolean, got ${show(answer)}`);
  return answer;
}
