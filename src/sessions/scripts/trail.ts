/** Calls trail.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { isRecordText, type RecordText, unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import { ofRecord } from "./preludes.js";
import body from "./trail.lua";

export const trailScript = script(
  (reply): RecordText | "none" => {
    if (isRecordText(reply) || reply === "none") return reply;
    throw unknownReply(reply);
  },
  ...ofRecord,
  body,
);

export interface TrailReading {
  /** The key of the trail. */
  readonly key: string;
  /** Of the session that has ended. */
  readonly secretHash: string;
  /** Who logs in, JSON-escaped. */
  readonly user: string;
}

/** Reads what a log-in left of the session that it ended. `"none"`: nothing, or it is another user's log-in. */
export function runTrail(
  redis: RedisDoor,
  { key, secretHash, user }: TrailReading,
  deadline: Deadline,
): Promise<RecordText | "none"> {
  return redis.run(trailScript, [key], [secretHash, user], deadline);
}
