/** Calls unblock.lua. */
import { newMark } from "../../redis/marks.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { textsOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { UserKeys } from "../keys.js";
import { ofRecord } from "./preludes.js";
import body from "./unblock.lua";

export const unblockScript = script(
  (reply): boolean => {
    const texts = textsOf(reply);
    const [status] = texts;
    if (texts.length === 1 && (status === "lifted" || status === "none")) return status === "lifted";
    throw unknownReply(reply);
  },
  ...ofRecord,
  body,
);

/** Lifts the block on a user. `false`: there was none. */
export function runUnblock(redis: RedisDoor, user: UserKeys): Promise<boolean> {
  return redis.run(unblockScript, [user.block], [user.name, newMark(), redis.markLife]);
}
