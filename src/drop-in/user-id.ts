/** Whose session it is, as the application's function says. It knows no Redis. */
import { emitWarning } from "node:process";
import { checkUserId, isThenable, show } from "../leaves/arguments.js";

/** What a store accepts as the id of a user. */
export type UserId = string | number | bigint;

/** A user id as text, for the index and the calls for a user. Throws for any other value. */
export function userIdOf(value: unknown): string {
  const isNumber = (typeof value === "number" && Number.isFinite(value)) || typeof value === "bigint";
  return checkUserId(isNumber ? String(value) : value);
}

/**
 * Finds out whose session it is. A value that is no user id never makes a request fail: it counts as a guest's, and a warning
 * is given once.
 */
export class SessionOwner {
  readonly #ask: (session: object) => unknown;
  #told = false;

  constructor(ask: (session: object) => unknown) {
    this.#ask = ask;
  }

  /** The user of a session; `undefined` for a guest. */
  of(session: object): string | undefined {
    let answer: unknown;
    try {
      answer = this.#ask(session) ?? undefined;
    } catch (error) {
      this.#tell(`threw ${error instanceof Error ? error.name : "no error"}`);
      return undefined;
    }
    if (answer === undefined) return undefined;
    try {
      return userIdOf(plain(answer));
    } catch {
      // Nobody else waits for this promise: if it rejects, that must not end the process.
      if (isThenable(answer)) Promise.resolve(answer).catch(() => undefined);
      this.#tell(`returned ${isThenable(answer) ? "a promise" : show(answer).replace(/^".*"$/, "an empty string")}`);
      return undefined;
    }
  }

  #tell(what: string): void {
    if (this.#told) return;
    this.#told = true;
    emitWarning(
      `The option userId of a RedisStore ${what}. It must return a string of 1 to 256 bytes, a number, or undefined for ` +
        "a guest. Until it does, such a session counts as a guest's: listForUser, updateForUser and destroyAllForUser " +
        "do not find it. This is said once.",
      { type: "CoatcheckWarning", code: "COATCHECK_USER_ID" },
    );
  }
}

/** An id with a `toJSON`, such as an ObjectId, as it is in the record: a request that loads the session sees that form. */
function plain(answer: unknown): unknown {
  const { toJSON } = answer as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(answer) : answer;
}
