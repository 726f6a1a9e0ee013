/** The adapter for Fastify 5: it knows its framework and the kit, and no header. */
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from "fastify";
import fastifyPlugin from "fastify-plugin";
import type { HttpOptions } from "../http/http-sessions.js";
import type { HttpPort } from "../http/port.js";
import { createRegisteredSessions, type RegisteredClaims, type RegisteredStore } from "../http/registered-claims.js";
import type { RequestSession } from "../http/request-session.js";
import { checkRequirement, type Requirement } from "../http/requirement.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The session of this request; made by the `sessions` plugin. Its claims have the type of the declared `Coatcheck.Claims`. */
    session: RequestSession<RegisteredClaims>;
  }
}

/** The options of the plugin: a store, and how its sessions travel. */
export interface SessionsPluginOptions extends HttpOptions {
  readonly store: RegisteredStore;
}

/**
 * Plugin that looks up the session of every request and puts it on `request.session`.
 * @example await app.register(sessions, { store });
 */
export const sessions = fastifyPlugin<SessionsPluginOptions>(
  async (app, { store, ...options }) => {
    const http = createRegisteredSessions(store, options);
    app.decorateRequest("session");
    app.addHook("onRequest", async (request, reply) => {
      request.session = await http.load(new FastifyPort(request, reply));
    });
  },
  { name: "coatcheck", fastify: "5.x" },
);

/**
 * Handler for `preHandler` that lets a request through only with a live session that meets the requirement: else 401
 * or 403.
 * @example app.get("/admin", { preHandler: requireSession({ where: { role: "admin" } }) }, handler);
 */
export function requireSession(requirement: Requirement<RegisteredClaims> = {}): preHandlerAsyncHookHandler {
  checkRequirement(requirement);
  return async function coatcheckRequireSession(request) {
    if (!request.session) throw new TypeError("requireSession() needs app.register(sessions, { store }) before it");
    request.session.require(requirement);
  };
}

/** The port of one request. A class, and not an object of functions, because one is made for every request. */
class FastifyPort implements HttpPort {
  readonly method: string;
  readonly url: string;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.method = request.method;
    this.url = request.originalUrl;
    this.#request = request;
    this.#reply = reply;
  }

  header(name: string) {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  appendHeader(name: string, value: string) {
    // Fastify adds to Set-Cookie and replaces any other header.
    const before = name === "Set-Cookie" ? undefined : this.#reply.getHeader(name);
    this.#reply.header(name, before === undefined ? value : `${before}, ${value}`);
  }

  writable() {
    // After `hijack`, and once somebody has written to `reply.raw`, Fastify drops what is set here without a word.
    return !this.#reply.sent && !this.#reply.raw.headersSent;
  }
}
