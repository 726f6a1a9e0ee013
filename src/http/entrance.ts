/** How an adapter gets the session of a request: without a promise if the memory of the process has it. Knows no framework. */
import type { HttpSessions } from "./http-sessions.js";
import type { HttpPort } from "./port.js";
import type { RequestSession } from "./request-session.js";

/**
 * Calls `attach` with the session of a request, and then `next`; or `next` with what has failed. What `next` throws is not caught:
 * it comes from a later handler.
 */
export function enter<Claims extends object>(
  http: HttpSessions<Claims>,
  port: HttpPort,
  attach: (session: RequestSession<Claims>) => void,
  next: (error?: Error) => void,
): void {
  const goOn = (session: RequestSession<Claims>) => {
    try {
      attach(session);
    } catch (error) {
      next(error as Error);
      return;
    }
    // Not in the try.
    next();
  };
  let known: RequestSession<Claims> | undefined;
  try {
    known = http.peek(port);
  } catch (error) {
    next(error as Error);
    return;
  }
  if (known === undefined) http.load(port).then(goOn, next);
  else goOn(known);
}

/**
 * Calls `goOn` with the session of a request, and gives what that gives, for frameworks that wait for it. Throws what `peek` and
 * `goOn` throw, or rejects with that.
 */
export function enterThen<Claims extends object, Answer>(
  http: HttpSessions<Claims>,
  port: HttpPort,
  goOn: (session: RequestSession<Claims>) => Answer | Promise<Answer>,
): Answer | Promise<Answer> {
  const known = http.peek(port);
  return known === undefined ? http.load(port).then(goOn) : goOn(known);
}
