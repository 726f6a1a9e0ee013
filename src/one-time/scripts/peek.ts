/** Calls peek.lua. */
import prelude from "../../redis/prelude.lua";
import type { Redis } from "../../redis/redis.js";
import { type RecordText, type Refusal, recordOrRefusal } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./peek.lua";

export const peekScript = script(recordOrRefusal, prelude, body);

/** Reads a token and leaves it valid. */
export function runPeek(redis: Redis, key: string, secretHash: string): Promise<RecordText | Refusal> {
  return redis.run(peekScript, [key], [secretHash]);
}
