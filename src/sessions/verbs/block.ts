/** Blocking a user: no session lives, and none is created, until the block ends. */

import { checkInteger, checkNames, checkString, checkUserId } from "../../leaves/arguments.js";
import { escapeText, unescapeText } from "../../leaves/text.js";
import { type Context, PAGE } from "../context.js";
import { scripts } from "../scripts/scripts.js";
import { APART, announceEnd, revokePages } from "./revoke.js";

/** How long a user is blocked, and why. */
export interface BlockOptions {
  /** When the block ends by itself, epoch ms by the clock of Redis. Default: never. */
  readonly until?: number | undefined;
  /** Kept for `getBlock` and `UserBlockedError.reason`; at most 1024 characters. Default: none. */
  readonly reason?: string | undefined;
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
  checkNames("blockUser", options, ["until", "reason"]);
  const until = options.until === undefined ? "" : checkInteger("until (epoch ms)", options.until, 1);
  const reason = escapeText(checkString("reason", options.reason ?? "", MAX_REASON));
  const { block, name } = cx.keys.user(userId);
  const { result, shortfall } = await cx.redis.runRevocation(scripts.block, [block], [name, until, reason, PAGE]);
  const [more, ...ended] = result as [number | "past", ...string[]];
  if (more === "past") {
    throw new RangeError(`until must be in the future, epoch ms: got ${until}, and Redis's clock says ${ended[0]}`);
  }
  // None of those that it names has ended where the page lies apart.
  const page = Number(more) === APART ? [] : ended;
  announceEnd(cx, page, userId, "blocked");
  // From here on no session is created any more, so what is left can only become less.
  const left = Number(more) === 0 ? 0 : await revokePages(cx, userId, "", "blocked");
  const short = await shortfall;
  if (short !== null) throw short;
  return page.length + left;
}

export async function unblockUser<Claims extends object>(cx: Context<Claims>, userId: string): Promise<boolean> {
  const { block } = cx.keys.user(checkUserId(userId));
  return Number(await cx.redis.run(scripts.unblock, [block], [])) === 1;
}

export async function getBlock<Claims extends object>(cx: Context<Claims>, userId: string): Promise<Block | null> {
  const { block } = cx.keys.user(checkUserId(userId));
  const [since, until, reason] = (await cx.redis.run(scripts.getBlock, [block], [])) as string[];
  if (since === undefined) return null;
  return Object.freeze({
    userId,
    since: Number(since),
    until: until ? Number(until) : null,
    reason: reason ? unescapeText(reason) : null,
  });
}
