import type { SessionStore } from "../sessions/store.js";
import { type HttpOptions, type HttpSessions, makeHttpSessions } from "./http-sessions.js";

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

/** The claims that the application has declared, or any claims if it has declared none. */
export type RegisteredClaims = keyof Coatcheck.Claims extends never ? Record<string, unknown> : Coatcheck.Claims;

/**
 * What an adapter takes: a store with the declared claims; or any store if none are declared, which is the type
 * `SessionStore<object>`. No value has the second type of the union: the compiler prints the name of its member if a store has
 * other claims.
 */
export type RegisteredStore = keyof Coatcheck.Claims extends never
  ? SessionStore<object>
  : SessionStore<Coatcheck.Claims> | { readonly "its claims must be those declared as Coatcheck.Claims": never };

/** The claims of a store; those that the application has declared if the type of the store tells none. */
export type ClaimsOf<Store> =
  Store extends SessionStore<infer Claims>
    ? keyof Claims extends never
      ? RegisteredClaims
      : Claims
    : RegisteredClaims;

/** The request lifecycle of an adapter, whose requests have one type of session for the whole application. */
export function createRegisteredSessions(
  store: RegisteredStore,
  options?: HttpOptions,
): HttpSessions<RegisteredClaims> {
  // If no claims are declared, the claims of this store are not known here, and count as any.
  return makeHttpSessions("sessions", store as SessionStore<RegisteredClaims>, options);
}
