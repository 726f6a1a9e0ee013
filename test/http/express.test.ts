/** The contract of adapters, and that of the HTTP kit, on Express 5 and 4. */
import { createServer, STATUS_CODES } from "node:http";
import { createRequire } from "node:module";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { requireSession, sessions } from "../../src/express.js";
import { type Framework, listening } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";
import { startExpress } from "./subjects/express.js";
import { describeAdapterContract } from "./subjects/served.js";

function framework(make: typeof express): Framework {
  return {
    requireSession,
    serve({ store, options, routes, hasSessions, headers, onError }) {
      const app = make();
      // As it is deployed: in development Express answers with stack traces.
      app.set("env", "production");
      app.use((_req, res, next) => {
        res.set(headers);
        next();
      });
      if (hasSessions) app.use(sessions(store, options));
      for (const { method, path, guard, form, handle } of routes) {
        const handler: RequestHandler = (req, res, next) => {
          if (form === "begun") res.flushHeaders();
          handle(req.session, new URL(req.url, "http://localhost").searchParams).then((result) => {
            if (form === "redirect") res.redirect(303, "/");
            else if (form === undefined) res.json(result);
            else (form === "raw" ? res.writeHead(200) : res).end(JSON.stringify(result));
          }, next);
        };
        const handlers = guard === undefined ? [handler] : [requireSession(guard), handler];
        if (method === "GET") app.get(path, ...handlers);
        else app.post(path, ...handlers);
      }
      const watch: ErrorRequestHandler = (error, _req, _res, next) => {
        onError(error);
        next(error);
      };
      app.use(watch);
      return listening(createServer(app));
    },
    body: ({ status }) =>
      [
        ...[
          "<!DOCTYPE html>",
          '<html lang="en">',
          "<head>",
          '<meta charset="utf-8">',
          "<title>Error</title>",
          "</head>",
        ],
        ...["<body>", `<pre>${STATUS_CODES[status]}</pre>`, "</body>", "</html>", ""],
      ].join("\n"),
  };
}

// The alias for Express 4 has no types of its own; those of 5 say the same about what is used here.
const express4 = createRequire(import.meta.url)("express4") as typeof express;
describeAdapterContract("Express 5", startExpress(express));
describeAdapterContract("Express 4", startExpress(express4));
describeHttpContract("Express 5", framework(express));
describeHttpContract("Express 4", framework(express4));
describeHttpContract("Express 5 with near", framework(express), { near: { lease: 10_000 } });
