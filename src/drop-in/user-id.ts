/** Whose session it is, as the application's function says. It knows no Redis. */
import { emitWarning } from "node:process";
import { checkUserId, isThenable, show } from "../leaves/arguments.js";

/** What a store takes for the id of a user. */
export type UserId = string | number | bigint;

/** A user id as text: what the index and the calls for a user know. Throws for anything that is none. */
export function userIdOf(value: unknown): string {
  const isNumber = (typeof value === "number" && Number.isFinite(value)) || typeof value === "bigint";
  return checkUserId(isNumber ? String(value) : value);
}

/** Finds out whose session it is. What is no user id is told once, and never fails a request: it counts as a guest's. */
export class SessionOwner {
  readonly #ask: (session: object) => unknown;
  #told = false;

  constructor(ask: (session: object) => unknown) {
    this.#ask = ask;
  }

  /** The user of a session; `undefined` for a guest's. */
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
      // Nobody else waits for it; if it fails, that must not end the process.
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

/** An id that knows its JSON, such as an ObjectId, as it is in the record: a request that loads it sees that. */
function plain(answer: unknown): unknown {
  const { toJSON } = answer as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(answer) : answer;
}
