import type { Session } from "coatcheck";
import { createFetchSessions } from "coatcheck/fetch";
import { requireSession, type SessionVariables, sessions } from "coatcheck/hono";
import { Hono } from "hono";
import { same } from "./claims.js";
import { foreign, store, strict } from "./store.js";

const app = new Hono<{ Variables: SessionVariables }>();
app.use(sessions(store, { bearer: true }));
app.use(sessions(strict));
// @ts-expect-error: a store of other claims
app.use(sessions(foreign));
app.get("/", async (c) => {
  same<typeof c.var.session.current, Session<Coatcheck.Claims> | null>(true);
  // @ts-expect-error: no such claim
  c.var.session.current?.claims.colour;
  await c.var.session.start({ userId: "ada", claims: { role: "member", cart: [] } });
  return c.json(c.var.session.current?.claims.role);
});
app.get("/admin/:id", requireSession({ where: { role: "admin" } }), async (c) => {
  // The path says what the parameters are, also behind a guard.
  const id: string = c.req.param("id");
  const role: "member" | "admin" = c.get("session").require({ freshWithin: 60_000 }).claims.role;
  return c.json({ id, role });
});
// @ts-expect-error: no such role
requireSession({ where: { role: "boss" } });

// In a chain the type comes from the middleware.
export const chained = new Hono().use(sessions(store)).get("/", requireSession(), (c) => {
  same<typeof c.var.session.current, Session<Coatcheck.Claims> | null>(true);
  return c.json(c.var.session.require().claims.cart);
});

app.get("/habits", async (c) => {
  // @ts-expect-error: claims change through updateClaims
  c.var.session.cart = [];
  return c.body(null);
});

// The kit is for any store: no type of a request is global here.
const others = createFetchSessions(foreign, { cookie: false, bearer: true });
export const fetch = (request: Request) =>
  others.handle(request, (session) => {
    same<typeof session.current, Session<{ colour: string }> | null>(true);
    return Response.json(session.require({ where: { colour: "red" } }).claims.colour);
  });
