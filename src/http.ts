/** coatcheck/http: what an adapter for a framework is made of. */

export { attachSession } from "./http/assignments.js";
export type { BearerFormat } from "./http/bearer.js";
export type { CookieOptions } from "./http/cookie.js";
export type { Transport } from "./http/credentials.js";
export type { CsrfOptions } from "./http/csrf.js";
export { createHttpSessions, HTTP_OPTION_NAMES, type HttpOptions, type HttpSessions } from "./http/http-sessions.js";
export { safeReturnTo } from "./http/navigation.js";
export { nodePort } from "./http/node-port.js";
export type { CookieAttributes, HttpPort } from "./http/port.js";
export { createRegisteredSessions, type RegisteredClaims, type RegisteredStore } from "./http/registered-claims.js";
export type { EndOptions, StartOptions } from "./http/request-context.js";
export type { RequestSession } from "./http/request-session.js";
export { checkRequirement, type Requirement, type UserSession } from "./http/requirement.js";
