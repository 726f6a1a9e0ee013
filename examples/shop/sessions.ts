/** What the shop keeps in a session, and the store that keeps it. */
import { createSessionStore, type RedisClient, type SessionStore } from "coatcheck";

/** How many of each product, by its id. */
export type Cart = Readonly<Record<string, number>>;

declare global {
  namespace Coatcheck {
    interface Claims {
      /** A guest has one too, and it survives the log-in. */
      cart?: Cart;
      /** A copy of what the database says of the user, so that no request has to ask it. */
      premium?: boolean;
    }
  }
}

export type ShopSessions = SessionStore<Coatcheck.Claims>;

export function createStore(redis: RedisClient, timeout?: number): ShopSessions {
  return createSessionStore<Coatcheck.Claims>(redis, {
    prefix: "shop:",
    // A cart should outlast a phone call.
    idleTimeout: 2 * 60 * 60_000,
    absoluteTimeout: 24 * 60 * 60_000,
    maxSessionsPerUser: 20,
    timeout,
  });
}
