/** The contract of adapters, and that of the HTTP kit, on Koa 3 and 2. */
import { createServer, STATUS_CODES } from "node:http";
import { createRequire } from "node:module";
import Koa from "koa";
import { requireSession, sessions } from "../../src/koa.js";
import { type Framework, listening } from "./contract/app.js";
import { describeHttpContract } from "./contract.js";
import { startKoa } from "./subjects/koa.js";
import { describeAdapterContract } from "./subjects/served.js";

function framework(Application: typeof Koa): Framework {
  return {
    requireSession,
    serve({ store, options, routes, hasSessions, headers, onError }) {
      const app = new Application();
      app.use(async (ctx, next) => {
        ctx.set(headers);
        try {
          await next();
        } catch (error) {
          onError(error);
          throw error;
        }
      });
      if (hasSessions) app.use(sessions(store, options));
      const mounted = routes.map((route) => ({
        ...route,
        guard: route.guard === undefined ? undefined : requireSession(route.guard),
      }));
      app.use(async (ctx, next) => {
        const route = mounted.find(({ method, path }) => method === ctx.method && path === ctx.path);
        if (route === undefined) return next();
        const answer = async () => {
          ctx.respond = route.form === undefined || route.form === "redirect";
          if (route.form === "begun") ctx.res.writeHead(200).flushHeaders();
          const result = await route.handle(ctx.session, ctx.URL.searchParams);
          if (route.form === undefined) ctx.body = result;
          else if (route.form === "redirect") {
            ctx.status = 303;
            ctx.redirect("/");
          } else (route.form === "raw" ? ctx.res.writeHead(200) : ctx.res).end(JSON.stringify(result));
        };
        await (route.guard === undefined ? answer() : route.guard(ctx, answer));
      });
      return listening(createServer(app.callback()));
    },
    body: ({ status, message }) => (status < 500 ? message : `${STATUS_CODES[status]}`),
  };
}

// The alias for Koa 2 has no types of its own; those of 3 say the same about what is used here.
const Koa2 = createRequire(import.meta.url)("koa2") as typeof Koa;
describeAdapterContract("Koa 3", startKoa(Koa));
describeAdapterContract("Koa 2", startKoa(Koa2));
describeHttpContract("Koa 3", framework(Koa));
describeHttpContract("Koa 2", framework(Koa2));
describeHttpContract("Koa 3 with near", framework(Koa), { near: { lease: 10_000 } });
