import type { SessionStore } from "../sessions/store.js";
import { createHttpSessions, type HttpOptions, type HttpSessions } from "./http-sessions.js";

/**
 * The claims of `req.session`, `request.session` and `ctx.session`. An application names them once, and needs no casts:
 *
 *   declare global {
 *     namespace Coatcheck {
 *       interface Claims { role: "member" | "admin" }
 *     }
 *   }
 */
declare global {
  namespace Coatcheck {
    interface Claims {}
  }
}

/** The application's claims, or any where it has named none. */
export type RegisteredClaims = keyof Coatcheck.Claims extends never ? Record<string, unknown> : Coatcheck.Claims;

/**
 * What an adapter takes: a store of the application's claims, or where it has named none, a store of any, which a store
 * of `object` stands for. The second member of the union is nothing that there could be: the compiler prints its name
 * where a store has other claims.
 */
export type RegisteredStore = keyof Coatcheck.Claims extends never
  ? SessionStore<object>
  : SessionStore<Coatcheck.Claims> | { readonly "its claims must be those declared as Coatcheck.Claims": never };

/** The request lifecycle of an adapter, whose requests have one type of session for the whole application. */
export function createRegisteredSessions(
  store: RegisteredStore,
  options?: HttpOptions,
): HttpSessions<RegisteredClaims> {
  // If no claims are declared, those of this store are not known here: any, by name.
  return createHttpSessions(store as SessionStore<RegisteredClaims>, options);
}
