/** The servers on Hono, and on Request and Response alone; both under @hono/node-server. */
import type { Server } from "node:http";
import { type CLAIMS, type HttpContender, JWT, listening, NOBODY, OURS, openJwt, openStore, USER } from "./login.ts";

export const onHono: readonly HttpContender[] = [
  {
    name: "Hono: no authentication",
    framework: "Hono",
    ...NOBODY,
    async serve() {
      const { Hono } = await import("hono");
      const app = new Hono();
      app.get("/", (c) => c.json(USER));
      return { port: await portOf(app.fetch), headers: {} };
    },
  },
  ...OURS.map(
    ({ name, near, facts }): HttpContender => ({
      name: `Hono: ${name}`,
      framework: "Hono",
      does: `sessions() and requireSession()${near ? "; the store has near" : ""}`,
      ...facts,
      ...(near && { notInQuick: true as const }),
      async serve(place) {
        const { Hono } = await import("hono");
        const { requireSession, sessions } = await import("coatcheck/hono");
        const { store, headers } = await openStore(place, near);
        const app = new Hono().use(sessions(store)).get("/", requireSession(), (c) => {
          const { userId, claims } = c.get("session").require();
          return c.json({ userId, ...claims });
        });
        return { port: await portOf(app.fetch), headers };
      },
    }),
  ),
  {
    name: "Hono: JWT (jose HS256)",
    framework: "Hono",
    ...JWT,
    async serve() {
      const { Hono } = await import("hono");
      const { verify, headers } = await openJwt();
      const app = new Hono();
      app.get("/", async (c) => c.json(await verify(c.req.header("authorization"))));
      return { port: await portOf(app.fetch), headers };
    },
  },
  {
    name: "Request and Response: no authentication",
    framework: "Request and Response",
    ...NOBODY,
    async serve() {
      return { port: await portOf(() => Response.json(USER)), headers: {} };
    },
  },
  ...OURS.map(
    ({ name, near, facts }): HttpContender => ({
      name: `Request and Response: ${name}`,
      framework: "Request and Response",
      does: `handle() of coatcheck/fetch, and session.require()${near ? "; the store has near" : ""}`,
      ...facts,
      ...(near && { notInQuick: true as const }),
      async serve(place) {
        const { createFetchSessions } = await import("coatcheck/fetch");
        const { store, headers } = await openStore(place, near);
        const http = createFetchSessions<typeof CLAIMS>(store);
        const answer = (request: Request) =>
          http.handle(request, (session) => {
            const { userId, claims } = session.require();
            return Response.json({ userId, ...claims });
          });
        return { port: await portOf(answer), headers };
      },
    }),
  ),
];

async function portOf(fetch: (request: Request) => Response | Promise<Response>): Promise<number> {
  const { createAdaptorServer } = await import("@hono/node-server");
  return listening(createAdaptorServer({ fetch }).listen(0, "127.0.0.1") as Server);
}
