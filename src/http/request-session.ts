/** The session of one request: what `req.session` is. Knows headers only through the port, and no framework. */

import { checkBoolean, checkNames, checkOneOf } from "../leaves/arguments.js";
import {
  ForbiddenError,
  isNotReplicated,
  NotReplicatedError,
  UnauthenticatedError,
  UntrustedOriginError,
} from "../leaves/errors.js";
import type { Ending } from "../sessions/ending.js";
import type { Session } from "../sessions/session.js";
import type { IssuedSession } from "../sessions/verbs/create.js";
import type { RotateOptions } from "../sessions/verbs/rotate-options.js";
import type { ClaimsChange } from "../sessions/verbs/update.js";
import type { Watch, WatchOptions } from "../sessions/watching/watch.js";
import { noAssignments, refuseAssignment } from "./assignments.js";
import { Caching } from "./caching.js";
import { logInAgain, logInFirst, twoSessions } from "./challenge.js";
import { type Credential, revokeEach, type Transport } from "./credentials.js";
import { discard, issueFor } from "./log-in.js";
import { logInAddress } from "./navigation.js";
import type { HttpPort } from "./port.js";
import {
  type EndOptions,
  type RequestContext,
  START_OPTIONS,
  type StartOptions,
  timeoutsOf,
} from "./request-context.js";
import { checkRequirement, isFresh, meets, type Requirement, type UserSession } from "./requirement.js";
import { addHeaders, CLEAR_SITE_DATA, checkWritable, type HeaderMap, isWritable, NO_STORE } from "./response-head.js";

/**
 * The session of a request. Reading `current` asks no server; every method is one explicit call to the store, with its errors
 * and its round trips. Nothing is saved when the response ends.
 */
export class RequestSession<Claims extends object = Record<string, unknown>> {
  readonly #cx: RequestContext<Claims>;
  readonly #port: HttpPort;
  readonly #readAt: number;
  readonly #caching: Caching;
  #credential: Credential | undefined;
  #current: Session<Claims> | null;
  #ended: Ending | null;

  /** @internal Made by `createHttpSessions().load()`. */
  constructor(
    cx: RequestContext<Claims>,
    port: HttpPort,
    credential: Credential | undefined,
    current: Session<Claims> | null,
    readAt: number,
    ended?: Ending,
  ) {
    this.#cx = cx;
    this.#port = port;
    this.#credential = credential;
    this.#current = current;
    this.#readAt = readAt;
    this.#ended = ended ?? null;
    this.#caching = new Caching(port, cx.vary);
  }

  /**
   * The live session, as this request last saw it; `null` for none. The response may now depend on it, so reading it adds
   * `Vary`, and `Cache-Control: no-store` if there is a session, unless the headers are sent already.
   */
  get current(): Session<Claims> | null {
    this.#caching.varies();
    if (this.#current !== null) this.#caching.noStore();
    return this.#current;
  }

  /**
   * Why the session of this request's token has ended: by which verb, when, and the note of that call. `null` if it is live, if
   * nothing is known, or without the option `endings` of the store. It costs no round trip. Only the bearer of the token is
   * told, so reading it adds `Vary`, and `Cache-Control: no-store` if there is something to tell.
   */
  get ended(): Ending | null {
    this.#caching.varies();
    if (this.#ended !== null) this.#caching.noStore();
    return this.#ended;
  }

  /**
   * Log-in: starts a session with a token of its own, and sends the cookie. The session that the request came with ends in the
   * same step (ASVS 5.0, 7.2.4); a guest's claims are kept, even if a form is sent twice: each answer then has a session with
   * them. The returned token is for clients that take it from the body: it is a JWT if bearer tokens are JWTs and `transport`
   * is `"bearer"`. Throws as `create` and `rotate` of the store do, `UntrustedOriginError` for another site's request, and
   * `TypeError` if the response can take no headers any more; then nothing is changed. If it throws `NotReplicatedError`,
   * nobody is logged in, and the cookie is taken back.
   */
  async start(options: StartOptions<Claims> = {}): Promise<IssuedSession<Claims>> {
    checkNames("session.start", options, START_OPTIONS);
    const { userId, claims, client = { userAgent: this.#port.header("user-agent") ?? undefined } } = options;
    const transport = options.transport ?? this.#credential?.transport ?? (this.#cx.cookie ? "cookie" : "bearer");
    checkOneOf("transport", transport, ["cookie", "bearer"]);
    if (transport === "cookie" && this.#cx.cookie === undefined) throw new TypeError("transport: cookies are off");
    if (transport === "bearer" && !this.#cx.bearer) throw new TypeError("transport: bearer tokens are off");
    const { persistent } = options;
    if (persistent !== undefined) checkBoolean("persistent", persistent);
    const timeouts = timeoutsOf(options, this.#cx.timeouts);
    checkWritable(this.#port, "start");
    // Another site must not log a browser in either: the user would then work in the attacker's account. A GET may do it:
    // identity providers and links in mails send browsers here so, and OAuth's `state` protects them.
    if (transport === "cookie" && !this.#cx.isAllowed(this.#port)) throw new UntrustedOriginError();

    const { store } = this.#cx;
    // These end first, because they count towards the limit of sessions, and could prevent the log-in.
    if (this.#credential?.rivals !== undefined) await this.#ending(revokeEach(store, this.#credential.rivals));
    const brought = { token: this.#credential?.token ?? null, session: this.#current };
    const logIn = { userId, claims, persistent, client: options.client, newClient: client, timeouts };
    const issued = await issueFor(store, brought, logIn, (call) => this.#ending(call));
    return this.#adopt(issued, transport);
  }

  /**
   * Log-out: ends the session and takes the cookie back, unless the headers are sent already. `false`: it was not live.
   * Throws `UntrustedOriginError` for another site's request. If it throws `NotReplicatedError`, the session has ended on
   * the primary, and `current` and the cookie are gone; with `StoreUnavailableError` nothing is known, and both stay.
   */
  async end(options: EndOptions = {}): Promise<boolean> {
    checkNames("session.end", options, ["clearSiteData"]);
    const { clearSiteData = false } = options;
    checkBoolean("clearSiteData", clearSiteData);
    const credential = this.#credential;
    // A form on another site is sent without a `SameSite` cookie, but the answer would still take the cookie back.
    if (credential?.transport !== "bearer" && !this.#cx.isAllowed(this.#port)) throw new UntrustedOriginError();
    const token = credential?.token ?? null;
    const extra: HeaderMap = clearSiteData ? CLEAR_SITE_DATA : {};
    const { store } = this.#cx;
    let ended = false;
    if (token !== null) ended = await this.#ending(store.revoke(token), extra);
    else if (credential?.rivals !== undefined) ended = await this.#ending(revokeEach(store, credential.rivals), extra);
    this.#forget(extra);
    return ended;
  }

  /**
   * Log-out everywhere, or everywhere else: ends all sessions of the user. Returns how many. `note` is that of `revokeAllForUser`.
   * Throws `UnauthenticatedError` without a user's session, and else as `end` does.
   */
  async endAll(
    options: { readonly exceptCurrent?: boolean | undefined; readonly note?: string | undefined } = {},
  ): Promise<number> {
    checkNames("session.endAll", options, ["exceptCurrent", "note"]);
    const { exceptCurrent = false, note } = options;
    checkBoolean("exceptCurrent", exceptCurrent);
    const { id, userId } = this.require();
    const { store } = this.#cx;
    if (exceptCurrent) return store.revokeAllForUser(userId, { except: id, note });
    const ended = await this.#ending(store.revokeAllForUser(userId, { note }));
    this.#forget();
    return ended;
  }

  /** Changes claims, as `updateClaims` of the store does. `null`: the session is no longer live. */
  async updateClaims(change: ClaimsChange<Claims>): Promise<Session<Claims> | null> {
    const token = this.#credential?.token ?? null;
    if (token === null) return null;
    this.#current = await this.#cx.store.updateClaims(token, change);
    return this.#current;
  }

  /**
   * Gives the session a new token and sends the cookie, as `rotate` of the store does: after a change of privilege, or with
   * `reauthenticated` after the user has authenticated again. `null`: the session is no longer live, or another request has
   * just rotated it, and this one came during the grace. Throws `TypeError` if the response can take no headers any more; then
   * nothing is changed.
   */
  async rotate(
    options: Pick<RotateOptions<Claims>, "claims" | "reauthenticated" | "grace"> = {},
  ): Promise<IssuedSession<Claims> | null> {
    checkNames("session.rotate", options, ["claims", "reauthenticated", "grace"]);
    const { token = null, transport = "bearer" } = this.#credential ?? {};
    if (token === null) return null;
    checkWritable(this.#port, "rotate");
    const issued = await this.#ending(this.#cx.store.rotate(token, options));
    if (issued !== null) return this.#adopt(issued, transport);
    this.#current = await this.#cx.store.get(token);
    return null;
  }

  /**
   * The live session, if it meets the requirement. Throws `UnauthenticatedError` (401) without one, with a guest's, or with one
   * whose log-in is too old, and `ForbiddenError` (403) if its claims are not enough. The response is then only for this user,
   * so it is marked `no-store` (ASVS 5.0, 14.3.2). Throws `TypeError` and `RangeError` for a requirement that cannot be right.
   */
  require(requirement?: Requirement<Claims> & { readonly guest?: false | undefined }): UserSession<Claims>;
  require(requirement: Requirement<Claims>): Session<Claims>;
  require(requirement: Requirement<Claims> = {}): Session<Claims> {
    checkRequirement(requirement);
    const { where, freshWithin, guest = false } = requirement;
    const session = this.#current;
    this.#caching.varies();
    const { bearer } = this.#cx;
    if (this.#credential?.rivals !== undefined) throw twoSessions(bearer);
    if (session === null || (session.userId === null && !guest)) throw logInFirst(this.#port, bearer);
    if (where !== undefined && !meets(session, where)) throw new ForbiddenError();
    if (freshWithin !== undefined && !isFresh(session, this.#readAt, freshWithin))
      throw logInAgain(freshWithin, bearer);
    this.#caching.noStore();
    return session;
  }

  /**
   * The guard of a page: `null` if the request may go on, or the address to which to send the browser, with a status of 303:
   * the log-in page in `redirectTo`. It gives an address only for a request that opens a page and lacks a log-in; everything
   * else is as in `require`.
   */
  admit(requirement: Requirement<Claims> = {}): string | null {
    try {
      this.require(requirement);
      return null;
    } catch (error) {
      const { redirectTo } = requirement;
      if (redirectTo === undefined || !(error instanceof UnauthenticatedError)) throw error;
      const address = logInAddress(redirectTo, this.#port);
      if (address === null) throw error;
      this.#caching.noStore();
      return address;
    }
  }

  /**
   * Watches the session of this request, as `watch` of the store does: for a WebSocket or an event stream that it opens. Without a
   * live session the watch has ended already, as `"unknown"`.
   */
  watch(options?: WatchOptions): Promise<Watch<Claims>> {
    return this.#cx.store.watch(this.#current === null ? null : this.#credential?.token, options);
  }

  /**
   * Waits for a call that ends the session of this request. If too few replicas have confirmed that, the session has ended all
   * the same. The headers are in the error too, because Koa sends only those with an error.
   */
  async #ending<T>(call: Promise<T>, extra: HeaderMap = {}): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!isNotReplicated(error)) throw error;
      const cookie = this.#credential?.inCookie ? this.#cx.cookie : undefined;
      this.#forget(extra);
      const headers = { ...NO_STORE, ...extra, ...(cookie === undefined ? {} : { "Set-Cookie": cookie.clear() }) };
      throw new NotReplicatedError(error.confirmed, error.wanted, { cause: error.cause, headers });
    }
  }

  /** Goes on with another session. Gives what the client gets of it. */
  async #adopt(issued: IssuedSession<Claims>, transport: Transport): Promise<IssuedSession<Claims>> {
    const { token, session } = issued;
    if (transport === "cookie" && this.#cx.cookie !== undefined) {
      if (!isWritable(this.#port)) {
        await discard(this.#cx.store, issued);
        this.#credential = undefined;
        this.#current = null;
        throw new TypeError("The response was sent before its cookie was there: await start() and rotate()");
      }
      if (this.#credential?.crowded) this.#cx.cookie.takeBackEverywhere(this.#port);
      // Both instants are by the clock of Redis, and `lastSeenAt` is now.
      const lifetime = session.absoluteExpiresAt - session.lastSeenAt;
      this.#cx.cookie.send(this.#port, token, lifetime, session.persistent);
    } else {
      // The old cookie is not needed beside the new token.
      this.#takeCookieBack();
    }
    this.#caching.noStore();
    this.#credential = { token, transport, inCookie: transport === "cookie" };
    this.#current = session;
    this.#ended = null;
    if (transport === "cookie" || this.#cx.bearer === undefined) return issued;
    return { token: await this.#cx.bearer.wrap(issued), session };
  }

  #forget(extra: HeaderMap = {}): void {
    this.#takeCookieBack();
    this.#caching.noStore();
    this.#credential = undefined;
    this.#current = null;
    addHeaders(this.#port, extra);
  }

  #takeCookieBack(): void {
    const { cookie } = this.#cx;
    if (cookie === undefined || !this.#credential?.inCookie || !isWritable(this.#port)) return;
    if (this.#credential.crowded) cookie.takeBackEverywhere(this.#port);
    else cookie.takeBack(this.#port);
  }
}

Object.setPrototypeOf(RequestSession.prototype, noAssignments);
refuseAssignment(RequestSession.prototype, "current");
refuseAssignment(RequestSession.prototype, "ended");
