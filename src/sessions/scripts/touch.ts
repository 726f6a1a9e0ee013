/** Calls touch.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { lookUpScript } from "../../redis/script.js";
import { type LookUpReply, lookUpReply } from "./get.js";
import body from "./touch.lua";

export const touchScript = lookUpScript(lookUpReply, body);

/** How the sessions of a store slide. It is the same for every call, so it is made once. */
export interface Pace {
  /** The end of the field `t` in a session that was created with the timeouts of the store. */
  readonly usualTimes: string;
  /** What such a session has left when its next slide is due, ms: its idle timeout less the touch interval. */
  readonly due: number;
  /** `"1"` to give the ending of a session that is gone, else `""`. */
  readonly endings: "1" | "";
}

/** Reads a session and slides its idle deadline, once an interval. */
export function runTouch(
  redis: RedisDoor,
  key: string,
  secretHash: string,
  pace: Pace,
  deadline?: Deadline,
): Promise<LookUpReply> {
  return redis.run(touchScript, [key], [secretHash, pace.usualTimes, pace.due, pace.endings], deadline);
}
