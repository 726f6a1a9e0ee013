import { createSessionStore, isSessionError } from "coatcheck";
import { requireSession, safeReturnTo, sessions } from "coatcheck/express";
import express, { type ErrorRequestHandler } from "express";
import { Redis } from "ioredis";

const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
const store = createSessionStore(redis);

const app = express();
app.use(express.json(), express.urlencoded());
// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
app.use(sessions(store, { cookie: { secure: process.env["NODE_ENV"] === "production" } }));

app.post("/login", async (req, res) => {
  // Check a password here.
  await req.session.start({ userId: req.body.user, claims: { role: "member" } });
  const { returnTo } = req.query;
  if (returnTo !== undefined) return res.redirect(303, safeReturnTo(returnTo, "/me"));
  res.json(`welcome, ${req.body.user}`);
});
app.get("/login", (_req, res) => {
  res.send("<form method=post><input name=user autofocus><button>Log in</button></form>");
});
// Sends a browser without a session to the log-in page, and answers everybody else with 401.
app.get("/me", requireSession({ redirectTo: "/login" }), (req, res) => {
  res.json(req.session.current?.claims);
});
app.get("/admin", requireSession({ where: { role: "admin" } }), (_req, res) => {
  res.json("the keys to everything");
});
app.post("/logout", async (req, res) => {
  res.json(await req.session.end());
});
// For administrators in a real application: in effect with the very next request, wherever the user is logged in.
app.post("/users/:id/role", async (req, res) => {
  res.json(await store.updateClaimsForUser(req.params.id, { role: req.body.role }));
});
app.post("/users/:id/block", async (req, res) => {
  res.json(await store.blockUser(req.params.id, { until: Date.now() + 3_600_000 }));
});
// Anybody can cause a 401 or 403, so it is an answer, and no line in the log. Everything else is for Express.
const refuse: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent || !isSessionError(error) || !error.expose) return next(error);
  res
    .status(error.status ?? 500)
    .set(error.headers ?? {})
    .json({ error: error.message });
};
app.use(refuse);

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
});
