/**
 * The session and cookie objects of express-session, made without importing it. A store has to make them in `createSession`,
 * and connect-redis imports express-session for that. But @fastify/session takes the same stores, and its users should not need
 * express-session. So this file takes the classes from the middleware that uses the store: the middleware puts a function
 * `generate` on the store, which makes a new session. So the classes are the right ones even if two copies of express-session
 * are installed, and a bundler has nothing to resolve.
 */

/** A request as express-session decorates it. */
export interface SessionRequest {
  sessionID?: string;
  session?: object | null;
}

/** The function that express-session assigns to `generate` of its store: it gives a request a new session with a new id. */
export type Generate = (request: SessionRequest) => void;

/** The classes of one copy of express-session. */
interface Classes {
  readonly Session: new (request: SessionRequest, data: object) => object;
  readonly cookie: object;
}

/** A cookie as it comes from Redis. */
type StoredCookie = Record<string, unknown>;

const learned = new WeakMap<Generate, Classes>();

/** Makes the session of a request from a stored record, as the `createSession` of express-session's own `Store` does. */
export function createSession(generate: Generate, request: SessionRequest, data: { cookie: StoredCookie }): object {
  const classes = learned.get(generate) ?? learn(generate, request);
  // If there is no cookie, this gives the same error as express-session.
  const { cookie: stored } = data;
  const expires = stored["expires"];
  const originalMaxAge = stored["originalMaxAge"];
  const cookie = createCookie(classes.cookie, stored);
  if (typeof expires === "string") cookie["expires"] = new Date(expires);
  // Setting `expires` has changed it.
  cookie["originalMaxAge"] = originalMaxAge;
  data.cookie = cookie;
  const session = new classes.Session(request, data);
  request.session = session;
  return session;
}

/**
 * Lets the middleware make one session that nobody uses, on a stand-in for the request. This is done once for each middleware.
 */
function learn(generate: Generate, request: SessionRequest): Classes {
  // The application's functions `genid` and `cookie` may read the request, but what they set stays on the stand-in. `load` of
  // the store has no real request, so it gets the members that the middleware reads.
  const stand: SessionRequest = Object.create(request, {
    sessionID: { value: undefined, writable: true },
    session: { value: undefined, writable: true },
    ...("headers" in request ? {} : { headers: { value: {} }, connection: { value: {} } }),
  });
  generate(stand);
  const session = stand.session as { cookie: object };
  const classes = {
    Session: session.constructor as Classes["Session"],
    cookie: Object.getPrototypeOf(session.cookie) as object,
  };
  learned.set(generate, classes);
  return classes;
}

function createCookie(prototype: object, stored: StoredCookie): StoredCookie {
  const Cookie = prototype.constructor;
  // The cookies of express-session do not have their constructor, so this does what the constructor does.
  if (Cookie !== Object) return new (Cookie as new (stored: StoredCookie) => StoredCookie)(stored);
  const cookie = Object.create(prototype) as StoredCookie;
  Object.assign(cookie, { path: "/", maxAge: null, httpOnly: true });
  for (const name of Object.keys(stored)) if (name !== "data") cookie[name] = stored[name];
  return cookie;
}
