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
  body: ({ status, message }) => JSON.stringify({ error: status < 500 ? message : "Try again later" }),
});

/** A body that is made when it is asked for, and so after the head has been sent. */
function streamed(make: () => Promise<string>): ReadableStream {
  const pull = async (controller: ReadableStreamDefaultController) => {
    controller.enqueue(new TextEncoder().encode(await make()));
    controller.close();
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}
