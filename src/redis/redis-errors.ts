/**
 * What the failures of a Redis client are as errors of coatcheck. It sends nothing, and keeps what must not be shown out of
 * messages.
 */
import { CorruptRecordError, isSessionError, StoreUnavailableError } from "../leaves/errors.js";

/** `last` is how Redis answered the last try, where there was more than one. */
export function lateError(timeout: number, last: unknown): StoreUnavailableError {
  return new StoreUnavailableError(
    `Redis did not answer within ${timeout} ms; the command may still run, or have run`,
    last === undefined ? undefined : withoutCommand(last),
  );
}

/** Of a call that was not sent, because too many before it are late. */
export function refusedError(): StoreUnavailableError {
  return new StoreUnavailableError("Redis has not answered the calls before this one, which was not sent");
}

/** Of a call whose script may have run twice, so that nobody can tell what its first run came to. */
export function repeatedError(): StoreUnavailableError {
  return new StoreUnavailableError("The connection to Redis was lost during the call, which may have run");
}

/** What node-redis says of a client that was not connected yet, or was closed. */
const CLOSED = "The client is closed";
const NOT_CONNECTED = "The client is not connected: call its connect(), and do not close it while the store is in use";

/** Every failure of a command as an error of coatcheck. One that is such an error already stays what it is. */
export function translate(error: unknown, [first]: readonly string[], keyPrefix: unknown): Error {
  if (isSessionError(error)) return error;
  const cause = withoutCommand(error);
  if (!isReply(error, "WRONGTYPE") || first === undefined) {
    // Frameworks may show this message to a client, so the details stay in the cause (ASVS 5.0, 16.5.1).
    const [code] = /^[A-Z]+(?= )/.exec(cause.message) ?? [];
    const message = code ? `Redis cannot serve (${code})` : "Redis cannot be reached";
    return new StoreUnavailableError(cause.message === CLOSED ? NOT_CONNECTED : message, cause);
  }
  // A script of several keys says which one it is, in full: with the prefix that the client puts before all keys.
  const [, named] = /^WRONGTYPE of the key (.*?)(?: script: [0-9a-f]{40}, on \S+)?$/s.exec(cause.message) ?? [];
  if (named === undefined) return new CorruptRecordError(first, cause);
  const isPrefixed = typeof keyPrefix === "string" && named.startsWith(keyPrefix);
  return new CorruptRecordError(isPrefixed ? named.slice(keyPrefix.length) : named, cause);
}

/** For a `catch` where the outcome does not matter: lets an outage pass, and throws any other error again. */
export function ignoreOutage(error: unknown): void {
  if (!(error instanceof StoreUnavailableError)) throw error;
}

/** Whether an error is this reply of Redis. */
export function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code);
}

/**
 * ioredis hangs the whole command on its errors, arguments and all; and where Redis does not know a command, it quotes the
 * first 128 bytes of them. Claims, and the ids of the drop-in stores, would end up in logs.
 */
function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const clean = new Error(withoutArguments(error.message));
  clean.name = error.name;
  // It begins with the message.
  if (error.stack !== undefined) clean.stack = withoutArguments(error.stack);
  return clean;
}

function withoutArguments(text: string): string {
  return text.replace(/, with args beginning with: .*/, "");
}
