/** Calls beat.lua. */
import type { RedisDoor } from "../../redis/redis-door.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./beat.lua";

/**
 * `"told"`: the beat was published. `"lost"`: Redis has lost what earlier beats have left. `"mute"`: the user of Redis may not
 * publish.
 */
export type BeatStatus = "told" | "lost" | "mute";

export const beatScript = script((reply): BeatStatus => {
  if (reply === "told" || reply === "lost" || reply === "mute") return reply;
  throw unknownReply(reply);
}, body);

/** A beat, as the script takes it. */
export interface Beat {
  /** The canary of the process. */
  readonly key: string;
  /** The number of this beat. */
  readonly number: number;
  /** The highest number of a beat of which the process knows that it has run; 0 for none. */
  readonly known: number;
  /** For how many ms the canary stays. */
  readonly ttl: number;
}

/** Leaves a beat in Redis, which publishes it on the channel of the process. */
export function runBeat(redis: RedisDoor, { key, number, known, ttl }: Beat): Promise<BeatStatus> {
  return redis.run(beatScript, [key], [known, number, ttl]);
}
