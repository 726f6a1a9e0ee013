/** An application with sessions, and the endpoint at which other services ask about their tokens (RFC 7662). */
import { createSessionStore, isSessionError, type RedisClient } from "coatcheck";
import { sessions } from "coatcheck/express";
import { introspect } from "coatcheck/introspection";
import express, { type ErrorRequestHandler, type Express } from "express";
import type { Callers } from "./callers.ts";

declare global {
  namespace Coatcheck {
    interface Claims {
      role: "member" | "admin";
      plan: "free" | "premium";
      email: string;
    }
  }
}

/** What each service gets to know beyond whose token it is: no more than it needs (RFC 7662, 5). */
const CLAIMS: Readonly<Record<string, readonly (keyof Coatcheck.Claims)[]>> = {
  orders: ["role"],
  billing: ["plan"],
};

export function buildApp(redis: RedisClient, callers: Callers): Express {
  const store = createSessionStore<Coatcheck.Claims>(redis);
  const app = express();
  app.disable("x-powered-by");
  app.use(express.urlencoded({ extended: false, limit: "4kb" }));

  // Before `sessions`: here the Authorization header names the service that asks, and no user.
  app.post("/introspect", async (req, res) => {
    // Also of refusals: what a cache keeps of a token outlives it.
    res.set("Cache-Control", "no-store");
    const caller = callers.authenticate(req.get("Authorization"));
    if (caller === null) {
      res.status(401).set("WWW-Authenticate", 'Basic realm="introspection"').json({ error: "invalid_client" });
      return;
    }
    // Only the body is read: what stands in a URL ends up in logs. A parameter that comes twice is an array.
    const token: unknown = req.body?.token;
    if (typeof token !== "string") {
      res.status(400).json({ error: "invalid_request" });
      return;
    }
    res.json(await introspect(store, token, { claims: CLAIMS[caller] ?? [], clientId: "web" }));
  });
  app.all("/introspect", (_req, res) => {
    res.status(405).set("Allow", "POST").json({ error: "invalid_request" });
  });

  app.use(sessions(store, { cookie: false, bearer: true }));
  app.post("/log-in", async (req, res) => {
    const user: unknown = req.body?.user;
    if (typeof user !== "string" || user === "") {
      res.status(400).json({ error: "invalid_request" });
      return;
    }
    // Check a password here.
    const claims = { role: "member", plan: "free", email: `${user}@example.org` } as const;
    const { token } = await req.session.start({ userId: user, claims });
    res.set("Cache-Control", "no-store").json({ token });
  });
  app.post("/log-out", async (req, res) => {
    res.json(await req.session.end());
  });

  const renderError: ErrorRequestHandler = (error, _req, res, _next) => {
    // Without Redis nobody can say whether a token is active: 503, and never {"active":false}.
    const { status = 500, headers = {} } = error as { status?: number; headers?: Record<string, string> };
    if (status >= 500) console.error(isSessionError(error) ? `${error.name}: ${error.message}` : error);
    res
      .status(status)
      .set(headers)
      .json({ error: status === 503 ? "temporarily_unavailable" : "invalid_request" });
  };
  app.use(renderError);
  return app;
}
