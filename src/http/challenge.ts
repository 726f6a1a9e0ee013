/** The errors for a request that needs a log-in, each with the challenge of its 401 (RFC 6750, 3). Knows no session. */
import { UnauthenticatedError } from "../leaves/errors.js";
import { type BearerFormat, readBearer } from "./bearer.js";
import type { HttpPort } from "./port.js";

/** There is no session, or only a guest's although a user's is needed. */
export function logInFirst(port: HttpPort, bearer: BearerFormat | undefined): UnauthenticatedError {
  // A request that brought no token gets no error code.
  const error = readBearer(port) === undefined ? "" : 'error="invalid_token"';
  return unauthenticated("Log in first", bearer, error);
}

/** The log-in is older than `freshWithin`, ms (RFC 9470, 3). */
export function logInAgain(freshWithin: number, bearer: BearerFormat | undefined): UnauthenticatedError {
  const error = `error="insufficient_user_authentication", max_age="${Math.floor(freshWithin / 1000)}"`;
  return unauthenticated("Log in again", bearer, error, true);
}

/** The request has the credentials of two live sessions. */
export function twoSessions(bearer: BearerFormat | undefined): UnauthenticatedError {
  return unauthenticated("The request has two sessions: log in again", bearer, 'error="invalid_request"');
}

function unauthenticated(
  message: string,
  bearer: BearerFormat | undefined,
  error: string,
  reauthenticate = false,
): UnauthenticatedError {
  if (bearer === undefined) return new UnauthenticatedError(message, { reauthenticate });
  return new UnauthenticatedError(message, { reauthenticate, challenge: `Bearer ${error}`.trim() });
}
