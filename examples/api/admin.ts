/** What only admins may do: roles, blocks and allow-lists, all in effect with the very next request. */
import type Router from "@koa/router";
import type { RouterContext } from "@koa/router";
import { requireSession } from "coatcheck/koa";
import type { Context, Middleware } from "koa";
import type { Subject } from "./allow-list.ts";
import type { Api } from "./app.ts";
import { fieldOf, textOf, textsOf } from "./input.ts";
import type { Role } from "./sessions.ts";

const ROLE = /^(member|admin)$/;

export function adminRoutes(router: Router, { store, users, allowList }: Api, guards: Middleware[]): void {
  const admin = [...guards, requireSession({ where: { role: "admin" } })];

  router.put("/users/:name/role", ...admin, async (ctx) => {
    const name = await nameOf(ctx);
    const role = textOf(ctx, "role", ROLE) as Role;
    await users.setRole(name, role);
    ctx.body = { role, sessions: await store.updateClaimsForUser(name, { role }) };
  });

  router.put("/users/:name/block", ...admin, async (ctx) => {
    const name = await nameOf(ctx);
    const minutes = minutesOf(ctx);
    const until = minutes === undefined ? undefined : Math.ceil(Date.now() + minutes * 60_000);
    ctx.body = { ended: await store.blockUser(name, { until, reason: textOf(ctx, "reason") }) };
  });

  router.delete("/users/:name/block", ...admin, async (ctx) => {
    ctx.body = { unblocked: await store.unblockUser(await nameOf(ctx)) };
  });

  router.get("/users/:name/block", ...admin, async (ctx) => {
    ctx.body = { block: await store.getBlock(await nameOf(ctx)) };
  });

  router.put("/users/:name/allow-list", ...admin, async (ctx) => replace(ctx, `user:${await nameOf(ctx)}`));

  router.put("/roles/:role/allow-list", ...admin, async (ctx) => {
    const role = ctx.params["role"] ?? "";
    if (!ROLE.test(role)) ctx.throw(404, "No such role");
    await replace(ctx, `role:${role as Role}`);
  });

  async function replace(ctx: RouterContext, subject: Subject): Promise<void> {
    try {
      await allowList.set(subject, textsOf(ctx, "addresses"));
    } catch (error) {
      if (error instanceof RangeError) ctx.throw(400, error.message);
      throw error;
    }
    ctx.body = { addresses: await allowList.get(subject) };
  }

  async function nameOf(ctx: RouterContext): Promise<string> {
    const name = ctx.params["name"] ?? "";
    if (!(await users.exists(name))) ctx.throw(404, "No such user");
    return name;
  }
}

/** For how long, or `undefined` for a block without end. */
function minutesOf(ctx: Context): number | undefined {
  const minutes = fieldOf(ctx, "minutes");
  if (minutes === undefined) return undefined;
  if (typeof minutes !== "number" || !(minutes > 0 && minutes <= 1_000_000)) {
    return ctx.throw(400, "minutes must be a number above 0");
  }
  return minutes;
}
