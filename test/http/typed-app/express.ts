import type { Session } from "coatcheck";
import { requireSession, sessions } from "coatcheck/express";
import express from "express";
import { same } from "./claims.js";
import { foreign, store, strict } from "./store.js";

const app = express();
app.use(sessions(store, { cookie: { secure: false }, bearer: true, csrf: { trustedOrigins: ["https://a.example"] } }));
app.use(sessions(strict));
// @ts-expect-error: a store of other claims
app.use(sessions(foreign));
// @ts-expect-error: no such option
app.use(sessions(store, { cookies: {} }));
app.use("/api", requireSession());

app.get("/", async (req, res) => {
  same<typeof req.session.current, Session<Coatcheck.Claims> | null>(true);
  const role: "member" | "admin" | undefined = req.session.current?.claims.role;
  const first: string | undefined = req.session.current?.claims.cart[0];
  // @ts-expect-error: no such claim
  req.session.current?.claims.colour;
  // @ts-expect-error: claims change through updateClaims alone
  if (req.session.current) req.session.current.claims.role = "admin";
  // @ts-expect-error: there may be no session
  req.session.current.userId;
  // @ts-expect-error: what the request sees is not for the application to set
  req.session.current = null;

  const { token, session } = await req.session.start({ userId: "ada", claims: { role: "member" } });
  same<typeof token, string>(true);
  same<typeof session, Session<Coatcheck.Claims>>(true);
  // @ts-expect-error: no such role
  await req.session.start({ userId: "ada", claims: { role: "boss" } });
  await req.session.updateClaims({ role: "admin", premium: undefined });
  await req.session.updateClaims(({ cart }) => ({ cart: [...cart, "hat"] }));
  // @ts-expect-error: a cart is a list
  await req.session.updateClaims({ cart: "hat" });
  // @ts-expect-error: a rotation cannot change the user; that is a log-in
  await req.session.rotate({ userId: "eve" });
  same<Awaited<ReturnType<typeof req.session.end>>, boolean>(true);
  same<Awaited<ReturnType<typeof req.session.endAll>>, number>(true);
  res.json({ role, first });
});

app.get("/admin", requireSession({ where: { role: "admin" } }), (req, res) => {
  res.json(req.session.require({ freshWithin: 60_000 }).claims.role);
});
app.get("/rich", requireSession({ where: ({ claims }) => claims.premium === true }), (_req, res) => {
  res.end();
});
// @ts-expect-error: no such role
requireSession({ where: { role: "boss" } });
// @ts-expect-error: no such claim
requireSession({ where: { colour: "red" } });
// @ts-expect-error: a promise is always truthy
requireSession({ where: async () => false });

app.post("/devices/:id", requireSession({ freshWithin: 60_000 }), async (req, res) => {
  // The path says what the parameters are, also behind a guard.
  same<typeof req.params, { id: string }>(true);
  res.json(await store.revoke(req.params.id));
});

app.get("/habits", (req) => {
  // @ts-expect-error: claims change through updateClaims
  req.session.cart = [];
  // @ts-expect-error: a log-out is session.end()
  req.session = null;
  // @ts-expect-error: there is no such property
  delete req.session.cart;
});
