/** Ending sessions: one, or all of a user's. */

import { checkNames, checkString, checkUserId, refuseObject } from "../../leaves/arguments.js";
import { parseTarget } from "../../leaves/token.js";
import { repeatedError } from "../../redis/redis-errors.js";
import type { Shortfall } from "../../redis/replicas.js";
import { type Context, PAGE, refused, rejected } from "../context.js";
import { type Cause, MAX_NOTE } from "../ending.js";
import type { RevocationReason } from "../events.js";
import { runRevokeUser } from "../scripts/revoke-user.js";
import { endEach, endSession, firstOf } from "./end.js";

/** What is remembered of a revocation. */
export interface RevokeOptions {
  /**
   * With the option `endings`: what `explain` and `session.ended` tell the bearer beside the reason, such as `"password"`. At
   * most 64 characters. Default: none.
   */
  readonly note?: string | undefined;
}

/** Throws unless a note is a text that is short enough. Returns it. */
export function checkNote(note: string | undefined): string {
  return note === undefined ? "" : checkString("note", note, MAX_NOTE);
}

export async function revoke<Claims extends object>(
  cx: Context<Claims>,
  tokenOrId: unknown,
  options: RevokeOptions = {},
): Promise<boolean> {
  checkNames("revoke", options, ["note"]);
  const note = checkNote(options.note);
  const target = parseTarget(tokenOrId);
  if (target === null) {
    refuseObject("revoke", tokenOrId);
    rejected(cx, "malformed");
    return false;
  }
  const { losses } = cx.redis;
  const { own, userId, ended, shortfall } = await endSession(cx, target, { note });
  // Also if another process has ended it, of which this one may not have heard yet.
  cx.forget(target.id);
  announceEnd(cx, ended, userId, "revoked");
  if (own.status === "none" && cx.redis.isUnsure(losses)) throw repeatedError();
  if (own.status !== "ended" && target.secretHash !== "") refused(cx, own.status, target);
  const short = await shortfall;
  if (short !== null) throw short;
  return own.status === "ended";
}

/** Which session `revokeAllForUser` spares, and what is remembered of the others. */
export interface RevokeAllOptions extends RevokeOptions {
  /** A token or session id: this session stays. For "sign out everywhere else". */
  readonly except?: string | undefined;
}

export async function revokeAllForUser<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  options: RevokeAllOptions = {},
): Promise<number> {
  checkUserId(userId);
  checkNames("revokeAllForUser", options, ["except", "note"]);
  const note = checkNote(options.note);
  const spared = options.except === undefined ? "" : parseTarget(options.except)?.id;
  if (spared === undefined) throw new TypeError("except must be a token or a session id");
  return revokePages(cx, userId, spared, { reason: "user", note });
}

/** Ends the sessions of a user page by page, until only the spared one is left. Gives how many were live. */
export async function revokePages<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  spared: string,
  cause: Cause & { readonly reason: RevocationReason },
): Promise<number> {
  const user = cx.keys.user(userId);
  const { endings } = cx.options;
  let count = 0;
  const shortfalls: Shortfall[] = [];
  for (;;) {
    const { losses } = cx.redis;
    const { reply, shortfall } = await runRevokeUser(cx.redis, { user, spared, most: PAGE, cause, endings });
    const { status, ids } = reply;
    const page = status === "moving" ? await endEach(cx, user.index, ids, spared, cause) : { ended: ids, shortfall };
    // Every page is revoked at once; the wait for the replicas comes at the end.
    shortfalls.push(shortfall);
    if (page !== null) {
      announceEnd(cx, page.ended, userId, cause.reason);
      count += page.ended.length;
      if (status === "moving" && cx.redis.isUnsure(losses)) throw repeatedError();
      shortfalls.push(page.shortfall);
      if (status !== "done") continue;
    }
    const short = await firstOf(shortfalls);
    if (short !== null) throw short;
    return count;
  }
}

/** Forgets sessions that have ended, and announces it. */
export function announceEnd<Claims extends object>(
  cx: Context<Claims>,
  ids: readonly string[],
  userId: string | null,
  reason: RevocationReason,
): void {
  for (const id of ids) {
    cx.forget(id);
    cx.events.announce("revoked", { id, userId, reason });
  }
}
