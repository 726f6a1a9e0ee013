/** What the API keeps in a session, and the store that keeps it. */
import { createSessionStore, type RedisClient, type SessionStore } from "coatcheck";

export type Role = "member" | "admin";

declare global {
  namespace Coatcheck {
    interface Claims {
      /** A copy of the user's role, so that no request has to look it up. */
      role: Role;
    }
  }
}

export type ApiSessions = SessionStore<Coatcheck.Claims>;

const DAY = 24 * 60 * 60_000;

export function createStore(redis: RedisClient, timeout?: number): ApiSessions {
  // A phone stays logged in for a month, unless it is not used for a week.
  return createSessionStore<Coatcheck.Claims>(redis, {
    prefix: "api:session:",
    idleTimeout: 7 * DAY,
    absoluteTimeout: 30 * DAY,
    maxSessionsPerUser: 20,
    timeout,
  });
}
