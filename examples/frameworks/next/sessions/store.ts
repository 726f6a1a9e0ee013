import { createSessionStore } from "coatcheck";
import { createFetchSessions } from "coatcheck/fetch";
import { createHttpSessions, type HttpOptions } from "coatcheck/http";
import { Redis } from "ioredis";

export interface Claims {
  role: "member" | "admin";
}

// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
const options: HttpOptions = { cookie: { secure: process.env["COOKIE_INSECURE"] !== "1" } };

/** In development, Next loads this file again after each change: the connection stays. */
const shared = globalThis as { redis?: Redis };
shared.redis ??= new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", {
  socketTimeout: 5000,
  // A build loads this file too, and asks nothing.
  lazyConnect: true,
});

export const store = createSessionStore<Claims>(shared.redis);
/** For route handlers and the proxy, which have a Request and give a Response. */
export const http = createFetchSessions(store, options);
/** For server components and server actions, which have neither. */
export const parts = createHttpSessions(store, options);
