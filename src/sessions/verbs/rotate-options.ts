/** What a rotation can change: its options, their checks, and how they are written. It calls no script. */
import { checkBoolean, checkClaims, checkInteger, checkNames, checkUserId } from "../../leaves/arguments.js";
import { hintAtShortUnit } from "../../leaves/hints.js";
import type { ClaimsPatch } from "../claims.js";
import type { Context } from "../context.js";
import { hasTimeouts, resolveTimeouts } from "../timeouts.js";
import { type CreateOptions, encodeClient, encodePersistence } from "./create.js";

/** What a rotation changes. */
export interface RotateOptions<Claims extends object> {
  /**
   * Who has just logged in. A guest's claims are carried over to the user's session. Another user's session ends, and none of
   * its claims is carried over. Implies `reauthenticated`. If there are two log-ins on one token at once (a double click), or
   * within ten seconds, both succeed if they are the same user's: each gives a session with the claims. A log-in of another
   * user gets `null`, and so does one whose session was revoked or rotated meanwhile. So does the second one on a user's own
   * session as soon as the session that the first one gave has ended, was rotated, or has other claims; and if it would be one
   * more than `maxSessionsPerUser`.
   */
  readonly userId?: string | undefined;
  /** Claims to change in the same step, as in `updateClaims`. With `grace`, the old session keeps its own until it ends. */
  readonly claims?: ClaimsPatch<Claims> | undefined;
  /** The user has just authenticated: both timeouts start again, and `authenticatedAt` is now. No effect for a guest. */
  readonly reauthenticated?: boolean | undefined;
  /** What to remember of the client from now on, as in `create`. Default: what is remembered already. */
  readonly client?: CreateOptions<Claims>["client"];
  /**
   * How long the session lasts from now on, ms, as in `create`. Only with `userId` or `reauthenticated`, because nothing else
   * starts the timeouts again. Default: those of the session if it is the same user's, otherwise those of the store.
   */
  readonly idleTimeout?: number | undefined;
  readonly absoluteTimeout?: number | undefined;
  /** As in `create`; `null` removes it. Default: that of the session if it is the same user's, otherwise none. */
  readonly persistent?: boolean | null | undefined;
  /** How many ms the old token stays valid, for requests that are under way. Not for a log-in. Default: 0. */
  readonly grace?: number | undefined;
}

/** Long enough for any request that is under way. An old token should not live longer. */
const MAX_GRACE = 10 * 60 * 1000;

/** A client that replaces another: what the new one does not tell is removed. */
export function encodeNewClient(client: CreateOptions<object>["client"]): string[] {
  return client === undefined ? [] : ["i", "", "a", "", ...encodeClient(client)];
}

export function encodeNewPersistence(persistent: boolean | null | undefined): string[] {
  return persistent === null ? ["c", ""] : encodePersistence(persistent);
}

/** Throws `TypeError` and `RangeError` for options that cannot be right, before any I/O. */
export function checkRotateOptions<Claims extends object>(cx: Context<Claims>, options: RotateOptions<Claims>): void {
  checkNames("rotate", options, [
    ...["userId", "claims", "reauthenticated", "client"],
    ...["idleTimeout", "absoluteTimeout", "persistent", "grace"],
  ]);
  const { userId, claims, reauthenticated, client, grace } = options;
  if (userId !== undefined) checkUserId(userId);
  if (claims !== undefined) checkClaims("claims", claims);
  if (reauthenticated !== undefined) checkBoolean("reauthenticated", reauthenticated);
  encodeClient(client);
  encodeNewPersistence(options.persistent);
  if (hasTimeouts(options)) {
    resolveTimeouts(cx.options, options);
    if (userId === undefined && reauthenticated !== true) {
      throw new TypeError(
        "idleTimeout and absoluteTimeout need userId or reauthenticated: nothing else starts the clocks",
      );
    }
  }
  if (grace === undefined) return;
  checkInteger("grace (ms)", grace, 0, MAX_GRACE);
  hintAtShortUnit("grace", grace);
  if (grace > 0 && userId !== undefined) {
    // OWASP ASVS 5.0, 7.2.4: authentication ends the current token. A grace would let a token that an attacker planted
    // before the log-in outlive it.
    throw new TypeError("grace cannot be combined with userId: a log-in ends the old session at once");
  }
}
