/** The adapter for the `Request` and `Response` of the web: it knows these and the kit, and no header. */
import { type FetchOptions, takeOnError } from "../http/answered-errors.js";
import { FetchPort } from "../http/fetch-port.js";
import { makeHttpSessions } from "../http/http-sessions.js";
import type { RequestSession } from "../http/request-session.js";
import { isSessionError } from "../leaves/errors.js";
import type { SessionStore } from "../sessions/store.js";

/** A request whose session is loaded. */
export interface LoadedRequest<Claims extends object> {
  readonly session: RequestSession<Claims>;
  /**
   * Adds what the session has to say (the cookie, `Vary`, `Cache-Control`, `Clear-Site-Data`) to the response, whatever made it:
   * an own `Response`, a redirection, one that `fetch` returned, a stream, an error. Send the response that is returned. It is a
   * copy on the same body if it carries a cookie or `Clear-Site-Data`, if the given one is a redirection or has a `Cache-Control` other
   * than `no-store`, or if its headers cannot be changed; otherwise it is the given one itself, with `Vary` and `no-store` added. Call
   * it last: after it, `start` and `rotate` refuse. A response with the status 101 is returned as it is.
   */
  respond(response: Response): Response;
}

/** Sessions for servers that take a `Request` and give a `Response`. */
export interface FetchSessions<Claims extends object> {
  /**
   * The session of one request, and the function that finishes its response. Costs and throws as `load` of coatcheck/http does:
   * `StoreUnavailableError` (503), and `UntrustedOriginError` (403) for another site's request.
   */
  load(request: Request): Promise<LoadedRequest<Claims>>;
  /**
   * Loads the session, calls the handler with it, and finishes its response. An error of coatcheck that has a status, of the
   * handler or of the load, becomes its response: 401, 403 or 503, with its headers and its message as text, and with the cookie
   * that was set before it; the option `onError` hears of each 503. Any other error is thrown on.
   */
  handle(
    request: Request,
    handler: (session: RequestSession<Claims>) => Response | Promise<Response>,
  ): Promise<Response>;
}

/**
 * Sessions for everything that speaks `Request` and `Response`. Throws `TypeError` and `RangeError` for wrong options.
 * @example const http = createFetchSessions(store); Bun.serve({ fetch: (request) => http.handle(request, page) });
 */
export function createFetchSessions<Claims extends object>(
  store: SessionStore<Claims>,
  options?: FetchOptions,
): FetchSessions<Claims> {
  const [report, httpOptions] = takeOnError("createFetchSessions", options);
  const http = makeHttpSessions("createFetchSessions", store, httpOptions);
  return Object.freeze({
    async load(request: Request) {
      const port = new FetchPort(request);
      const session = http.peek(port) ?? (await http.load(port));
      return { session, respond: (response: Response) => port.respond(response) };
    },
    async handle(request: Request, handler: (session: RequestSession<Claims>) => Response | Promise<Response>) {
      const port = new FetchPort(request);
      try {
        return port.respond(await handler(http.peek(port) ?? (await http.load(port))));
      } catch (error) {
        if (!isSessionError(error) || error.getResponse === undefined) throw error;
        report(error, request);
        return port.respond(error.getResponse());
      }
    },
  });
}
