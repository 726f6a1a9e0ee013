/** The adapter for Koa 3 and 2: it knows its framework and the kit, and no header. */
import type { Middleware } from "koa";
import { attachSession } from "../http/assignments.js";
import { enterThen } from "../http/entrance.js";
import type { HttpOptions } from "../http/http-sessions.js";
import { nodePort } from "../http/node-port.js";
import { createRegisteredSessions, type RegisteredClaims, type RegisteredStore } from "../http/registered-claims.js";
import type { RequestSession } from "../http/request-session.js";
import { checkRequirement, type Requirement } from "../http/requirement.js";

declare module "koa" {
  interface ExtendableContext {
    /** The session of this request; made by `sessions()`. Its claims have the type of the declared `Coatcheck.Claims`. */
    session: RequestSession<RegisteredClaims>;
  }
}

/**
 * Middleware that looks up the session of every request and puts it on `ctx.session`.
 * @example app.use(sessions(store));
 */
export function sessions(store: RegisteredStore, options?: HttpOptions): Middleware {
  const http = createRegisteredSessions(store, options);
  return function coatcheckSessions(ctx, next) {
    // If this application is inside one of Express, Express has cut the address before Koa saw it, and has kept the whole
    // there.
    const request: typeof ctx.req & { readonly originalUrl?: string | undefined } = ctx.req;
    const url = request.originalUrl ?? ctx.originalUrl;
    const port = nodePort(request, ctx.res, url);
    return enterThen(http, port, (session) => {
      attachSession(ctx, "session", session);
      return next();
    });
  };
}

/**
 * Middleware that lets a request through only with a live session that meets the requirement: else 401 or 403, or
 * with `redirectTo` the log-in page.
 * @example router.get("/admin", requireSession({ where: { role: "admin" } }), handler);
 */
export function requireSession(requirement: Requirement<RegisteredClaims> = {}): Middleware {
  checkRequirement(requirement);
  // Koa takes what it throws for a rejection. An async function would cost every request a promise more.
  return function coatcheckRequireSession(ctx, next) {
    if (!ctx.session) throw new TypeError("requireSession() needs app.use(sessions(store)) before it");
    const address = ctx.session.admit(requirement);
    if (address === null) return next();
    ctx.status = 303;
    ctx.redirect(address);
  };
}
