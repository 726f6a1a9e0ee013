/** What the three programs share: a site where people log in and out, and where somebody may block and demote them. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createSessionStore, type SessionStore } from "coatcheck";
import { requireSession, sessions } from "coatcheck/express";
import express, { type Express } from "express";
import { Redis } from "ioredis";
import RedisMock from "ioredis-mock";

declare global {
  namespace Coatcheck {
    interface Claims {
      role: "member" | "moderator";
    }
  }
}

export type Claims = Coatcheck.Claims;

/** The same for the log-in and for sockets. `secure: false` is for local development. */
export const HTTP_OPTIONS = { cookie: { secure: false } } as const;

/** The site without sockets. Log in with `curl -X POST 'http://127.0.0.1:3000/login?user=ada' -c jar`. */
export function createSite(store: SessionStore<Claims>): Express {
  const app = express();
  app.use(sessions(store, HTTP_OPTIONS));
  app.post("/login", async ({ session, query }, res) => {
    // A real application checks a password first.
    const role = query["role"] === "moderator" ? "moderator" : "member";
    const { userId } = (await session.start({ userId: String(query["user"]), claims: { role } })).session;
    res.json({ userId });
  });
  app.post("/logout", async ({ session }, res) => {
    res.json(await session.end());
  });
  app.post("/logout-everywhere", requireSession(), async ({ session }, res) => {
    res.json(await session.endAll());
  });
  // A real application asks who may do these.
  app.post("/users/:id/block", async ({ params }, res) => {
    res.json(await store.blockUser(params.id, { until: Date.now() + 60_000 }));
  });
  app.post("/users/:id/demote", async ({ params }, res) => {
    res.json(await store.updateClaimsForUser(params.id, { role: "member" }));
  });
  return app;
}

/** Runs a program: `open` gives the server of a site on a store. Without REDIS_URL everything is kept in this process. */
export function run(open: (store: SessionStore<Claims>) => Server): void {
  const { REDIS_URL, PORT = "3000" } = process.env;
  const redis = REDIS_URL === undefined ? new RedisMock() : new Redis(REDIS_URL, { socketTimeout: 5000 });
  const store = createSessionStore<Claims>(redis);
  const server = open(store).listen(Number(PORT), "127.0.0.1", () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  process.once("SIGTERM", async () => {
    // Ends the watches, and with them the sockets.
    await store.close();
    server.close();
    server.closeAllConnections();
    redis.disconnect();
  });
}
