/** Calls get.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { type RecordText, type Refusal, recordOrRefusal } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./get.lua";

export const getScript = script(recordOrRefusal, body);

/** Reads a session. `secretHash` is `""` for a caller who named it by its id. */
export function runGet(
  redis: RedisDoor,
  key: string,
  secretHash: string,
  deadline?: Deadline,
): Promise<RecordText | Refusal> {
  return redis.run(getScript, [key], [secretHash], deadline);
}
