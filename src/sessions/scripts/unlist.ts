/** Calls unlist.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { countOf } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import { ofIndex } from "./preludes.js";
import body from "./unlist.lua";

export const unlistScript = script(countOf, ...ofIndex, body);

/** Takes sessions that have ended out of the index of their user. Gives how many of them it named. */
export function runUnlist(
  redis: RedisDoor,
  index: string,
  ids: readonly string[],
  deadline?: Deadline,
): Promise<number> {
  return redis.run(unlistScript, [index], ids, deadline);
}
