/** The adapter for Fastify 5: it knows its framework and the kit, and no header. */
import fastifyPlugin from "fastify-plugin";
import { attachSession, sessionProperty } from "../http/assignments.js";
import { enter } from "../http/entrance.js";
import { HTTP_OPTION_NAMES, type HttpOptions } from "../http/http-sessions.js";
import { createRegisteredSessions, type RegisteredClaims, type RegisteredStore } from "../http/registered-claims.js";
import { RequestSession } from "../http/request-session.js";
import { checkRequirement, type Requirement, refuseRequest } from "../http/requirement.js";
import { checkNames } from "../leaves/arguments.js";
import { FastifyPort } from "./fastify-port.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The session of this request; made by the `sessions` plugin. Its claims have the type of the declared `Coatcheck.Claims`. */
    session: RequestSession<RegisteredClaims>;
  }
}

/** The options of the plugin: a store, and the options of HTTP. */
export interface SessionsPluginOptions extends HttpOptions {
  readonly store: RegisteredStore;
  /**
   * The name of the property of the request, for an application with two kinds of sessions, or with @fastify/session too. The
   * guard takes the same name. Default: `"session"`.
   */
  readonly decorateAs?: string | undefined;
}

/** What the guard needs, and where it finds the session. */
export interface FastifyRequirement extends Requirement<RegisteredClaims> {
  /** As in the options of the plugin. */
  readonly decorateAs?: string | undefined;
}

/**
 * Plugin that looks up the session of every request and puts it on `request.session`.
 * @example await app.register(sessions, { store });
 */
export const sessions = fastifyPlugin<SessionsPluginOptions>(
  async (app, given) => {
    checkNames("sessions", given, [...HTTP_OPTION_NAMES, "store", "decorateAs"]);
    const { store, decorateAs = "session", ...options } = given;
    const http = createRegisteredSessions(store, options);
    if (typeof decorateAs !== "string" || decorateAs === "") throw new TypeError("decorateAs must be a name");
    const { key, get, set } = sessionProperty(decorateAs);
    app.decorateRequest(decorateAs, { getter: get, setter: set });
    app.decorateRequest(key, null);
    // By callback, so that a session from memory costs no promise.
    app.addHook("onRequest", (request, reply, done) => {
      enter(http, new FastifyPort(request, reply), (session) => attachSession(request, decorateAs, session), done);
    });
  },
  { name: "coatcheck", fastify: "5.x" },
);

/** The guard of a route, for every Fastify, whatever its server, its logger and its types of a request are. */
export type FastifyGuard = (
  request: object,
  reply: { redirect(url: string, code: number): unknown },
  done: (error?: Error) => void,
) => void;

/**
 * Handler for `preHandler` that lets a request through only with a live session that meets the requirement: else 401 or
 * 403, or with `redirectTo` the log-in page.
 * @example app.get("/admin", { preHandler: requireSession({ where: { role: "admin" } }) }, handler);
 */
export function requireSession(options: FastifyRequirement = {}): FastifyGuard {
  const { decorateAs = "session", ...requirement } = options;
  // What it is an instance of is not in the copy.
  if (!Object.hasOwn(options, "decorateAs")) refuseRequest(options);
  checkRequirement(requirement);
  const given = decorateAs === "session" ? "{ store }" : `{ store, decorateAs: ${JSON.stringify(decorateAs)} }`;
  const missing = `requireSession() needs app.register(sessions, ${given}) before it`;
  // By callback, so that it costs no promise.
  return function coatcheckRequireSession(request, reply, done) {
    const session: unknown = Reflect.get(request, decorateAs);
    let address: string | null;
    try {
      if (!(session instanceof RequestSession)) throw new TypeError(missing);
      address = session.admit(requirement);
    } catch (error) {
      return done(error as Error);
    }
    // Not in the try: what `done` throws comes from a later handler.
    if (address === null) done();
    else reply.redirect(address, 303);
  };
}
