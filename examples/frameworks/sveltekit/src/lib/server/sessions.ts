import { error, redirect } from "@sveltejs/kit";
import { createSessionStore, isSessionError } from "coatcheck";
import { createFetchSessions, type RequestSession } from "coatcheck/fetch";
import { Redis } from "ioredis";

type Claims = { role: "member" | "admin" };

const redis = new Redis(process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379", {
  socketTimeout: 5000,
  // A build loads this file too, and asks nothing.
  lazyConnect: true,
});
export const store = createSessionStore<Claims>(redis);
// Behind HTTPS the cookie is __Host-session; a browser takes it from http://127.0.0.1 only without `secure`.
export const http = createFetchSessions(store, { cookie: { secure: process.env["COOKIE_INSECURE"] !== "1" } });

/** SvelteKit knows the status of its own errors only, and prints the stack of every other. */
export function asKitError(cause: unknown): never {
  if (isSessionError(cause) && cause.status !== undefined)
    error(cause.status, cause.expose ? cause.message : "Try again later");
  throw cause;
}

/** The guard of a page: goes on with the session, or sends the browser to the log-in page. */
export function userOf(session: RequestSession<Claims>) {
  try {
    const address = session.admit({ redirectTo: "/login" });
    if (address !== null) redirect(303, address);
    return session.require();
  } catch (cause) {
    asKitError(cause);
  }
}
