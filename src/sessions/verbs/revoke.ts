/** Ending sessions: one, or all of a user's. */

import { checkNames, checkUserId, refuseObject } from "../../leaves/arguments.js";
import { parseTarget } from "../../leaves/token.js";
import { repeatedError } from "../../redis/redis-errors.js";
import type { Shortfall } from "../../redis/replicas.js";
import { type Context, PAGE, refused, rejected } from "../context.js";
import type { RevocationReason } from "../events.js";
import { runRevokeUser } from "../scripts/revoke-user.js";
import { endEach, endSession, firstOf } from "./end.js";

export async function revoke<Claims extends object>(cx: Context<Claims>, tokenOrId: unknown): Promise<boolean> {
  const target = parseTarget(tokenOrId);
  if (target === null) {
    refuseObject("revoke", tokenOrId);
    rejected(cx, "malformed");
    return false;
  }
  const { losses } = cx.redis;
  const { own, userId, ended, shortfall } = await endSession(cx, target);
  announceEnd(cx, ended, userId, "revoked");
  if (own.status === "none" && cx.redis.isUnsure(losses)) throw repeatedError();
  if (own.status !== "ended" && target.secretHash !== "") refused(cx, own.status, target);
  const short = await shortfall;
  if (short !== null) throw short;
  return own.status === "ended";
}

/** Which session `revokeAllForUser` spares. */
export interface RevokeAllOptions {
  /** A token or session id: this session stays. For "sign out everywhere else". */
  readonly except?: string | undefined;
}

export async function revokeAllForUser<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  options: RevokeAllOptions = {},
): Promise<number> {
  checkUserId(userId);
  checkNames("revokeAllForUser", options, ["except"]);
  const spared = options.except === undefined ? "" : parseTarget(options.except)?.id;
  if (spared === undefined) throw new TypeError("except must be a token or a session id");
  return revokePages(cx, userId, spared, "user");
}

/** Ends the sessions of a user page by page, until only the spared one is left. Gives how many were live. */
export async function revokePages<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  spared: string,
  reason: RevocationReason,
): Promise<number> {
  const user = cx.keys.user(userId);
  let count = 0;
  const shortfalls: Shortfall[] = [];
  for (;;) {
    const { losses } = cx.redis;
    const { reply, shortfall } = await runRevokeUser(cx.redis, { user, spared, most: PAGE, reason });
    const { status, ids } = reply;
    const page = status === "moving" ? await endEach(cx, user.index, ids, spared, reason) : { ended: ids, shortfall };
    // Every page is revoked at once; the wait for the replicas comes at the end.
    shortfalls.push(shortfall);
    if (page !== null) {
      announceEnd(cx, page.ended, userId, reason);
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
