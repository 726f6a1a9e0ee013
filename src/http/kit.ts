/** What an adapter for a framework is made of, in one import. */

export type { BearerFormat } from "./bearer.js";
export type { CookieOptions } from "./cookie.js";
export type { CsrfOptions } from "./csrf.js";
export { createHttpSessions, HTTP_OPTION_NAMES, type HttpOptions, type HttpSessions } from "./http-sessions.js";
export { nodePort } from "./node-port.js";
export type { HttpPort } from "./port.js";
export type { RegisteredClaims } from "./registered-claims.js";
export {
  checkRequirement,
  type EndOptions,
  type RequestSession,
  type Requirement,
  type StartOptions,
  type Transport,
  type UserSession,
} from "./request-session.js";
