/** The HTTP contract on Fastify 5. */
import { STATUS_CODES } from "node:http";
import Fastify from "fastify";
import { describe, expect, it } from "vitest";
import { requireSession, sessions } from "../../src/fastify.js";
import type { RegisteredClaims } from "../../src/http.js";
import { createSessionStore } from "../../src/index.js";
import { connect, uniquePrefix } from "../harness/fixtures.js";
import { describeHttpContract } from "./contract.js";

describeHttpContract("Fastify 5", {
  requireSession,
  async serve({ store, options, routes, hasSessions, headers, onError }) {
    const app = Fastify();
    app.addHook("onError", async (_request, _reply, error) => onError(error));
    app.addHook("onRequest", async (_request, reply) => {
      reply.headers(headers);
    });
    if (hasSessions) await app.register(sessions, { store, ...options });
    for (const { method, path, guard, handle } of routes) {
      app.route({
        method,
        url: path,
        ...(guard === undefined ? {} : { preHandler: requireSession(guard) }),
        handler: (request) => handle(request.session, new URL(request.url, "http://localhost").searchParams),
      });
    }
    await app.listen({ port: 0, host: "127.0.0.1" });
    return app.server;
  },
  body: ({ status, code, message }) =>
    JSON.stringify({ statusCode: status, code, error: STATUS_CODES[status], message }),
});

describe("on Fastify, requireSession", () => {
  it("guards a route before its body is read, as an onRequest hook", async () => {
    const store = createSessionStore<RegisteredClaims>(connect(), { prefix: uniquePrefix() });
    const app = Fastify();
    await app.register(sessions, { store });
    app.post("/early", { onRequest: requireSession() }, async () => ({}));
    app.post("/late", { preHandler: requireSession() }, async () => ({}));
    const rubbish = { method: "POST", headers: { "content-type": "application/json" }, payload: "{" } as const;
    expect((await app.inject({ ...rubbish, url: "/early" })).statusCode).toBe(401);
    expect((await app.inject({ ...rubbish, url: "/late" })).statusCode).toBe(400);
    await app.close();
  });
});
