/** The application of the contract on Koa, without a router: Koa has none. */
import { Readable } from "node:stream";
import type Koa from "koa";
import type { Context, Middleware } from "koa";
import { requireSession, sessions } from "../../../src/koa.js";
import { type Start, served } from "./served.js";

const show: Middleware = (ctx) => {
  ctx.body = { user: ctx.session.current?.userId ?? null };
};
const userOf = (ctx: Context) => ({ userId: String(ctx.query["user"]) });

const routes: Record<string, Middleware[]> = {
  "GET /": [show],
  "GET /public": [
    (ctx) => {
      ctx.body = "public";
    },
  ],
  "GET /me": [requireSession(), show],
  "GET /admin": [requireSession({ where: ({ userId }) => userId === "admin" }), show],
  "GET /app/page": [requireSession({ redirectTo: "/sign-in" }), show],
  "POST /login": [
    async (ctx) => {
      ctx.cookies.set("theme", "dark");
      const transport = ctx.query["transport"] as "cookie" | "bearer" | undefined;
      ctx.body = { token: (await ctx.session.start({ ...userOf(ctx), transport })).token };
    },
  ],
  "POST /login/redirect": [
    async (ctx) => {
      await ctx.session.start(userOf(ctx));
      ctx.status = 303;
      ctx.redirect("/me");
    },
  ],
  "POST /login/stream": [
    async (ctx) => {
      await ctx.session.start(userOf(ctx));
      ctx.body = Readable.from(["one", "two"]);
    },
  ],
  "POST /login/late": [
    async (ctx) => {
      ctx.respond = false;
      ctx.res.writeHead(200).flushHeaders();
      const outcome = ctx.session.start(userOf(ctx)).then(
        () => "none",
        (error: Error) => error.name,
      );
      ctx.res.end(await outcome);
    },
  ],
  "POST /logout": [
    async (ctx) => {
      ctx.body = { ended: await ctx.session.end() };
    },
  ],
  "POST /rotate": [
    async (ctx) => {
      ctx.body = { rotated: (await ctx.session.rotate()) !== null };
    },
  ],
  "GET /boom": [
    () => {
      throw new Error("boom");
    },
  ],
};

/** `Application`: Koa 3 or 2. */
export function startKoa(Application: typeof Koa): Start {
  return async (store, options) => {
    const app = new Application();
    app.use(sessions(store, options));
    app.use(async (ctx, next) => {
      const method = ctx.method === "HEAD" ? "GET" : ctx.method;
      const route = routes[`${method} ${ctx.path}`];
      if (route === undefined) return next();
      const [first, second] = route;
      await first?.(ctx, async () => second?.(ctx, next));
    });
    return served(app.callback());
  };
}
