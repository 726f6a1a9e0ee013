/** Calls consume.lua. */
import prelude from "../../redis/prelude.lua";
import type { RedisDoor } from "../../redis/redis-door.js";
import { type RecordText, type Refusal, recordOrRefusal } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./consume.lua";

export interface Consumption {
  /** The key of the token. */
  readonly key: string;
  /** The key to which the record moves. */
  readonly consumed: string;
  readonly secretHash: string;
  /** For how many ms the caller may be waiting for a reply. */
  readonly wait: number;
}

export const consumeScript = script(recordOrRefusal, prelude, body);

/** Consumes a token. */
export function runConsume(redis: RedisDoor, consumption: Consumption): Promise<RecordText | Refusal> {
  const { key, consumed, secretHash, wait } = consumption;
  return redis.run(consumeScript, [key, consumed], [secretHash, wait]);
}
