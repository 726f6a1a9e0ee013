/** The servers on Fastify. */
import {
  type CLAIMS,
  cookiesFrom,
  type HttpContender,
  JWT,
  NOBODY,
  OURS,
  openConnectRedis,
  openJwt,
  openStore,
  REVIVES,
  SECRET,
  USER,
} from "./login.ts";

export const onFastify: readonly HttpContender[] = [
  {
    name: "Fastify: no authentication",
    framework: "Fastify",
    ...NOBODY,
    async serve() {
      const { default: Fastify } = await import("fastify");
      const app = Fastify();
      app.get("/", async () => USER);
      return { port: await portOf(app), headers: {} };
    },
  },
  ...OURS.map(
    ({ name, near, facts }): HttpContender => ({
      name: `Fastify: ${name}`,
      framework: "Fastify",
      does: `the sessions plugin and requireSession()${near ? "; the store has near" : ""}`,
      ...facts,
      async serve(place) {
        const { default: Fastify } = await import("fastify");
        const { requireSession, sessions } = await import("coatcheck/fastify");
        const { store, headers } = await openStore(place, near);
        const app = Fastify();
        await app.register(sessions, { store: store as never });
        app.get("/", { preHandler: requireSession() }, async (request) => {
          const { userId, claims } = request.session.require() as unknown as { userId: string; claims: typeof CLAIMS };
          return { userId, ...claims };
        });
        return { port: await portOf(app), headers };
      },
    }),
  ),
  {
    name: "Fastify: JWT (jose HS256)",
    framework: "Fastify",
    ...JWT,
    async serve() {
      const { default: Fastify } = await import("fastify");
      const { verify, headers } = await openJwt();
      const app = Fastify();
      app.get("/", async (request) => verify(request.headers.authorization));
      return { port: await portOf(app), headers };
    },
  },
  {
    name: "Fastify: @fastify/session + connect-redis",
    framework: "Fastify",
    does: "@fastify/session as it comes: rolling, so every request writes",
    givesUp: REVIVES,
    async serve(place) {
      const { default: Fastify } = await import("fastify");
      const { default: cookie } = await import("@fastify/cookie");
      const { default: session } = await import("@fastify/session");
      const store = await openConnectRedis(place);
      const app = Fastify();
      await app.register(cookie);
      await app.register(session, {
        secret: SECRET,
        store: store as never,
        saveUninitialized: false,
        cookie: { secure: false },
      });
      app.post("/login", async (request) => {
        Object.assign(request.session, { user: USER });
        return "";
      });
      app.get("/", async (request, reply) => {
        const { user } = request.session as unknown as { user?: typeof USER };
        return user ?? reply.code(401).send();
      });
      const port = await portOf(app);
      return { port, headers: await cookiesFrom(port) };
    },
  },
];

async function portOf(app: { listen(options: object): Promise<string> }): Promise<number> {
  return Number(new URL(await app.listen({ port: 0, host: "127.0.0.1" })).port);
}
