/** What the author of an adapter gives to the contract: a small application on the adapter. Knows no framework and no case. */
import type { HttpOptions } from "../http/http-sessions.js";
import type { RegisteredClaims } from "../http/registered-claims.js";
import type { createSessionStore } from "../sessions/assembly.js";
import type { SessionStore } from "../sessions/store.js";

/** A server that listens. */
export interface AdapterServer {
  /** Its address without a path, such as `http://127.0.0.1:41234`. Plain HTTP. */
  readonly url: string;
  /** Stops it, also while clients keep connections open. */
  close(): unknown;
}

/** An adapter, as the contract sees it. */
export interface AdapterSubject {
  /**
   * A client for the sessions of the tests: of a real Redis, or ioredis-mock. Each case uses key prefixes of its own, all of
   * them under `coatcheck-contract:`, and every key ends by itself after ten minutes at the latest. The contract does not close
   * the client.
   */
  readonly redis: Parameters<typeof createSessionStore>[0];
  /**
   * Serves the application of the contract with this store and these options, on a free port. Called once for each case, or
   * twice. Must reject, or throw, if the adapter refuses the options. In the table `session` is the session of the request as the
   * adapter gives it, and `JSON` is an answer of the framework's usual kind, with status 200. `HEAD` must work where `GET` does.
   *
   * | route | what it does |
   * |---|---|
   * | `GET /` | JSON `{ "user": session.current?.userId ?? null }` |
   * | `GET /public` | answers something, without a look at the session |
   * | `GET /me` | behind the guard of the adapter; then as `/` |
   * | `GET /admin` | behind the guard with `where: ({ userId }) => userId === "admin"`; then as `/` |
   * | `GET /app/page` | behind the guard with `redirectTo: "/sign-in"`; then as `/`. On a router under `/app`, if there are routers |
   * | `POST /login` | sets a cookie `theme=dark` in the way of the framework, calls `session.start({ userId, transport })` with `user` and `transport` of the query (there may be no `transport`), and answers JSON `{ "token": … }` |
   * | `POST /login/redirect` | calls `session.start({ userId })`, and redirects to `/me` with a 303 |
   * | `POST /login/stream` | calls `session.start({ userId })`, and streams a body of the two pieces `one` and `two` |
   * | `POST /login/late` | sends the head of the response, then calls `session.start({ userId })`, and ends the body with the name of the error that it throws, or `none` |
   * | `POST /logout` | JSON `{ "ended": await session.end() }` |
   * | `POST /rotate` | JSON `{ "rotated": (await session.rotate()) !== null }` |
   * | `GET /boom` | throws an `Error` of its own; the error handler of the application answers 500 |
   *
   * If the adapter has no guard, the routes call `session.admit(requirement)`, and answer 303 if it gives an address. If the
   * framework does not answer an error with its `status` and `headers` by itself, the adapter has to bring what does.
   */
  start(store: SessionStore<RegisteredClaims>, options: HttpOptions): Promise<AdapterServer>;
}
