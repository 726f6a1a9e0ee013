/** Ending sessions: one, or all of a user's. */
import { type Context, PAGE, refused, rejected } from "../context.js";
import type { RevocationReason } from "../events.js";
import { unescapeText } from "../keys.js";
import { checkNames, checkUserId } from "../options.js";
import { scripts } from "../scripts/scripts.js";
import { parseTarget } from "../token.js";

export async function revoke<Claims extends object>(cx: Context<Claims>, tokenOrId: unknown): Promise<boolean> {
  const target = parseTarget(tokenOrId);
  if (target === null) {
    rejected(cx, "malformed");
    return false;
  }
  const { id, secretHash } = target;
  const { result, shortfall } = await cx.redis.runRevocation(
    scripts.revoke,
    [cx.keys.session(id), cx.keys.indexes(id)],
    [secretHash, ""],
  );
  const [status, user, ...ended] = result as [string, string, ...string[]];
  if (status === "ok") announceEnd(cx, ended, user === "" ? null : unescapeText(user), "revoked");
  else if (secretHash !== "") refused(cx, status, target);
  if (shortfall !== null) throw shortfall;
  return status === "ok";
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

/** Ends the sessions of a user page by page, until none is left but the spared one. Gives how many were live. */
export async function revokePages<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  spared: string,
  reason: RevocationReason,
): Promise<number> {
  const { index, sessions } = cx.keys.user(userId);
  let count = 0;
  for (;;) {
    const { result, shortfall } = await cx.redis.runRevocation(scripts.revokeUser, [index, sessions], [spared, PAGE]);
    const [more, ...ended] = result as [number, ...string[]];
    announceEnd(cx, ended, userId, reason);
    count += ended.length;
    if (Number(more) !== 0) continue;
    // What the last page waited for includes all pages before it.
    if (shortfall !== null) throw shortfall;
    return count;
  }
}

/** Announces the end of sessions. */
export function announceEnd<Claims extends object>(
  cx: Context<Claims>,
  ids: readonly string[],
  userId: string | null,
  reason: RevocationReason,
): void {
  for (const id of ids) cx.events.announce("revoked", { id, userId, reason });
}
