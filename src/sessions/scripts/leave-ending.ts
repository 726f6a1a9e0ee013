/** Calls leave-ending.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import { SlotMovingError } from "../../redis/cluster/redirection.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import type { Cause } from "../ending.js";
import { encodeCause } from "./cause.js";
import body from "./leave-ending.lua";
import { ofRecord } from "./preludes.js";

export const leaveEndingScript = script(
  (reply): "left" => {
    if (reply === "moving") throw new SlotMovingError();
    if (reply === "left") return reply;
    throw unknownReply(reply);
  },
  ...ofRecord,
  body,
);

export interface LeftEnding {
  /** The key of the ending. */
  readonly key: string;
  /** Of the session that has ended. */
  readonly secretHash: string;
  readonly cause: Cause;
  /** For how many ms to leave it. */
  readonly endings: number;
}

/** Leaves the ending of a session that has ended while its slot was moving. */
export function runLeaveEnding(
  redis: RedisDoor,
  { key, secretHash, cause, endings }: LeftEnding,
  deadline?: Deadline,
): Promise<"left"> {
  return redis.run(leaveEndingScript, [key], [secretHash, ...encodeCause(cause, endings)], deadline);
}
