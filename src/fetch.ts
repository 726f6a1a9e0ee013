/** coatcheck/fetch: sessions for everything that uses the `Request` and `Response` of the web. */

export { createFetchSessions, type FetchSessions, type LoadedRequest } from "./adapters/fetch.js";
export type { FetchOptions } from "./http/answered-errors.js";
export { safeReturnTo } from "./http/navigation.js";
export type { RequestSession } from "./http/request-session.js";
