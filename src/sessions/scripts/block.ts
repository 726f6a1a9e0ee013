/** Calls block.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor, Revocation } from "../../redis/redis-door.js";
import { countOf, textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import body from "./block.lua";
import { ofIndex } from "./preludes.js";
import { pageIn, type RevokedPage } from "./revoke-user.js";

/** The user is blocked, and a page of their sessions has ended; or `until` has passed, and nothing was done. */
export type BlockedPage = RevokedPage | { readonly status: "past"; readonly now: number };

export const blockScript = script(
  (reply): BlockedPage => {
    const texts = textsOf(reply);
    const [status, now] = texts;
    if (texts.length === 2 && status === "past") return { status, now: countOf(now) };
    const page = pageIn(texts);
    if (page === undefined) throw unknownReply(reply);
    return page;
  },
  ...ofIndex,
  body,
);

export interface Blocking {
  readonly user: UserKeys;
  /** Epoch ms. Default: for good. */
  readonly until?: number | undefined;
  /** JSON-escaped; `""` for none. */
  readonly reason: string;
  /** How many sessions to end at most. */
  readonly most: number;
  /** For their endings, JSON-escaped; `""` for none. */
  readonly note: string;
  /** For how many ms each of them leaves its ending; 0 for none. */
  readonly endings: number;
}

/** Blocks a user and ends the first page of their sessions. */
export function runBlock(redis: RedisDoor, blocking: Blocking): Promise<Revocation<BlockedPage>> {
  const { user, until = "", reason, most, note, endings } = blocking;
  const args = [user.name, until, reason, most, newMark(), redis.markLife, note, endings];
  return redis.runRevocation(blockScript, [user.block], args);
}
