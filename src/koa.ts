/** coatcheck/koa: sessions for Koa 3 and 2. */

export { requireSession, sessions } from "./adapters/koa.js";
export { safeReturnTo } from "./http/navigation.js";
export type { RequestSession } from "./http/request-session.js";
