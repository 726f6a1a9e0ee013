/** The HTTP contract on the Hono adapter of the examples. */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { answerError, requireSession, sessions } from "../../examples/adapters/hono.js";
import { listening } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";

describeHttpContract("Hono 4", {
  requireSession,
  async serve({ store, options, routes, hasSessions, headers, onError }) {
    const app = new Hono();
    app.onError((error, c) => {
      onError(error);
      return answerError(error, c);
    });
    app.use(async (c, next) => {
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
      await next();
    });
    if (hasSessions) app.use(sessions(store, options));
    for (const { method, path, guard, handle } of routes) {
      if (guard !== undefined) app.use(path, requireSession(guard));
      app.on(method, [path], async (c) => c.json(await handle(c.var.session, new URL(c.req.url).searchParams)));
    }
    return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
  },
  body: ({ status, message }) => JSON.stringify({ error: status < 500 ? message : "Try again later" }),
});
