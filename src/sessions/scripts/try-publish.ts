/** Calls try-publish.lua. */
import type { Deadline } from "../../redis/calls/deadline.js";
import type { RedisDoor } from "../../redis/redis-door.js";
import { unknownReply } from "../../redis/replies.js";
import { script } from "../../redis/script.js";
import body from "./try-publish.lua";

export const tryPublishScript = script((reply): "told" | "mute" => {
  if (reply === "told" || reply === "mute") return reply;
  throw unknownReply(reply);
}, body);

/** Publishes what tells nobody anything. `key` is that of a session that never was. `"mute"`: the user of Redis may not. */
export function runTryPublish(redis: RedisDoor, key: string, deadline?: Deadline): Promise<"told" | "mute"> {
  return redis.run(tryPublishScript, [key], [], deadline);
}
