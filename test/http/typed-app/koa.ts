import Router from "@koa/router";
import type { Session } from "coatcheck";
import { requireSession, sessions } from "coatcheck/koa";
import Koa from "koa";
import { same } from "./claims.js";
import { foreign, store, strict } from "./store.js";

const app = new Koa();
app.use(sessions(store, { bearer: true }));
app.use(sessions(strict));
// @ts-expect-error: a store of other claims
app.use(sessions(foreign));
app.use(requireSession());
app.use(async (ctx) => {
  same<typeof ctx.session.current, Session<Coatcheck.Claims> | null>(true);
  // @ts-expect-error: no such claim
  ctx.session.current?.claims.colour;
  await ctx.session.start({ userId: "ada", claims: { role: "member", cart: [] } });
  ctx.body = ctx.session.current?.claims.role;
});

const router = new Router();
router.use(requireSession());
router.get("/admin", requireSession({ where: { role: "admin" } }), async (ctx) => {
  const role: "member" | "admin" = ctx.session.require({ freshWithin: 60_000 }).claims.role;
  ctx.body = role;
});
app.use(router.routes());
// @ts-expect-error: no such role
requireSession({ where: { role: "boss" } });

app.use(async (ctx) => {
  // @ts-expect-error: claims change through updateClaims
  ctx.session.cart = [];
  // @ts-expect-error: a log-out is session.end()
  ctx.session = null;
  // @ts-expect-error: there is no such property
  delete ctx.session.cart;
});
