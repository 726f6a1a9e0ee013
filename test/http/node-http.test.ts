/** The contract of adapters, and that of the HTTP kit, on the bare node:http adapter of the examples. */
import { createServer } from "node:http";
import { answerError, withSessions } from "../../examples/adapters/node-http.js";
import { start } from "../../examples/adapters/node-http-contract.js";
import { listening } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";
import { describeAdapterContract } from "./subjects/served.js";

describeAdapterContract("node:http", start);

describeHttpContract("node:http", {
  async serve({ store, options, routes, headers, onError }) {
    const listener = withSessions(
      store,
      async (request, response, session) => {
        const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
        const route = routes.find(({ method, path }) => method === request.method && path === pathname);
        if (route === undefined) return void response.writeHead(404).end();
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        const address = route.guard === undefined ? null : session.admit(route.guard);
        if (address !== null) return void response.writeHead(303, { Location: address }).end();
        if (route.form === "begun") response.flushHeaders();
        const result = JSON.stringify(await route.handle(session, searchParams));
        if (route.form === "redirect") response.writeHead(303, { Location: "/" });
        if (route.form === "raw") response.writeHead(200, { "Content-Type": "application/json" });
        response.end(result);
      },
      options,
      (error, response) => {
        onError(error);
        answerError(error, response);
      },
    );
    return listening(createServer(listener));
  },
  body: ({ status, message }) => JSON.stringify({ error: status < 500 ? message : "Try again later" }),
});
