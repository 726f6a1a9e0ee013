/** The sessions of the application. */
import { createSessionStore } from "coatcheck";
import { createFetchSessions, type RequestSession } from "coatcheck/fetch";
import { Redis } from "ioredis";

type Claims = { role: "member" | "admin" };

declare module "nitro/h3" {
  interface H3EventContext {
    session: RequestSession<Claims>;
  }
}

export const redis = new Redis(process.env.REDIS_URL ?? "redis://127.0.0.1:6379", { socketTimeout: 5000 });
redis.on("error", (error) => console.error(`redis: ${error.message}`));
export const store = createSessionStore<Claims>(redis);
// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
export const http = createFetchSessions(store, { cookie: { secure: process.env.COOKIE_INSECURE !== "1" } });
