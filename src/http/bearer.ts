/** The bearer token (RFC 6750): how it is read, and in which form clients hold it. Knows no session. */

import { checkBoolean } from "../leaves/arguments.js";
import type { IssuedSession } from "../sessions/verbs/create.js";
import type { HttpPort } from "./port.js";

/**
 * A form in which clients hold the session tokens that they send in `Authorization: Bearer`, other than the token itself.
 * `createJwtSessions` of coatcheck/jwt makes one.
 */
export interface BearerFormat {
  /** The session token in what a client sent; `null` to refuse it. Asks no Redis. */
  unwrap(credential: string): Promise<string | null>;
  /** What the client gets for a new session token. */
  wrap(issued: IssuedSession<object>): Promise<string>;
}

/** Bare tokens: what a client sends is the token itself. */
export const bareTokens: BearerFormat = {
  unwrap: async (credential) => credential,
  wrap: async ({ token }) => token,
};

/** Reads the option. `undefined` if bearer tokens are off. Throws `TypeError` for a wrong value. */
export function parseBearerOption(bearer: boolean | BearerFormat): BearerFormat | undefined {
  if (typeof bearer !== "object" || bearer === null) return checkBoolean("bearer", bearer) ? bareTokens : undefined;
  if (typeof bearer.wrap !== "function" || typeof bearer.unwrap !== "function") {
    throw new TypeError("bearer must be a boolean, or have wrap and unwrap as what createJwtSessions makes");
  }
  return bearer;
}

/** What a request sent as a bearer token; `undefined` if it sent none. */
export function readBearer(port: HttpPort): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(port.header("authorization") ?? "")?.[1];
}
