/** A log-in for tests: what a client that is logged in sends. Knows headers through a port, as an adapter does. */
import { createHttpSessions, type HttpOptions } from "../http/http-sessions.js";
import type { CookieAttributes } from "../http/port.js";
import type { StartOptions } from "../http/request-context.js";
import type { Session } from "../sessions/session.js";
import type { SessionStore } from "../sessions/store.js";

/** A cookie in the form that browser drivers such as Playwright take. They also want a `domain`, if there is none. */
export interface TestCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: string;
  readonly path: string;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: "Lax" | "Strict" | "None";
}

/** A client that is logged in. */
export interface LoggedIn<Claims extends object> {
  /** The headers of its requests: `cookie`, or `authorization` for a bearer token. */
  readonly headers: Readonly<Record<string, string>>;
  /** For browsers; empty for a bearer token. */
  readonly cookies: readonly TestCookie[];
  /** As `start` returns it; a JWT if bearer tokens are JWTs. */
  readonly token: string;
  readonly session: Session<Claims>;
}

/**
 * Logs a user in as `session.start()` would in the application, without a request to it. `options` are the options of HTTP that
 * the application has, and `start` is what its log-in would give to `start()`; with `transport: "bearer"`, or with cookies off, the
 * headers have a bearer token. One round trip. Throws as `start` does.
 * @example const { headers } = await logIn(store, { cookie: { secure: false } }, { userId: "ada" });
 */
export async function logIn<Claims extends object>(
  store: SessionStore<Claims>,
  options: HttpOptions = {},
  start: StartOptions<Claims> = {},
): Promise<LoggedIn<Claims>> {
  const cookies: TestCookie[] = [];
  const request = await createHttpSessions(store, options).load({
    method: "POST",
    header: () => undefined,
    appendHeader: () => {},
    setCookie: (name, value, attributes) => {
      cookies.push({ name, value, ...forBrowser(attributes) });
    },
  });
  const { token, session } = await request.start(start);
  const [cookie] = cookies;
  const headers: Record<string, string> =
    cookie === undefined ? { authorization: `Bearer ${token}` } : { cookie: `${cookie.name}=${cookie.value}` };
  return { headers, cookies, token, session };
}

const SAME_SITE = { lax: "Lax", strict: "Strict", none: "None" } as const;

function forBrowser({
  httpOnly,
  secure,
  sameSite,
  path,
  domain,
}: CookieAttributes): Omit<TestCookie, "name" | "value"> {
  return { httpOnly, secure, sameSite: SAME_SITE[sameSite], path, ...(domain === undefined ? {} : { domain }) };
}
