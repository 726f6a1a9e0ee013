/** coatcheck/express: sessions for Express 5 and 4. */

export { type ExpressGuard, requireSession, sessions } from "./adapters/express.js";
export { safeReturnTo } from "./http/navigation.js";
export type { RequestSession } from "./http/request-session.js";
