/**
 * The errors of coatcheck. A leaf: it knows nothing of Redis, and of HTTP only the status that an error has.
 *
 * Absence is never an error here: a session that does not exist is `null`, `false` or `0`. Wrong options and arguments
 * are plain `TypeError`s and `RangeError`s, thrown before any I/O.
 */

/** Seconds: a failover takes some, a restart less. */
const RETRY_SOON = { "Retry-After": "1" };

const brand = Symbol.for("coatcheck.SessionError");

/** What the constructor of a {@link SessionError} takes, apart from code and message. */
interface ErrorDetails {
  cause?: unknown;
  /** HTTP status, for errors that have a meaning to a client. */
  status?: number;
  /** HTTP headers that belong to that status. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * Takes the frames out of the stack of an error, and leaves its name and message. Each error with a status below 500 calls it:
 * Express prints the stack of each error that it answers, and anybody can send requests that get a 401 or 403. The frames are
 * always the same. Errors of the server's keep theirs.
 */
export function withoutFrames(error: SessionError): void {
  error.stack = `${error.name}: ${error.message}`;
}

function toResponse(this: SessionError): Response {
  const { status = 500, expose, message, headers } = this;
  // Bun forgets the type of a text if the response is copied.
  const type = { "Content-Type": "text/plain;charset=UTF-8" };
  return new Response(expose ? message : "Try again later", { status, headers: { ...type, ...headers } });
}

/** The base class of the errors that are no mistake in the call. */
export class SessionError extends Error {
  override name = "SessionError";
  /** Stable identifier: match on this, not on the message. */
  readonly code: string;
  /** The HTTP status that Express, Koa and Fastify render for this error; absent if it has no HTTP meaning. */
  declare readonly status?: number;
  /** The same as `status`, under the name that Fastify and Express read. */
  declare readonly statusCode?: number;
  /** Whether a framework may show the message to the client. */
  declare readonly expose?: boolean;
  /** Headers for the response, such as `Retry-After`; Express, Koa and Fastify add them by themselves. */
  declare readonly headers?: Readonly<Record<string, string>>;
  /**
   * Makes the response with that status, with the headers, and with the message as text if the client may see it. Absent
   * without a status. Hono's own error handler calls it.
   */
  declare readonly getResponse?: () => Response;

  constructor(code: string, message: string, { cause, status, headers }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    if (status !== undefined) {
      this.status = status;
      this.statusCode = status;
      this.expose = status < 500;
      Object.defineProperty(this, "getResponse", { value: toResponse });
    }
    if (headers !== undefined) this.headers = headers;
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * Redis did not answer within the deadline, or answered that it cannot serve (`LOADING`, `READONLY`, `OOM`, `NOPERM` …); or
 * the reply is none that coatcheck's scripts give, such as `QUEUED` from a transaction that is open on the client; or it was
 * lost, and nobody can tell what the call came to. Says nothing about the session: it may exist or not, and a write may have
 * been made or not. HTTP 503.
 */
export class StoreUnavailableError extends SessionError {
  override name = "StoreUnavailableError";
  constructor(message: string, cause?: unknown) {
    super("STORE_UNAVAILABLE", message, { cause, status: 503, headers: RETRY_SOON });
  }
}

/** A key holds something that coatcheck did not write. Names the key, never its value. */
export class CorruptRecordError extends SessionError {
  override name = "CorruptRecordError";
  /** The Redis key, without the client's `keyPrefix`. */
  readonly key: string;
  constructor(key: string, cause?: unknown) {
    super("CORRUPT_RECORD", `The key ${JSON.stringify(key)} does not hold what coatcheck keeps there`, { cause });
    this.key = key;
  }
}

/** Claims that cannot be stored: refused by the schema, not JSON, or too large. Nothing was written. */
export class ClaimsError extends SessionError {
  override name = "ClaimsError";
  /** What the schema found, if it refused the claims; otherwise empty. */
  readonly issues: ReadonlyArray<{ readonly message: string; readonly path: readonly PropertyKey[] }>;
  constructor(message: string, issues: ClaimsError["issues"] = [], cause?: unknown) {
    super("CLAIMS", message, { cause });
    this.issues = issues;
  }
}

/** The user already has `maxSessionsPerUser` live sessions and `onSessionLimit` is `"reject"`. HTTP 403. */
export class SessionLimitError extends SessionError {
  override name = "SessionLimitError";
  readonly limit: number;
  constructor(limit: number) {
    super("SESSION_LIMIT", `The user already has ${limit} live session${limit === 1 ? "" : "s"}`, { status: 403 });
    this.limit = limit;
    withoutFrames(this);
  }
}

/** The user is blocked: no session is created for them. HTTP 403. */
export class UserBlockedError extends SessionError {
  override name = "UserBlockedError";
  /** When the block ends, epoch ms; `null` for a block without end. */
  readonly until: number | null;
  /** The reason given to `blockUser`. Not part of the message, which frameworks show to the client. */
  readonly reason: string | null;
  constructor(until: number | null, reason: string | null) {
    super("USER_BLOCKED", "The user is blocked", { status: 403 });
    this.until = until;
    this.reason = reason;
    withoutFrames(this);
  }
}

/**
 * A revocation took effect on the primary, but fewer replicas than the option asks for confirmed it in time: a failover could
 * undo it now. It is safe to repeat the call, which waits again. HTTP 503.
 */
export class NotReplicatedError extends SessionError {
  override name = "NotReplicatedError";
  /** How many replicas confirmed. */
  readonly confirmed: number;
  /** How many the `replicas` option asks for. */
  readonly wanted: number;
  constructor(confirmed: number, wanted: number, { cause, headers }: Pick<ErrorDetails, "cause" | "headers"> = {}) {
    super("NOT_REPLICATED", `Revoked on the primary, but ${confirmed} of ${wanted} replicas confirmed it in time`, {
      status: 503,
      headers: { ...RETRY_SOON, ...headers },
      cause,
    });
    this.confirmed = confirmed;
    this.wanted = wanted;
  }
}

/** A request that needs a live session has none, or one whose log-in is too long ago. HTTP 401. */
export class UnauthenticatedError extends SessionError {
  override name = "UnauthenticatedError";
  /** Whether there is a live session, and the user only has to authenticate again. */
  readonly reauthenticate: boolean;
  constructor(
    message: string,
    { challenge, reauthenticate = false }: { challenge?: string; reauthenticate?: boolean },
  ) {
    const headers = challenge === undefined ? {} : { headers: { "WWW-Authenticate": challenge } };
    super(reauthenticate ? "REAUTHENTICATION_REQUIRED" : "UNAUTHENTICATED", message, { status: 401, ...headers });
    this.reauthenticate = reauthenticate;
    withoutFrames(this);
  }
}

/** The session is live, and its claims do not allow the request. HTTP 403. */
export class ForbiddenError extends SessionError {
  override name = "ForbiddenError";
  constructor() {
    super("FORBIDDEN", "This session is not allowed to do that", { status: 403 });
    withoutFrames(this);
  }
}

/** A request that changes something, sent by a browser on behalf of another site (CSRF). HTTP 403. */
export class UntrustedOriginError extends SessionError {
  override name = "UntrustedOriginError";
  constructor() {
    super("UNTRUSTED_ORIGIN", "The request comes from another origin", { status: 403 });
    withoutFrames(this);
  }
}

/**
 * Why a watch has ended. The first six are what ended the session: its own id or token, all sessions of its user, a block, room
 * for another session, a rotation or a log-in, all sessions of the store. `expired`: it was not used, or has reached its absolute
 * deadline. `unknown`: there is no such live session, and nobody has said why. `unsure`: the session may be live, but Redis could
 * not be heard for `unsureAfter`, or the store was closed.
 */
export type WatchEnd = "revoked" | "user" | "blocked" | "limit" | "rotated" | "all" | "expired" | "unknown" | "unsure";

/** The `reason` of the `AbortSignal` of a watch: the session must not be served any more. */
export class WatchEndedError extends SessionError {
  override name = "WatchEndedError";
  readonly reason: WatchEnd;
  constructor(reason: WatchEnd) {
    super("WATCH_ENDED", WATCH_ENDS[reason]);
    this.reason = reason;
    withoutFrames(this);
  }
}

const WATCH_ENDS: Readonly<Record<WatchEnd, string>> = {
  revoked: "The session was revoked",
  user: "All sessions of the user were revoked",
  blocked: "The user was blocked",
  limit: "The session had to make room for another",
  rotated: "The session has another token now",
  all: "All sessions were revoked",
  expired: "The session has expired",
  unknown: "There is no such live session",
  unsure: "Redis can no longer be heard, so nobody knows whether the session is live",
};

/** Whether a caught value is a {@link NotReplicatedError}, even if it comes from another copy of the package. */
export function isNotReplicated(error: unknown): error is NotReplicatedError {
  return isSessionError(error) && error.code === "NOT_REPLICATED";
}

/** Whether a caught value is an error of coatcheck, even if it comes from another copy of the package. */
export function isSessionError(error: unknown): error is SessionError {
  return typeof error === "object" && error !== null && brand in error;
}
