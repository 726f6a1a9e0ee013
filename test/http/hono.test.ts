/** The contract of adapters, and that of the HTTP kit, on Hono. */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { requireSession, type SessionVariables, sessions } from "../../src/hono.js";
import { listening } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";
import { streamed } from "./streamed.js";
import { startHono } from "./subjects/hono.js";
import { describeAdapterContract } from "./subjects/served.js";

describeAdapterContract("Hono 4", startHono);

describeHttpContract("Hono 4", {
  requireSession,
  async serve({ store, options, routes, hasSessions, headers, onError }) {
    const app = new Hono<{ Variables: SessionVariables }>();
    app.onError((error, c) => {
      onError(error);
      // As Hono's documentation has it: a response that is not made with the context.
      if ("getResponse" in error) return error.getResponse();
      console.error(error);
      return c.text("Internal Server Error", 500);
    });
    app.use(async (c, next) => {
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
      await next();
    });
    if (hasSessions) app.use(sessions(store, options));
    for (const { method, path, guard, form, handle } of routes) {
      if (guard !== undefined) app.use(path, requireSession(guard));
      app.on(method, [path], async (c) => {
        const run = () => handle(c.var.session, new URL(c.req.url).searchParams);
        if (form === "begun") return new Response(streamed(async () => JSON.stringify(await run())));
        const result = await run();
        if (form === "redirect") return Response.redirect(new URL("/", c.req.url), 303);
        return form === "raw" ? new Response(JSON.stringify(result)) : c.json(result);
      });
    }
    return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
  },
  body: ({ status, message }) =>
    status < 500 ? message : status === 503 ? "Try again later" : "Internal Server Error",
});
