/** Calls peek.lua. */
import prelude from "../../redis/prelude.lua";
import type { RedisDoor } from "../../redis/redis-door.js";
import { type RecordText, type Refusal, recordOrRefusal } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./peek.lua";

export const peekScript = script(recordOrRefusal, prelude, body);

/** Reads a token and leaves it valid. */
export function runPeek(redis: RedisDoor, key: string, secretHash: string): Promise<RecordText | Refusal> {
  return redis.run(peekScript, [key], [secretHash]);
}
