/** Signing up, logging in and out, and a user's own devices. */
import type Router from "@koa/router";
import { requireSession } from "coatcheck/koa";
import type { Context, Middleware } from "koa";
import { addressOf } from "./allow-list.ts";
import type { Api } from "./app.ts";
import { NAME, textOf } from "./input.ts";

const PASSWORD = /^.{8,128}$/s;

/** What needs no session. */
export function entranceRoutes(router: Router, { users, allowList, limitEntrance }: Api): void {
  router.post("/users", limitEntrance, async (ctx) => {
    const name = textOf(ctx, "name", NAME);
    if (!(await users.add(name, textOf(ctx, "password", PASSWORD)))) ctx.throw(409, "The name is taken");
    ctx.status = 201;
    ctx.body = { name };
  });

  router.post("/log-in", limitEntrance, async (ctx) => {
    const name = textOf(ctx, "name", NAME);
    if (!(await users.verify(name, textOf(ctx, "password", PASSWORD)))) {
      ctx.throw(401, "The name or the password is wrong");
    }
    const ip = addressOf(ctx.ip);
    if (!(await allowList.permits(name, await users.roleOf(name), ip))) ctx.throw(403, "Not from this address");

    // Throws `UserBlockedError` (403) for a blocked user. The token goes out in the body, and nowhere else.
    const client = { ip, userAgent: ctx.get("user-agent") };
    const { token } = await ctx.session.start({ userId: name, client });
    // Looked up only now, while the session exists: a demotion at this very moment reaches the session too, and the
    // function form then looks again. Looked up before, an old role could be written over the new one.
    await ctx.session.updateClaims(async () => ({ role: await users.roleOf(name) }));
    ctx.body = { token, ...describe(ctx) };
  });
}

/** What every user may do. */
export function accountRoutes(router: Router, { store }: Api, guards: Middleware[]): void {
  router.get("/me", ...guards, (ctx) => {
    ctx.body = describe(ctx);
  });

  // From anywhere and at any rate: a token that is feared to be stolen must always be voidable.
  router.post("/log-out", async (ctx) => {
    ctx.body = { ended: await ctx.session.end() };
  });

  router.get("/devices", ...guards, async (ctx) => {
    const { id, userId } = ctx.session.require();
    const devices = await store.listForUser(userId);
    ctx.body = devices.map((device) => ({
      id: device.id,
      current: device.id === id,
      ip: device.client.ip,
      userAgent: device.client.userAgent,
      lastSeenAt: device.lastSeenAt,
    }));
  });

  router.delete("/devices", requireSession(), async (ctx) => {
    ctx.body = { ended: await ctx.session.endAll({ exceptCurrent: true }) };
  });

  router.delete("/devices/:id", requireSession(), async (ctx) => {
    const { id } = ctx.params;
    const device = await store.find(id);
    // An id is public: only its owner may end the session that it names.
    if (device === null || device.userId !== ctx.session.require().userId) ctx.throw(404, "No such device");
    ctx.body = { ended: await store.revoke(id) };
  });
}

function describe(ctx: Context) {
  const { id, userId, claims, absoluteExpiresAt } = ctx.session.require();
  return { name: userId, role: claims.role, session: id, absoluteExpiresAt };
}
