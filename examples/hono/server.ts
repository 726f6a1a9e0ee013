import { serve } from "@hono/node-server";
import { createSessionStore } from "coatcheck";
import { requireSession, type SessionVariables, safeReturnTo, sessions } from "coatcheck/hono";
import { Hono } from "hono";
import { Redis } from "ioredis";

const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
const store = createSessionStore(redis);

const app = new Hono<{ Variables: SessionVariables }>();
// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
app.use(sessions(store, { cookie: { secure: process.env["NODE_ENV"] === "production" } }));

app.get("/login", (c) => c.html("<form method=post><input name=user autofocus><button>Log in</button></form>"));
app.post("/login", async (c) => {
  const { user } = await c.req.parseBody();
  // Check a password here.
  await c.var.session.start({ userId: String(user), claims: { role: "member" } });
  return c.redirect(safeReturnTo(c.req.query("returnTo"), "/me"), 303);
});
// Sends a browser without a session to the log-in page, and answers everybody else with 401.
app.get("/me", requireSession({ redirectTo: "/login" }), (c) => c.json(c.var.session.current?.claims));
app.get("/admin", requireSession({ where: { role: "admin" } }), (c) => c.json("the keys to everything"));
app.post("/logout", async (c) => c.json(await c.var.session.end()));
// For administrators in a real application: in effect with the very next request, wherever the user is logged in.
app.post("/users/:id/block", async (c) => c.json(await store.blockUser(c.req.param("id"))));

serve({ fetch: app.fetch, port: Number(process.env["PORT"] ?? 3000), hostname: "127.0.0.1" }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
);
