/** The adapter for Express 5 and 4: it knows its framework and the kit, and no header. */
import type { NextFunction, Request, RequestHandler, Response } from "express";
import { attachSession } from "../http/assignments.js";
import { enter } from "../http/entrance.js";
import type { HttpOptions } from "../http/http-sessions.js";
import { nodePort } from "../http/node-port.js";
import { createRegisteredSessions, type RegisteredClaims, type RegisteredStore } from "../http/registered-claims.js";
import type { RequestSession } from "../http/request-session.js";
import { checkRequirement, type Requirement } from "../http/requirement.js";

declare global {
  namespace Express {
    interface Request {
      /** The session of this request; made by `sessions()`. Its claims have the type of the declared `Coatcheck.Claims`. */
      session: RequestSession<RegisteredClaims>;
    }
  }
}

/**
 * Middleware that looks up the session of every request and puts it on `req.session`.
 * @example app.use(sessions(store));
 */
export function sessions(store: RegisteredStore, options?: HttpOptions): RequestHandler {
  const http = createRegisteredSessions(store, options);
  return function coatcheckSessions(req, res, next) {
    enter(http, nodePort(req, res), (session) => attachSession(req, "session", session), next);
  };
}

/** A handler for any route: it leaves the type of `req.params` to the path of the route. */
export type ExpressGuard = (req: Pick<Request, "session">, res: Response, next: NextFunction) => void;

/**
 * Middleware that lets a request through only with a live session that meets the requirement: else 401 or 403, or
 * with `redirectTo` the log-in page.
 * @example app.get("/admin", requireSession({ where: { role: "admin" } }), handler);
 */
export function requireSession(requirement: Requirement<RegisteredClaims> = {}): ExpressGuard {
  checkRequirement(requirement);
  return function coatcheckRequireSession(req, res, next) {
    let address: string | null;
    try {
      if (!req.session) throw new TypeError("requireSession() needs app.use(sessions(store)) before it");
      address = req.session.admit(requirement);
    } catch (error) {
      // On an upgrade nobody catches an error that is thrown, and anybody could end the process.
      next(error);
      return;
    }
    if (address === null) next();
    else res.redirect(303, address);
  };
}
