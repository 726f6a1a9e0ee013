/** coatcheck/hono: sessions for Hono 4. */

export { requireSession, type SessionVariables, sessions } from "./adapters/hono.js";
export type { FetchOptions } from "./http/answered-errors.js";
export { safeReturnTo } from "./http/navigation.js";
export type { RequestSession } from "./http/request-session.js";
