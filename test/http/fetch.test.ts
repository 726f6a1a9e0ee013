/** The contract of adapters, and that of the HTTP kit, on `Request` and `Response`, those of Node itself. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createFetchSessions } from "../../src/fetch.js";
import type { RegisteredClaims, RequestSession } from "../../src/http.js";
import { isSessionError } from "../../src/index.js";
import { listening } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";
import { streamed } from "./streamed.js";
import { startFetchOn } from "./subjects/fetch.js";
import { describeAdapterContract } from "./subjects/served.js";

describeAdapterContract("fetch", startFetchOn("Node's"));

describeHttpContract("fetch", {
  async serve({ store, options, routes, headers, onError }) {
    const http = createFetchSessions(store, options);
    const page = async (request: Request, session: RequestSession<RegisteredClaims>): Promise<Response> => {
      const { pathname, searchParams } = new URL(request.url);
      const route = routes.find(({ method, path }) => method === request.method && path === pathname);
      if (route === undefined) return new Response(null, { status: 404 });
      const address = route.guard === undefined ? null : session.admit(route.guard);
      if (address !== null) return new Response(null, { status: 303, headers: { Location: address } });
      const run = async () => JSON.stringify(await route.handle(session, searchParams));
      if (route.form === "begun") return new Response(streamed(run));
      const result = await run();
      // The headers of a redirection cannot be changed.
      if (route.form === "redirect") return Response.redirect(new URL("/", request.url), 303);
      return new Response(result, route.form === "raw" ? {} : { headers });
    };
    const answerOf = (error: unknown): Response => {
      onError(error);
      if (isSessionError(error) && error.getResponse !== undefined) return error.getResponse();
      throw error;
    };
    const answer = async (request: Request): Promise<Response> => {
      const loaded = await http.load(request).catch(answerOf);
      if (loaded instanceof Response) return loaded;
      return loaded.respond(await page(request, loaded.session).catch(answerOf));
    };
    const listener = getRequestListener(answer, {
      // The classes of Node, and not those that Hono puts in their place.
      overrideGlobalObjects: false,
      errorHandler: () => new Response("Internal Server Error", { status: 500 }),
    });
    return listening(createServer(listener));
  },
  body: ({ status, message }) =>
    status < 500 ? message : status === 503 ? "Try again later" : "Internal Server Error",
});
