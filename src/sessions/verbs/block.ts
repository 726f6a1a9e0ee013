/** Blocking a user: no session lives, and none is created, until the block ends. */

import { checkInteger, checkNames, checkString, checkUserId } from "../../leaves/arguments.js";
import { escapeText, unescapeText } from "../../leaves/text.js";
import { repeatedError } from "../../redis/redis-errors.js";
import { type Context, PAGE } from "../context.js";
import { runBlock } from "../scripts/block.js";
import { runGetBlock } from "../scripts/get-block.js";
import { runUnblock } from "../scripts/unblock.js";
import { announceEnd, checkNote, revokePages } from "./revoke.js";

/** How long a user is blocked, and why. */
export interface BlockOptions {
  /** When the block ends by itself, epoch ms by the clock of Redis. Default: never. */
  readonly until?: number | undefined;
  /** Kept for `getBlock` and `UserBlockedError.reason`; at most 1024 characters. Default: none. */
  readonly reason?: string | undefined;
  /**
   * With the option `endings`: what `explain` and `session.ended` tell the bearers of the sessions that end. At most 64
   * characters. Default: none.
   */
  readonly note?: string | undefined;
}

/** A block on a user. */
export interface Block {
  readonly userId: string;
  /** When the user was blocked, epoch ms. */
  readonly since: number;
  /** When the block ends, epoch ms; `null` for a block without end. */
  readonly until: number | null;
  readonly reason: string | null;
}

const MAX_REASON = 1024;

export async function blockUser<Claims extends object>(
  cx: Context<Claims>,
  userId: string,
  options: BlockOptions = {},
): Promise<number> {
  checkUserId(userId);
  checkNames("blockUser", options, ["until", "reason", "note"]);
  const note = checkNote(options.note);
  const until = options.until === undefined ? undefined : checkInteger("until (epoch ms)", options.until, 1);
  const reason = escapeText(checkString("reason", options.reason ?? "", MAX_REASON));
  const user = cx.keys.user(userId);
  const { endings } = cx.options;
  const { reply, shortfall } = await runBlock(cx.redis, {
    user,
    until,
    reason,
    most: PAGE,
    note: escapeText(note),
    endings,
  });
  if (reply.status === "past") {
    throw new RangeError(`until must be in the future, epoch ms: got ${until}, and Redis's clock says ${reply.now}`);
  }
  cx.events.announce("blocked", { userId, until: until ?? null });
  // While the slot is moving, the page names sessions that must still be ended.
  const ended = reply.status === "moving" ? [] : reply.ids;
  announceEnd(cx, ended, userId, "blocked");
  // From here on no session is created, so the number of sessions only falls.
  const left = reply.status === "done" ? 0 : await revokePages(cx, userId, "", { reason: "blocked", note });
  const short = await shortfall;
  if (short !== null) throw short;
  return ended.length + left;
}

export async function unblockUser<Claims extends object>(cx: Context<Claims>, userId: string): Promise<boolean> {
  const { losses } = cx.redis;
  const lifted = await runUnblock(cx.redis, cx.keys.user(checkUserId(userId)));
  // While the slot is moving no mark can be kept, and the second run does not know that the first one has lifted the block.
  if (!lifted && cx.redis.isUnsure(losses)) throw repeatedError();
  if (lifted) cx.events.announce("unblocked", { userId });
  return lifted;
}

export async function getBlock<Claims extends object>(cx: Context<Claims>, userId: string): Promise<Block | null> {
  const { block } = cx.keys.user(checkUserId(userId));
  const found = await runGetBlock(cx.redis, block);
  if (found.status === "none") return null;
  return Object.freeze({
    userId,
    since: Number(found.since),
    until: found.until === "" ? null : Number(found.until),
    reason: found.reason === "" ? null : unescapeText(found.reason),
  });
}
