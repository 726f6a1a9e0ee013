/** A small Express application with sessions, and what Prometheus reads from it. */
import { createSessionStore } from "coatcheck";
import { requireSession, sessions } from "coatcheck/express";
import express from "express";
import { Redis } from "ioredis";
import { collectDefaultMetrics, register } from "prom-client";
import { collectSessions } from "./prometheus.ts";

collectDefaultMetrics();
collectSessions();

const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
redis.on("error", (error) => console.error(`Redis: ${error.message}`));
const store = createSessionStore(redis);

const app = express();
// Before the sessions: what reads the metrics has none. In production they belong on a port that the internet cannot reach.
app.get("/metrics", async (_req, res) => {
  res.type(register.contentType).send(await register.metrics());
});
app.use(express.json(), express.urlencoded(), sessions(store, { cookie: { secure: false } }));
app.post("/login", async (req, res) => {
  await req.session.start({ userId: req.body.user });
  res.json(`welcome, ${req.body.user}`);
});
app.get("/me", requireSession(), (req, res) => void res.json(req.session.current?.userId));
app.post("/logout", async (req, res) => void res.json(await req.session.end()));

const server = app.listen(Number(process.env["PORT"] ?? 3000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
});
