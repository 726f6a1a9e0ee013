/** The application of the contract on Hono, under @hono/node-server. */
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { setCookie } from "hono/cookie";
import { stream } from "hono/streaming";
import { requireSession, type SessionVariables, sessions } from "../../../src/hono.js";
import { listening } from "../contract/app.js";
import { streamed } from "../streamed.js";
import { of, type Start } from "./served.js";

type Env = { Variables: SessionVariables };

export const startHono: Start = async (store, options) => {
  const app = new Hono<Env>();
  app.use(sessions(store, options));

  const show = (c: Context<Env>) => c.json({ user: c.var.session.current?.userId ?? null });
  const userOf = (c: Context<Env>) => ({ userId: String(c.req.query("user")) });

  app.get("/", show);
  app.get("/public", (c) => c.text("public"));
  app.get("/me", requireSession(), show);
  app.get("/admin", requireSession({ where: ({ userId }) => userId === "admin" }), show);
  app.route("/app", new Hono<Env>().get("/page", requireSession({ redirectTo: "/sign-in" }), show));
  app.post("/login", async (c) => {
    setCookie(c, "theme", "dark");
    const transport = c.req.query("transport") as "cookie" | "bearer" | undefined;
    return c.json({ token: (await c.var.session.start({ ...userOf(c), transport })).token });
  });
  app.post("/login/redirect", async (c) => {
    await c.var.session.start(userOf(c));
    return c.redirect("/me", 303);
  });
  app.post("/login/stream", async (c) => {
    await c.var.session.start(userOf(c));
    return stream(c, async (body) => {
      await body.write("one");
      await body.write("two");
    });
  });
  app.post("/login/late", (c) => {
    const outcome = () =>
      c.var.session.start(userOf(c)).then(
        () => "none",
        (error: Error) => error.name,
      );
    return new Response(streamed(outcome));
  });
  app.post("/logout", async (c) => c.json({ ended: await c.var.session.end() }));
  app.post("/rotate", async (c) => c.json({ rotated: (await c.var.session.rotate()) !== null }));
  app.get("/boom", () => {
    throw new Error("boom");
  });
  return of(await listening(createAdaptorServer({ fetch: app.fetch }) as Server));
};
