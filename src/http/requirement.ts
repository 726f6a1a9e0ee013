/** What a guard asks of a session, and whether a session meets it. Knows no request. */

import { checkBoolean, checkClaims, checkDuration, checkNames, show } from "../leaves/arguments.js";
import { hintAtUnit } from "../leaves/hints.js";
import { checkJson, equalJson } from "../leaves/json.js";
import type { Session } from "../sessions/session.js";
import { checkRedirectTo } from "./navigation.js";

/** What a request needs to pass the guard. */
export interface Requirement<Claims extends object> {
  /**
   * Claims that the session must have, or a test of the session. Otherwise 403. Claims are compared by value, with arrays and
   * objects as a whole: `{ roles: ["admin"] }` needs exactly this list. An `undefined`, a value that is not JSON, or an object
   * without a claim is a mistake, and throws `TypeError`.
   */
  readonly where?: Partial<Claims> | ((session: Session<Claims>) => boolean) | undefined;
  /** How long ago the user may have logged in, ms, for actions that need a recent log-in (ASVS 5.0, 7.5.3). Otherwise 401. */
  readonly freshWithin?: number | undefined;
  /** Whether a guest's session is enough, which proves nothing about anybody. Default: `false`, 401. */
  readonly guest?: boolean | undefined;
  /**
   * The log-in page, for a guard of pages: a browser that opens a page without a session, or with a log-in that is too old, is
   * sent there with a 303 instead of a 401, and the address that it asked for in `returnTo`. Requests of scripts, and requests
   * that may change something, still get 401. A path such as `"/login"`, or a URL. Read by the guards and by `session.admit`;
   * `session.require` throws in any case. Default: none.
   */
  readonly redirectTo?: string | undefined;
}

/** A session that is no guest's. */
export type UserSession<Claims extends object = Record<string, unknown>> = Session<Claims> & {
  readonly userId: string;
  readonly authenticatedAt: number;
};

const NAMES: readonly string[] = ["where", "freshWithin", "guest", "redirectTo"];

/** Throws `TypeError` and `RangeError` for a requirement that cannot be right. */
export function checkRequirement<Claims extends object>(requirement: Requirement<Claims>): void {
  refuseRequest(requirement);
  checkNames("requireSession", requirement, NAMES);
  const { where, freshWithin, guest, redirectTo } = requirement;
  if (redirectTo !== undefined) checkRedirectTo(redirectTo);
  if (guest !== undefined) checkBoolean("guest", guest);
  if (where !== undefined && typeof where !== "function") {
    // It would let every session through, which the caller cannot want.
    if (Object.keys(checkClaims("where", where)).length === 0) throw new TypeError("where must name a claim");
    checkJson("where", where);
  }
  if (freshWithin !== undefined) hintAtUnit("freshWithin", checkDuration("freshWithin", freshWithin));
}

/**
 * Throws `TypeError` for the request or the context of a framework in the place of a requirement. That is no plain object, of
 * whatever realm, and has other names.
 */
export function refuseRequest(value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || Object.getPrototypeOf(prototype) === null) return;
  if (Object.keys(value).every((name) => NAMES.includes(name))) return;
  throw new TypeError("requireSession was given a request: write requireSession(), which makes the guard");
}

/** Whether the claims of a session are enough. Throws `TypeError` if the test of the caller does not return a boolean. */
export function meets<Claims extends object>(
  session: Session<Claims>,
  where: NonNullable<Requirement<Claims>["where"]>,
) {
  if (typeof where === "function") {
    const answer: unknown = where(session);
    // A promise is truthy: an asynchronous test would let everybody through.
    if (typeof answer !== "boolean") throw new TypeError(`where must return a boolean, got ${show(answer)}`);
    return answer;
  }
  return (Object.keys(where) as (keyof Claims)[]).every(
    (name) => Object.hasOwn(session.claims, name) && equalJson(session.claims[name], where[name]),
  );
}

/** Whether the log-in is recent enough. `readAt` is when Redis read the session: no clock of this process counts. */
export function isFresh(
  { authenticatedAt, lastSeenAt }: Session<object>,
  readAt: number,
  freshWithin: number,
): boolean {
  return authenticatedAt !== null && Math.max(readAt, lastSeenAt) - authenticatedAt <= freshWithin;
}
