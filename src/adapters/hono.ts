/** The adapter for Hono 4: it knows its framework and the kit, and no header. */
import type { Context, MiddlewareHandler } from "hono";
import { type FetchOptions, takeOnError } from "../http/answered-errors.js";
import {
  type ClaimsOf,
  createRegisteredSessions,
  type RegisteredClaims,
  type RegisteredStore,
} from "../http/registered-claims.js";
import { RequestSession } from "../http/request-session.js";
import { checkRequirement, type Requirement } from "../http/requirement.js";
import { HonoPort } from "./hono-port.js";

/**
 * What `sessions()` sets. Without an argument, the claims have the type of the declared `Coatcheck.Claims`.
 * @example const app = new Hono<{ Variables: SessionVariables }>();
 */
export interface SessionVariables<Claims extends object = RegisteredClaims> {
  session: RequestSession<Claims>;
}

/**
 * Middleware that looks up the session of every request and puts it into `c.var.session`.
 * @example const app = new Hono().use(sessions(store)).get("/", (c) => c.json(c.var.session.current));
 */
export function sessions<Store extends RegisteredStore>(
  store: Store,
  options?: FetchOptions,
): MiddlewareHandler<{ Variables: SessionVariables<ClaimsOf<Store>> }> {
  const [report, httpOptions] = takeOnError("sessions", options);
  const http = createRegisteredSessions(store, httpOptions);
  return async function coatcheckSessions(c: Context, next) {
    const present: unknown = c.get("session");
    // A second `sessions()` further in the application may put its own there.
    if (present !== undefined && !(present instanceof RequestSession)) {
      throw new TypeError('Another library has put its own "session" on the context: use one of the two');
    }
    const port = new HonoPort(c);
    try {
      c.set("session", http.peek(port) ?? (await http.load(port)));
    } catch (error) {
      // Hono answers it, and prints no error that has a response.
      report(error, c.req.raw);
      throw error;
    }
    await next();
    // Hono has caught what a handler threw, and has answered it.
    report(c.error, c.req.raw);
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
  // Hono takes what it throws for a rejection. An async function would cost every request a promise more.
  return function coatcheckRequireSession(c, next) {
    const session: unknown = c.get("session");
    if (!(session instanceof RequestSession)) {
      throw new TypeError("requireSession() needs app.use(sessions(store)) before it");
    }
    const address = session.admit(requirement);
    return address === null ? next() : Promise.resolve(c.redirect(address, 303));
  };
}
