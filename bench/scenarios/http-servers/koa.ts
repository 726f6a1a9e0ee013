/** The servers on Koa. */
import {
  type CLAIMS,
  cookiesFrom,
  type HttpContender,
  JWT,
  listening,
  NOBODY,
  OURS,
  openJwt,
  openStore,
  REVIVES,
  SECRET,
  USER,
} from "./login.ts";

export const onKoa: readonly HttpContender[] = [
  {
    name: "Koa: no authentication",
    framework: "Koa",
    ...NOBODY,
    async serve() {
      const { default: Koa } = await import("koa");
      const app = new Koa();
      app.use((ctx) => {
        ctx.body = USER;
      });
      return { port: await listening(app.listen(0, "127.0.0.1")), headers: {} };
    },
  },
  ...OURS.map(
    ({ name, near, facts }): HttpContender => ({
      name: `Koa: ${name}`,
      framework: "Koa",
      does: `sessions() and requireSession()${near ? "; the store has near" : ""}`,
      ...facts,
      ...(near && { notInQuick: true as const }),
      async serve(place) {
        const { default: Koa } = await import("koa");
        const { requireSession, sessions } = await import("coatcheck/koa");
        const { store, headers } = await openStore(place, near);
        const app = new Koa();
        app.use(sessions(store as never));
        app.use(requireSession() as never);
        app.use((ctx) => {
          const { userId, claims } = ctx["session"].require() as unknown as { userId: string; claims: typeof CLAIMS };
          ctx.body = { userId, ...claims };
        });
        return { port: await listening(app.listen(0, "127.0.0.1")), headers };
      },
    }),
  ),
  {
    name: "Koa: JWT (jose HS256)",
    framework: "Koa",
    ...JWT,
    async serve() {
      const { default: Koa } = await import("koa");
      const { verify, headers } = await openJwt();
      const app = new Koa();
      app.use(async (ctx) => {
        ctx.body = await verify(ctx.get("authorization"));
      });
      return { port: await listening(app.listen(0, "127.0.0.1")), headers };
    },
  },
  {
    name: "Koa: koa-session + koa-redis",
    framework: "Koa",
    does: "koa-session as it comes, its store on ioredis 4",
    givesUp: REVIVES,
    async serve({ url, prefix }) {
      const { default: Koa } = await import("koa");
      const { createSession } = await import("koa-session");
      const { default: koaRedis } = await import("koa-redis");
      const app = new Koa();
      app.keys = [SECRET];
      app.use(createSession({ store: koaRedis({ url } as never), prefix } as never, app as never) as never);
      app.use((ctx) => {
        const session = ctx["session"] as { user?: typeof USER };
        if (ctx.method === "POST") {
          session.user = USER;
          ctx.body = "";
        } else if (session.user) ctx.body = session.user;
        else ctx.status = 401;
      });
      const port = await listening(app.listen(0, "127.0.0.1"));
      return { port, headers: await cookiesFrom(port) };
    },
  },
];
