/**
 * Checks of options and arguments. A wrong value throws `TypeError` or `RangeError` at once; the message names the option, what
 * was expected and what came. A leaf.
 */
import { similarName } from "./similar-name.js";
import { isToken } from "./token.js";

const MAX_USER_ID_BYTES = 256;
/** The longest duration, ms: ten years. A longer one is a mistake of the unit. */
export const MAX_DURATION = 10 * 365 * 24 * 60 * 60 * 1000;

/** Throws unless `value` is an object with only known names. `where` is the function that takes them, or the option that they are in. */
export function checkNames(where: string, value: unknown, known: readonly string[]): asserts value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`The options of ${where} must be an object, got ${show(value)}`);
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) {
      const meant = similarName(name, known);
      const hint = meant === undefined ? "the" : `did you mean ${JSON.stringify(meant)}? The`;
      const options = known.length === 1 ? "only option is" : "options are";
      throw new TypeError(`${where}: there is no option ${show(name)}; ${hint} ${options} ${known.join(", ")}`);
    }
  }
}

/** Throws unless `value` is an integer within the bounds. Returns it. */
export function checkInteger(name: string, value: unknown, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number, got ${show(value)}`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, got ${value}`);
  }
  return value;
}

/** Throws unless `value` is a duration in ms, at least `min`. Returns it. */
export function checkDuration(name: string, value: unknown, min = 1): number {
  return checkInteger(`${name} (ms)`, value, min, MAX_DURATION);
}

/** Throws unless `value` is a boolean. Returns it. */
export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be a boolean, got ${show(value)}`);
  return value;
}

/** Throws unless `value` is one of some strings. */
export function checkOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string, got ${show(value)}`);
  if (!allowed.includes(value)) {
    throw new RangeError(
      `${name} must be one of ${allowed.map((one) => JSON.stringify(one)).join(", ")}, got ${show(value)}`,
    );
  }
}

/** Throws unless `value` is a user id: a non-empty string of at most 256 bytes, and no token. Returns it. */
export function checkUserId(value: unknown, name = "userId"): string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string, got ${show(value)}`);
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > MAX_USER_ID_BYTES) {
    throw new RangeError(`${name} must have 1 to ${MAX_USER_ID_BYTES} bytes, got ${bytes}`);
  }
  // It would be a key in Redis, and in events.
  if (isToken(value)) throw new RangeError(`${name} must not be a token, which is a secret`);
  return value;
}

/**
 * Throws unless `value` is a prefix of keys. Braces in it would change the hash tag, which decides the slot in a Cluster.
 * Returns it.
 */
export function checkPrefix(value: unknown): string {
  const prefix = checkString("prefix", value);
  if (/[{}]/.test(prefix)) throw new RangeError(`prefix must not contain braces, got ${JSON.stringify(prefix)}`);
  return prefix;
}

/** Throws unless `value` is a string, no longer than `max` characters. Returns it. */
export function checkString(name: string, value: unknown, max = Number.POSITIVE_INFINITY): string {
  if (typeof value !== "string") throw new TypeError(`${name} must be a string, got ${show(value)}`);
  if (value.length > max) throw new RangeError(`${name} must have at most ${max} characters, got ${value.length}`);
  return value;
}

/** Throws unless `value` is an object that can hold claims. Returns it. */
export function checkClaims(name: string, value: unknown): object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} must be an object, got ${show(value)}`);
  }
  return value;
}

/**
 * Throws for an object in the place of a token or an id. Without this, a session, the result of `create` or a promise would
 * count as an absent session, and nothing would be done. Any other value that names no session is simply absent.
 */
export function refuseObject(verb: string, value: unknown): void {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
  throw new TypeError(`${verb} needs a token or a session id, which are strings, got ${mistakenFor(value)}`);
}

/** Throws unless `store` has the form of a session store. */
export function checkStore(store: unknown): void {
  // Not `get` or `touch`: a Redis client has these too, and answers `touch` with a number, which is not `null`.
  if (isStore(store)) return;
  throw new TypeError(`The store must be one that createSessionStore made, got ${mistakenForStore(store)}`);
}

function isStore(value: unknown): boolean {
  const { updateClaims, events } = (value ?? {}) as { updateClaims?: unknown; events?: unknown };
  return typeof updateClaims === "function" && events !== undefined;
}

function mistakenForStore(value: unknown): string {
  const { evalsha, evalSha, store } = (value ?? {}) as { evalsha?: unknown; evalSha?: unknown; store?: unknown };
  if (isThenable(value)) return "a promise: await it first";
  if (isStore(store)) return "an object with the store in it: give the store itself";
  const isClient = typeof evalsha === "function" || typeof evalSha === "function";
  return isClient ? "a Redis client: give what createSessionStore(client) returns" : show(value);
}

/** Whether a value is a promise, of any library. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

function mistakenFor(value: object): string {
  if ("then" in value) return "a promise: await it";
  if ("token" in value) return "an object with a token: give that";
  return "id" in value ? "an object with an id: give that" : show(value);
}

/**
 * A value as a message shows it: short and on one line. It shows no long string and no content of an object, which might be
 * secret.
 */
export function show(value: unknown): string {
  if (typeof value === "string")
    return value.length <= 40 ? JSON.stringify(value) : `a string of ${value.length} characters`;
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a Date";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}
