import type { Session } from "coatcheck";
import { requireSession, sessions } from "coatcheck/fastify";
import Fastify from "fastify";
import { pino } from "pino";
import { same } from "./claims.js";
import { foreign, store, strict } from "./store.js";

const app = Fastify();
await app.register(sessions, { store, bearer: true });
await app.register(sessions, { store: strict });
// @ts-expect-error: a store of other claims
await app.register(sessions, { store: foreign });
// @ts-expect-error: no store
await app.register(sessions, { bearer: true });

app.get("/", async (request) => {
  same<typeof request.session.current, Session<Coatcheck.Claims> | null>(true);
  // @ts-expect-error: no such claim
  request.session.current?.claims.colour;
  await request.session.start({ userId: "ada", claims: { role: "member", cart: [] } });
  return { role: request.session.current?.claims.role };
});
app.get<{ Querystring: { id: string } }>("/typed", { preHandler: requireSession() }, async (request) => {
  same<typeof request.query.id, string>(true);
  return request.session.require().claims.cart;
});
app.get("/admin", { preHandler: [requireSession({ where: { role: "admin" }, freshWithin: 60_000 })] }, async () => 1);
app.get("/early", { onRequest: requireSession() }, async () => 1);
app.addHook("preHandler", requireSession());
// @ts-expect-error: no such role
requireSession({ where: { role: "boss" } });

// Every server and every logger of Fastify.
const logged = Fastify({ loggerInstance: pino() });
const second = Fastify({ http2: true });
const secure = Fastify({ https: {} });
await logged.register(sessions, { store });
await second.register(sessions, { store });
await secure.register(sessions, { store, decorateAs: "staff" });
const guarded = { preHandler: requireSession({ where: { role: "admin" }, redirectTo: "/login" }) };
logged.get("/", guarded, async (request) => request.session.current);
second.get("/", guarded, async (request) => request.session.current);
second.get("/list", { onRequest: [requireSession()] }, async () => 1);
secure.get("/", { preHandler: requireSession({ decorateAs: "staff" }) }, async () => 1);
logged.route({ method: "GET", url: "/route", preHandler: requireSession(), handler: async () => 1 });
logged.addHook("preHandler", requireSession());
second.addHook("onRequest", requireSession());
second.get<{ Params: { id: string } }>("/:id", { preHandler: requireSession() }, async (request) => {
  same<typeof request.params.id, string>(true);
  return 1;
});

app.get("/habits", async (request) => {
  // @ts-expect-error: claims change through updateClaims
  request.session.cart = [];
  // @ts-expect-error: a log-out is session.end()
  request.session = null;
  // @ts-expect-error: there is no such property
  delete request.session.cart;
});
