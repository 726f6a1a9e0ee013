/** The adapter for Hono 4: it knows its framework and the kit, and no header. */
import type { Context, MiddlewareHandler } from "hono";
import { FetchPort } from "../http/fetch-port.js";
import type { HttpOptions } from "../http/http-sessions.js";
import {
  type ClaimsOf,
  createRegisteredSessions,
  type RegisteredClaims,
  type RegisteredStore,
} from "../http/registered-claims.js";
import { RequestSession } from "../http/request-session.js";
import { checkRequirement, type Requirement } from "../http/requirement.js";

/**
 * What `sessions()` sets. Without an argument, the claims have the type of the declared `Coatcheck.Claims`.
 * @example const app = new Hono<{ Variables: SessionVariables }>();
 */
export interface SessionVariables<Claims extends object = RegisteredClaims> {
  session: RequestSession<Claims>;
}

/** Gives Hono the headers at once, so that `c.json()` and the like need no second response. */
class HonoPort extends FetchPort {
  readonly #c: Context;

  constructor(c: Context) {
    super(c.req.raw);
    this.#c = c;
  }

  override appendHeader(name: string, value: string): void {
    super.appendHeader(name, value);
    if (!this.#c.finalized) this.#c.header(name, value, { append: true });
  }

  /** Adds them to a response that did not get them: a handler's own `Response`, or one whose headers were replaced. */
  finish(): void {
    const before = this.#c.res;
    const after = this.respond(before);
    if (after === before) return;
    // Hono would put the headers of the response that it has on top of those of the new one.
    this.#c.res = undefined;
    this.#c.res = after;
  }
}

/**
 * Middleware that looks up the session of every request and puts it into `c.var.session`.
 * @example const app = new Hono().use(sessions(store)).get("/", (c) => c.json(c.var.session.current));
 */
export function sessions<Store extends RegisteredStore>(
  store: Store,
  options?: HttpOptions,
): MiddlewareHandler<{ Variables: SessionVariables<ClaimsOf<Store>> }> {
  const http = createRegisteredSessions(store, options);
  return async function coatcheckSessions(c: Context, next) {
    const present: unknown = c.get("session");
    // A second `sessions()` further in the application may put its own there.
    if (present !== undefined && !(present instanceof RequestSession)) {
      throw new TypeError('Another library has put its own "session" on the context: use one of the two');
    }
    const port = new HonoPort(c);
    c.set("session", http.peek(port) ?? (await http.load(port)));
    await next();
    port.finish();
  };
}

/**
 * Middleware that lets a request through only with a live session that meets the requirement: else 401 or 403, or
 * with `redirectTo` the log-in page.
 * @example app.get("/admin", requireSession({ where: { role: "admin" } }), handler);
 */
export function requireSession(requirement: Requirement<RegisteredClaims> = {}): MiddlewareHandler {
  checkRequirement(requirement);
  return async function coatcheckRequireSession(c, next) {
    const session: unknown = c.get("session");
    if (!(session instanceof RequestSession)) {
      throw new TypeError("requireSession() needs app.use(sessions(store)) before it");
    }
    const address = session.admit(requirement);
    return address === null ? await next() : c.redirect(address, 303);
  };
}
