/** Calls unblock.lua. */
import type { Redis } from "../../redis/redis.js";
import { countOf, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./unblock.lua";

export const unblockScript = script((reply): boolean => {
  const lifted = countOf(reply);
  if (lifted > 1) throw unknownReply(reply);
  return lifted === 1;
}, body);

/** Lifts the block on a user. `false`: there was none. */
export function runUnblock(redis: Redis, block: string): Promise<boolean> {
  return redis.run(unblockScript, [block], []);
}
