/**
 * Turns the failures of a Redis client into errors of coatcheck. It sends nothing, and keeps secrets out of messages.
 */
import { CorruptRecordError, isSessionError, StoreUnavailableError } from "../leaves/errors.js";

/** For a call without an answer. `last`: the error of the last try, or of the connection, if there is one. */
export function lateError(timeout: number, last: unknown): StoreUnavailableError {
  return new StoreUnavailableError(
    `Redis did not answer within ${timeout} ms; the command may still run, or have run`,
    last === undefined ? undefined : withoutCommand(last),
  );
}

/** For a call that was not sent, because too many calls before it are late. */
export function refusedError(): StoreUnavailableError {
  return new StoreUnavailableError("Redis has not answered the calls before this one, which was not sent");
}

/** For a call whose script may have run twice, so that nobody knows the result of the first run. */
export function repeatedError(): StoreUnavailableError {
  return new StoreUnavailableError("The connection to Redis was lost during the call, which may have run");
}

/** The message of node-redis for a client that is not connected yet, or was closed. */
const CLOSED = "The client is closed";
const NOT_CONNECTED = "The client is not connected: call its connect(), and do not close it while the store is in use";

/** Turns the failure of a command into an error of coatcheck, unless it is one already. */
export function translate(error: unknown, [first]: readonly string[], keyPrefix: string): Error {
  if (isSessionError(error)) return error;
  const cause = withoutCommand(error);
  if (!isReply(error, "WRONGTYPE") || first === undefined) {
    // Frameworks may show this message to a client, so the details stay in the cause (ASVS 5.0, 16.5.1).
    const [code] = /^[A-Z]+(?= )/.exec(cause.message) ?? [];
    const message = code ? `Redis cannot serve (${code})` : "Redis cannot be reached";
    return new StoreUnavailableError(cause.message === CLOSED ? NOT_CONNECTED : message, cause);
  }
  // A script with several keys names the one in question, with the prefix that the client puts before all keys.
  const [, named] = /^WRONGTYPE of the key (.*?)(?: script: [0-9a-f]{40}, on \S+)?$/s.exec(cause.message) ?? [];
  if (named === undefined) return new CorruptRecordError(first, cause);
  return new CorruptRecordError(named.startsWith(keyPrefix) ? named.slice(keyPrefix.length) : named, cause);
}

/** For a `catch` where the outcome does not matter: lets an outage pass, and throws any other error again. */
export function ignoreOutage(error: unknown): void {
  if (!(error instanceof StoreUnavailableError)) throw error;
}

/** Whether an error is a reply of Redis, and not one of the client: it begins with a code, such as `READONLY`. */
export function isErrorReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]+ /.test(error.message);
}

/** Whether an error is this reply of Redis. */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code);
}

/**
 * ioredis attaches the whole command with its arguments to its errors; and if Redis does not know a command, it quotes the
 * first 128 bytes of the arguments. So claims, and session ids of the drop-in stores, could get into logs.
 */
function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const clean = new Error(withoutArguments(error.message));
  clean.name = error.name;
  // The stack begins with the message.
  if (error.stack !== undefined) clean.stack = withoutArguments(error.stack);
  return clean;
}

function withoutArguments(text: string): string {
  return text.replace(/, with args beginning with: .*/, "");
}
