/** Calls get.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { type RecordText, type Refusal, recordOrRefusal, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import { type EndingText, isEndingText } from "../ending.js";
import body from "./get.lua";

/** What a lookup may reply: the ending is that of a session that is gone, if it was asked for. */
export type LookUpReply = RecordText | Refusal | EndingText;

/** Decodes the reply of a script that looks a session up. */
export function lookUpReply(reply: unknown): LookUpReply {
  return isEndingText(reply) ? reply : recordOrRefusal(reply);
}

export const getScript = script(lookUpReply, body);

/** Reads a session. `secretHash` is `""` for a caller who named it by its id. */
export async function runGet(
  redis: RedisDoor,
  key: string,
  secretHash: string,
  deadline?: Deadline,
): Promise<RecordText | Refusal> {
  const reply = await redis.run(getScript, [key], [secretHash, ""], deadline);
  if (isEndingText(reply)) throw unknownReply(reply);
  return reply;
}

/** The same, and gives the ending of a session that is gone, to its bearer. */
export function runExplain(redis: RedisDoor, key: string, secretHash: string): Promise<LookUpReply> {
  return redis.run(getScript, [key], [secretHash, "1"]);
}
