import type { Session } from "coatcheck";
import { requireSession, sessions } from "coatcheck/fastify";
import Fastify from "fastify";
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
